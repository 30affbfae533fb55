package sandbox

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"time"
)

// knownUserAgent begins the User-Agent of the clients that may read a user's apiKeys: W&B's public API client.
const knownUserAgent = "W&B Public Client"

var errUnauthorized = errors.New("the API key or access token is not valid")

// authenticate finds out who makes the request: by HTTP Basic with an API key as the password, or by Bearer with an
// access token. Without credentials the caller has no account; with bad ones the error is errUnauthorized. s.mu is held.
func (s *Server) authenticate(r *http.Request, now time.Time) (caller, error) {
	c := caller{
		adminPrivileges: strings.EqualFold(r.Header.Get("Use-Admin-Privileges"), "true"),
		knownClient:     strings.HasPrefix(r.UserAgent(), knownUserAgent),
		userAgent:       r.UserAgent(),
	}
	c.ip, _, _ = net.SplitHostPort(r.RemoteAddr)
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		t, ok := s.world.tokens[hashKey(token)]
		if !ok || !now.Before(t.expires) || t.owner.deleted() {
			return c, errUnauthorized
		}
		c.account = t.owner
		return c, nil
	}
	_, password, ok := r.BasicAuth()
	if !ok {
		if r.Header.Get("Authorization") != "" {
			return c, errUnauthorized
		}
		return c, nil
	}
	key := s.world.keyByValue(password)
	if key == nil || now.Before(key.validFrom) {
		return c, errUnauthorized
	}
	key.lastUsedAt = now
	c.account, c.key = key.owner, key
	return c, nil
}
