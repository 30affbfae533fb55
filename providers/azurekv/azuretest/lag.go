package azuretest

// Lag is how far reads stay behind. The zero value is none. It applies to
// changes made after it was set.
type Lag struct {
	Calls int  // a change is not seen by so many calls that follow it, of any kind
	Hold  bool // no change is seen until Release
}

// Lags are the lags of the reads.
type Lags struct {
	Get      Lag // GetSecret, GetDeletedSecret
	Versions Lag // ListVersions
	List     Lag // ListSecrets, ListDeletedSecrets
}

// SetLags makes reads stay behind from now on. It replaces earlier lags, and
// lets everything that happened be seen first.
func (s *Server) SetLags(l Lags) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.vaults {
		v.catchUp()
	}
	s.lags = l
	s.held = s.changes
}

// Release ends all lags: reads see the present.
func (s *Server) Release() { s.SetLags(Lags{}) }

// past is a state that ended.
type past struct {
	call, change uint64 // that ended it
	was          *secret
}

func (s *Server) sees(l Lag, p past) bool {
	switch {
	case l.Hold && p.change > s.held:
		return false
	case l.Calls > 0 && p.call+uint64(l.Calls) >= s.call:
		return false
	}
	return true
}

// as is the secret as a lagging read sees it, or nil.
func (s *Server) as(e *entry, l Lag) *secret {
	for _, p := range e.past {
		if !s.sees(l, p) {
			return p.was
		}
	}
	return e.now
}

// change makes next the present state of an entry; nil is none.
func (v *Vault) change(e *entry, next *secret) {
	s := v.server
	s.changes++
	if s.lags != (Lags{}) {
		e.past = append(e.past, past{call: s.call, change: s.changes, was: e.now})
	}
	e.now = next
	if next == nil && len(e.past) == 0 {
		v.forget(e)
	}
}

// catchUp forgets what only a lagging read would see.
func (v *Vault) catchUp() {
	for _, e := range append([]*entry(nil), v.order...) {
		e.past = nil
		if e.now == nil {
			v.forget(e)
		}
	}
}
