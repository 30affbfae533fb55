package azuretest

import "time"

// Limits are how many calls a vault answers in 10 seconds; 0: any number.
type Limits struct {
	Creates int // SetSecret
	Others  int
}

// PublishedLimits are those that Azure publishes for secrets.
// https://learn.microsoft.com/azure/key-vault/general/service-limits
func PublishedLimits() Limits { return Limits{Creates: 300, Others: 4000} }

const limitWindow = 10 * time.Second

// limits count the calls of one vault, from one window of time to the next.
type limits struct{ creates, others window }

type window struct {
	most, used int
	began      time.Time
}

func newLimits(l Limits) limits {
	return limits{creates: window{most: l.Creates}, others: window{most: l.Others}}
}

// SetLimits replaces a vault's limits; the zero value ends them.
func (v *Vault) SetLimits(l Limits) {
	v.server.mu.Lock()
	defer v.server.mu.Unlock()
	v.limits = newLimits(l)
}

// take uses up one call, and says how long to wait where there is none left.
func (l *limits) take(operation string, now time.Time) (time.Duration, bool) {
	w := &l.others
	if operation == opSet {
		w = &l.creates
	}
	if w.most <= 0 {
		return 0, true
	}
	if now.Sub(w.began) >= limitWindow {
		w.began, w.used = now, 0
	}
	if w.used >= w.most {
		return max(time.Second, w.began.Add(limitWindow).Sub(now)), false
	}
	w.used++
	return 0, true
}
