package rotation

import (
	"hash/fnv"
	"time"
)

// Schedule says when something is due next after a time. The schedules of
// robfig/cron fit.
type Schedule interface{ Next(time.Time) time.Time }

// Window says when keys may be issued and retired. Delivering and healing never
// wait for it, and an emergency waits for none; what a person asked for waits
// for a freeze alone.
type Window interface {
	Open(time.Time) bool
	// NextOpen returns the first time at or after t at which it is open, and
	// the zero time if there is none.
	NextOpen(t time.Time) time.Time
}

// Policy is what a person decided about one account.
type Policy struct {
	Observe  bool     // watch and report, change nothing
	Schedule Schedule // nil: rotated on request only
	Window   Window   // nil: always open
	Freeze   Window   // closed while frozen; nil: never frozen
	Overlap  time.Duration
	// MaxOverlap is how long a run that is seen to go on keeps an old key.
	MaxOverlap time.Duration
	Forever    bool // jobs never end: every retirement waits for a person
	// WriteDeadline is W: no write lands later than this after it was sent.
	// Every overlap is at least as long.
	WriteDeadline time.Duration
	RetryBase     time.Duration // first pause after a failed creation
	MaxKeys       int           // live keys of ours at most
	EmergencyKeys int           // the same when a key has leaked
	ClockSkew     time.Duration // how far our clock may be from the platform's when a key is deleted
}

// DefaultPolicy returns a policy with every bound at its documented default
// and no schedule.
func DefaultPolicy() Policy {
	return Policy{
		Overlap:       24 * time.Hour,
		WriteDeadline: 10 * time.Minute,
		RetryBase:     time.Minute,
		MaxKeys:       3,
		EmergencyKeys: 4,
		ClockSkew:     5 * time.Minute,
	}
}

// triesBeforeParking is how many failed creations in a row are taken for
// something that does not heal by itself.
const triesBeforeParking = 3

func (p Policy) open(now time.Time) bool {
	return (p.Window == nil || p.Window.Open(now)) && !p.frozen(now)
}

func (p Policy) frozen(now time.Time) bool { return p.Freeze != nil && !p.Freeze.Open(now) }

// nextOpen returns the first time from t on at which neither the window nor a
// freeze holds back, and the zero time if none is found.
func (p Policy) nextOpen(t time.Time) time.Time {
	for range 100 {
		if p.Window != nil && !p.Window.Open(t) {
			t = p.Window.NextOpen(t)
		}
		if t.IsZero() || p.Freeze == nil || p.Freeze.Open(t) {
			return t
		}
		if t = p.Freeze.NextOpen(t); t.IsZero() || p.Window == nil || p.Window.Open(t) {
			return t
		}
	}
	return time.Time{}
}

// Due returns when the offered key is due to be replaced, and the zero time if
// it never is by schedule. A key of unknown age is due at once. Up to a tenth
// of the interval, and at most a day, is taken off it, by the account's id, so
// that accounts made together do not rotate together.
func (s Spec) Due(r Record) time.Time {
	if s.Policy.Schedule == nil {
		return time.Time{}
	}
	if r.Offer.Issued.IsZero() {
		return r.Agreed
	}
	due := s.Policy.Schedule.Next(r.Offer.Issued)
	if due.IsZero() {
		return due
	}
	spread := min(due.Sub(r.Offer.Issued)/10, 24*time.Hour)
	h := fnv.New32a()
	_, _ = h.Write([]byte(s.Account.Ref))
	return due.Add(-time.Duration(float64(spread) * float64(h.Sum32()) / (1 << 32)))
}
