package awstest

import "time"

// Lag is how far reads stay behind. The zero value is none. It applies to
// changes made after it was set.
type Lag struct {
	Time  time.Duration // a change is seen after so long
	Calls int           // a change is not seen by so many calls that follow it, of any kind
	Hold  bool          // no change is seen until Release
}

// Lags are the lags of the reads. "All Secrets Manager operations are eventually
// consistent. ListSecrets might not reflect changes from the last five minutes.
// You can get more recent information for a specific secret by calling
// DescribeSecret."
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html
type Lags struct {
	Get      Lag // GetSecretValue, BatchGetSecretValue by id, ListSecretVersionIds
	Describe Lag // DescribeSecret
	List     Lag // ListSecrets, BatchGetSecretValue with filters
}

// SetLags makes reads stay behind from now on. It replaces earlier lags, and
// lets everything that happened be seen first.
func (s *Server) SetLags(l Lags) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	s.lags = l
	s.held = s.changes
}

// Release ends all lags: reads see the present.
func (s *Server) Release() { s.SetLags(Lags{}) }

// past is a state that ended.
type past struct {
	until moment
	was   *secret
}

// moment is when a change happened.
type moment struct {
	at     time.Time
	call   uint64
	change uint64
}

// sight is what a read can see.
type sight struct {
	lag  Lag
	at   time.Time
	call uint64
	held uint64
}

func (s *Server) sight(l Lag, now time.Time) sight {
	return sight{lag: l, at: now, call: s.call, held: s.held}
}

func (v sight) sees(m moment) bool {
	switch {
	case v.lag.Hold && m.change > v.held:
		return false
	case v.lag.Time > 0 && m.at.Add(v.lag.Time).After(v.at):
		return false
	case v.lag.Calls > 0 && m.call+uint64(v.lag.Calls) >= v.call:
		return false
	}
	return true
}

// as is the secret of the entry's name as a read sees it, or nil.
func (e *entry) as(v sight) *secret {
	for ; e != nil; e = e.older {
		if s := e.alone(v); s != nil {
			return s
		}
	}
	return nil
}

// alone is as without what bore the name before.
func (e *entry) alone(v sight) *secret {
	for _, p := range e.past {
		if !v.sees(p.until) {
			return p.was
		}
	}
	return e.now
}

func (s *Server) lagging() bool { return s.lags != Lags{} }

// set makes next the present state of an entry; nil is none.
func (s *Server) set(r *region, e *entry, next *secret, at time.Time) {
	s.changes++
	if s.lagging() {
		e.past = append(e.past, past{until: moment{at: at, call: s.call, change: s.changes}, was: e.now})
	}
	if e.now == nil && next != nil {
		s.created++
		e.seq = s.created
		r.order = append(r.order, e)
	}
	e.now = next
	if next == nil && len(e.past) == 0 {
		r.remove(e)
	}
}

// add puts a new secret into a region.
func (s *Server) add(r *region, first *secret, at time.Time) *entry {
	e := &entry{name: first.name, older: r.byName[first.name]}
	r.byName[first.name] = e
	r.made[first.name]++
	s.set(r, e, first, at)
	return e
}

// catchUp forgets what only a lagging read would see.
func (s *Server) catchUp() {
	if !s.lagging() {
		return
	}
	for _, r := range s.regions {
		for _, e := range append([]*entry(nil), r.order...) {
			e.past = nil
			if e.now == nil {
				r.remove(e)
			}
		}
	}
}
