package survey

import "time"

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
