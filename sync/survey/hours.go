package survey

import (
	"fmt"
	"regexp"
	"time"
)

// nextMorning returns when working hours begin next: what breaks before cannot
// wait for them.
func (f *fold) nextMorning() time.Time {
	w := f.Config.WorkingHours
	if at := w.NextOpen(f.now.Add(time.Minute)); !w.Open(f.now) && !at.IsZero() {
		return at
	}
	for at, end := f.now.Add(time.Hour), f.now.AddDate(0, 0, 14); at.Before(end); at = at.Add(time.Hour) {
		if !w.Open(at) {
			return w.NextOpen(at) // the hours of today are under way
		}
	}
	return f.now.AddDate(0, 0, 1)
}

// nameAllowed judges names by the pattern of the configuration; nil: there is none.
func (f *fold) nameAllowed() func(string) string {
	pattern := f.Config.NamePattern
	if pattern == "" {
		return nil
	}
	matches, err := regexp.Compile(pattern)
	if err != nil {
		return nil // the configuration was checked
	}
	return func(name string) string {
		if matches.MatchString(name) {
			return ""
		}
		return fmt.Sprintf("it does not match %s", pattern)
	}
}
