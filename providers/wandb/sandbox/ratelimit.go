package sandbox

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// window counts an account's requests in the current period.
type window struct {
	ends time.Time
	used int
}

// withinLimit counts a request against the account's limit, and says in the headers how many are left and in how many
// seconds it begins anew. W&B scales what is left in a way of its own; a client should read only whether it is zero. s.mu is held.
func (s *Server) withinLimit(w http.ResponseWriter, a *account, now time.Time) bool {
	limit := s.world.settings.RateLimit
	if limit == nil {
		return true
	}
	current := s.windows[a]
	if !now.Before(current.ends) {
		current = window{ends: now.Add(limit.Per)}
	}
	current.used++
	s.windows[a] = current
	w.Header().Set("RateLimit-Remaining", strconv.Itoa(max(0, limit.Requests-current.used)))
	w.Header().Set("RateLimit-Reset", strconv.Itoa(int(math.Ceil(current.ends.Sub(now).Seconds()))))
	return current.used <= limit.Requests
}
