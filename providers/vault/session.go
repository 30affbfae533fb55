package vault

import (
	"context"
	"net/http"
	"time"

	"github.com/keyrota/keyrota/providers"
)

// grant is a token and how long it lives.
type grant struct {
	token     providers.Secret
	ttl       time.Duration // 0: it does not end, or nobody can tell
	renewable bool
}

// session holds the token that requests are made with. It logs in when a token
// is first needed, renews it when two thirds of its time have passed, and logs
// in again when it has ended.
type session struct {
	login func(context.Context) (grant, error)
	renew func(ctx context.Context, token string) (grant, error)
	alive func(ctx context.Context, token string) (bool, error)
	// again says whether login gives another token than the one before. A token
	// out of the environment stays what it is.
	again bool
	now   func() time.Time

	turn    providers.Turn // guards what follows
	held    grant
	ends    time.Time // zero: it does not end
	refresh time.Time // when to renew; zero: never
}

// token returns a token that lives, as far as its time tells.
func (s *session) token(ctx context.Context) (string, error) {
	if err := s.turn.Take(ctx); err != nil {
		return "", err
	}
	defer s.turn.Give()
	now := s.now()
	switch {
	case s.held.token.Empty(), !s.ends.IsZero() && !now.Before(s.ends):
		if err := s.enter(ctx); err != nil {
			return "", err
		}
	case !s.refresh.IsZero() && !now.Before(s.refresh):
		s.prolong(ctx)
	}
	return s.held.token.Expose(), nil
}

// prolong renews the token, or logs in anew where renewing gives less than half
// of its first time because its maximum is near. While the token lives, a
// failure is no error: the next call after half of the rest tries again.
func (s *session) prolong(ctx context.Context) {
	first := s.held.ttl
	if s.held.renewable {
		if g, err := s.renew(ctx, s.held.token.Expose()); err == nil && (g.ttl == 0 || g.ttl >= first/2 || !s.again) {
			s.keep(g)
			s.held.ttl = max(first, g.ttl)
			return
		}
	}
	if s.again && s.enter(ctx) == nil {
		return
	}
	s.refresh = s.now().Add(s.ends.Sub(s.now()) / 2)
}

// replace is called with a token that was refused. It returns another one if
// that token has ended, "" if it lives, so that the refusal stands.
func (s *session) replace(ctx context.Context, refused string) (string, error) {
	if err := s.turn.Take(ctx); err != nil {
		return "", err
	}
	defer s.turn.Give()
	if held := s.held.token.Expose(); held != "" && held != refused {
		return s.held.token.Expose(), nil // someone else was here first
	}
	if lives, err := s.alive(ctx, refused); lives || err != nil {
		return "", nil //nolint:nilerr // who cannot tell believes the refusal
	}
	s.held = grant{}
	if err := s.enter(ctx); err != nil {
		return "", err
	}
	if s.held.token.Expose() == refused {
		return "", nil
	}
	return s.held.token.Expose(), nil
}

func (s *session) enter(ctx context.Context) error {
	g, err := s.login(ctx)
	if err != nil {
		return err
	}
	s.keep(g)
	return nil
}

func (s *session) keep(g grant) {
	s.held, s.ends, s.refresh = g, time.Time{}, time.Time{}
	if g.ttl > 0 {
		now := s.now()
		s.ends = now.Add(g.ttl)
		s.refresh = now.Add(g.ttl * 2 / 3)
	}
}

// tokenAnswer is what a login and a renewal give.
type tokenAnswer struct {
	Auth *struct {
		ClientToken   string `json:"client_token"`
		LeaseDuration int64  `json:"lease_duration"` // seconds
		Renewable     bool   `json:"renewable"`
	} `json:"auth"`
}

func (a tokenAnswer) grant(r request) (grant, error) {
	if a.Auth == nil || a.Auth.ClientToken == "" {
		return grant{}, &failure{request: r, kind: kindOf(providers.Denied), words: "the login gave no token", hint: "does this login ask for a second factor? keyrota cannot give one"}
	}
	return grant{providers.NewSecret(a.Auth.ClientToken), time.Duration(a.Auth.LeaseDuration) * time.Second, a.Auth.Renewable}, nil
}

func kindOf(k providers.Kind) *providers.Kind { return &k }

// renewToken and lookup are what any token may do under Vault's default policy.
func (s *Store) renewToken(ctx context.Context, token string) (grant, error) {
	r := request{method: http.MethodPost, path: "auth/token/renew-self", body: struct{}{}, values: true}
	var a tokenAnswer
	if err := s.send(ctx, token, r, &a); err != nil {
		return grant{}, err
	}
	return a.grant(r)
}

func (s *Store) lookup(ctx context.Context, token string) (grant, error) {
	var a struct {
		Data struct {
			TTL       int64 `json:"ttl"` // seconds
			Renewable bool  `json:"renewable"`
		} `json:"data"`
	}
	err := s.send(ctx, token, request{method: http.MethodGet, path: "auth/token/lookup-self", values: true}, &a)
	return grant{providers.NewSecret(token), time.Duration(a.Data.TTL) * time.Second, a.Data.Renewable}, err
}

// living reports whether a token that was refused still lives.
func (s *Store) living(ctx context.Context, token string) (bool, error) {
	_, err := s.lookup(ctx, token)
	switch {
	case err == nil:
		return true, nil
	case statusOf(err) == http.StatusForbidden:
		return false, nil
	}
	return false, err
}
