package providertest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
)

// TestPlatform: the issuer in memory, which the engine is tested with, behaves
// as every issuer must.
func TestPlatform(t *testing.T) {
	for name, hides := range map[string]bool{"first key shown": false, "first key hidden": true} {
		t.Run(name, func(t *testing.T) {
			providertest.TestIssuer(t, providertest.IssuerHarness{Open: func(*testing.T) providertest.IssuerService {
				p, now := platform()
				p.Set(func(o *providertest.PlatformOptions) { o.HidesFirstKey = hides })
				return &platformService{p, now}
			}})
		})
	}
}

type platformService struct {
	*providertest.Platform
	now *time.Time
}

func (s *platformService) Issuer() providers.Issuer { return s.Platform }

func (s *platformService) WithoutAdmin(*testing.T) providers.Issuer {
	s.Set(func(o *providertest.PlatformOptions) { o.NoAdmin = true })
	return s.Platform
}

func (s *platformService) Account(_ *testing.T, name string) rotation.Account {
	return s.AddAccount(rotation.Account{Name: name, Team: "ml", Scope: rotation.ScopeTeam})
}

func (s *platformService) Key(_ *testing.T, a rotation.Account, description string) (rotation.KeyID, providers.Secret) {
	k, value := s.AddKey(a.ID, rotation.Label(description))
	return k.ID, value
}

func (s *platformService) Person(_ *testing.T, name, team string) (rotation.Account, rotation.KeyID, providers.Secret) {
	a := s.AddPerson(name, team)
	k, value := s.AddKey(a.ID, "by hand")
	return a, k.ID, value
}

func (s *platformService) DeleteKey(_ *testing.T, id rotation.KeyID) { s.Platform.DeleteKey(id) }

func (s *platformService) Keys(_ *testing.T, a rotation.Account) []rotation.Key {
	return s.LiveKeys(a.ID)
}

func (s *platformService) Creations() int { return s.Calls()["issue"] + s.Calls()["provision"] }

// next has the next call that get to a point fail.
func (s *platformService) next(point providertest.StorePoint, changing bool, err error) {
	s.Intercept(func(_ context.Context, step providertest.PlatformStep) error {
		reads := step.Op == "keys" || step.Op == "keys of" || step.Op == "verify" || step.Op == "identify" || step.Op == "first key"
		if step.Point != point || changing && reads {
			return nil
		}
		s.Intercept(nil)
		return err
	})
}

func (s *platformService) LoseAnswer(*testing.T) {
	s.next(providertest.After, true, &providers.Error{Provider: "platform", Op: "call", Err: errors.New("no answer")})
}

func (s *platformService) FailNext(*testing.T) {
	s.next(providertest.Before, false, &providers.Error{Provider: "platform", Op: "call", Err: errors.New("unwell")})
}

func (s *platformService) LimitCalls(_ *testing.T, after time.Duration) {
	s.next(providertest.Before, false, &providers.Error{Provider: "platform", Op: "call", Kind: providers.Limited, RetryAfter: after})
}

func (s *platformService) DelayKeys(*testing.T) func() {
	s.Set(func(o *providertest.PlatformOptions) { o.ValidAfter = time.Minute })
	return func() { *s.now = s.now.Add(time.Minute) }
}

func (s *platformService) LimitKeys(_ *testing.T, n int) {
	s.Set(func(o *providertest.PlatformOptions) { o.MaxKeys = n })
}

func (s *platformService) DisableCreation(*testing.T) {
	s.Set(func(o *providertest.PlatformOptions) { o.CreateDisabled = true })
}

func (s *platformService) DeleteAccount(_ *testing.T, a rotation.Account) {
	s.Platform.DeleteAccount(a.ID)
}
