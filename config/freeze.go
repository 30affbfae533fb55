package config

import (
	"reflect"
	"slices"
	"time"
)

// Freeze is a stretch of time in which no key is issued or deleted.
type Freeze struct {
	From   time.Time // the first moment
	Until  time.Time // the first moment after it
	Reason string
}

// Freezes are all the freezes that bind one account. They are open when no
// freeze is on.
type Freezes []Freeze

// Open says whether no freeze is on at t.
func (fs Freezes) Open(t time.Time) bool {
	_, on := fs.On(t)
	return !on
}

// On returns a freeze that is on at t.
func (fs Freezes) On(t time.Time) (Freeze, bool) {
	i := slices.IndexFunc(fs, func(f Freeze) bool { return !t.Before(f.From) && t.Before(f.Until) })
	if i < 0 {
		return Freeze{}, false
	}
	return fs[i], true
}

// NextOpen returns the first time at or after t at which no freeze is on.
func (fs Freezes) NextOpen(t time.Time) time.Time {
	for {
		f, on := fs.On(t)
		if !on {
			return t
		}
		t = f.Until.In(t.Location())
	}
}

// writtenFreeze is a freeze as written.
type writtenFreeze struct {
	// From is the first day, like 2026-12-20, or a time of it, like 2026-12-20 18:00.
	From string `yaml:"from" keyrota:"required"`
	// Until is the last day, which is frozen too, or a time of it at which the freeze ends.
	Until string `yaml:"until" keyrota:"required"`
	// Zone is the time zone of both, like Europe/Berlin.
	Zone string `yaml:"zone" keyrota:"required"`
	// Reason is shown to people while the freeze is on.
	Reason string `yaml:"reason"`
	freeze Freeze
}

func (w *writtenFreeze) decodeNode(d *decoder, n *node) {
	before := len(d.problems)
	d.decodeStruct(n, reflect.ValueOf(w).Elem())
	if len(d.problems) > before || n.kind != kindMapping {
		return
	}
	location, ok := zone(w.Zone)
	if !ok {
		d.errorAt(n.path+".zone", "the time zone is not known", zoneHint)
		return
	}
	const hint = "write a day like 2026-12-20, or a time like 2026-12-20 18:00"
	from, _, okFrom := parseMoment(w.From, location)
	until, isDay, okUntil := parseMoment(w.Until, location)
	if !okFrom {
		d.errorAt(n.path+".from", "not a day", hint)
	}
	if !okUntil {
		d.errorAt(n.path+".until", "not a day", hint)
	}
	if !okFrom || !okUntil {
		return
	}
	if isDay {
		until = until.AddDate(0, 0, 1)
	}
	if !from.Before(until) {
		d.errorAt(n.path+".until", "the freeze ends before it begins", "write an end after from:")
		return
	}
	w.freeze = Freeze{From: from, Until: until, Reason: w.Reason}
}

func parseMoment(s string, l *time.Location) (t time.Time, isDay, ok bool) {
	if t, err := time.ParseInLocation("2006-01-02 15:04", s, l); err == nil {
		return t, false, true
	}
	t, err := time.ParseInLocation("2006-01-02", s, l)
	return t, true, err == nil
}
