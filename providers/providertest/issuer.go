package providertest

import (
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// IssuerHarness is what TestIssuer needs to know of a kind of platform.
type IssuerHarness struct {
	// Open returns a fresh platform with an issuer before it. It is called once
	// a case and cleans up with t.Cleanup. Where a real platform is shared, new
	// names are fresh enough.
	Open func(t *testing.T) IssuerService
}

// IssuerService is a platform, the issuer under test before it, and a person
// who works on it by hand. The value of every key contains CANARY behind its
// first part, so that it can be hunted for.
type IssuerService interface {
	// Issuer returns the issuer under test, with an admin credential. One that
	// keeps in mind which limits it was told of is a new one each time.
	Issuer() providers.Issuer
	// WithoutAdmin returns an issuer before the same platform, without one.
	WithoutAdmin(t *testing.T) providers.Issuer
	// Account makes a service account with its id, in a team of the service's
	// choice, the same one each time. It may be born with keys.
	Account(t *testing.T, name string) rotation.Account
	// Key makes a key by hand, as an admin does.
	Key(t *testing.T, a rotation.Account, description string) (rotation.KeyID, providers.Secret)
	// DeleteKey deletes a key by hand.
	DeleteKey(t *testing.T, id rotation.KeyID)
	// Keys returns what keys an account really has, in any order.
	Keys(t *testing.T, a rotation.Account) []rotation.Key
	// Creations returns how many requests to create a key or an account arrived.
	Creations() int
}

// What an IssuerService may be able to do beyond that. The cases that need it
// are skipped with a word where it is missing.
type (
	// AnswerLoser is a platform whose next request that changes something has
	// its effect, and no answer.
	AnswerLoser interface{ LoseAnswer(t *testing.T) }
	// KeyDelayer is a platform on which keys that are issued do not work before
	// a call to the function returned.
	KeyDelayer interface {
		DelayKeys(t *testing.T) (settle func())
	}
	// KeyLimiter is a platform that lets an account have so many keys.
	KeyLimiter interface{ LimitKeys(t *testing.T, n int) }
	// CreationDisabler is a platform on which accounts may not create keys.
	CreationDisabler interface{ DisableCreation(t *testing.T) }
	// CallLimiter is a platform that answers its next request that there were
	// too many, and that there may be more after a time.
	CallLimiter interface {
		LimitCalls(t *testing.T, after time.Duration)
	}
	// Ailing is a platform that fails its next request, before any effect.
	Ailing interface{ FailNext(t *testing.T) }
	// AccountDeleter is a platform whose accounts can be deleted by hand.
	AccountDeleter interface {
		DeleteAccount(t *testing.T, a rotation.Account)
	}
	// PersonMaker is a platform on which people work too: it makes one who is in
	// a team, with a key.
	PersonMaker interface {
		Person(t *testing.T, name, team string) (rotation.Account, rotation.KeyID, providers.Secret)
	}
	// TimePasser is a platform whose clock a test moves on.
	TimePasser interface {
		Pass(t *testing.T, d time.Duration)
	}
	// RunLogger is a platform to which a holder of a key logs a run, which runs
	// from then on.
	RunLogger interface {
		LogRun(t *testing.T, s providers.Secret, team, project, name string)
	}
	// AdminRevoker is a platform on which the admin credential of the issuer
	// under test can be made invalid.
	AdminRevoker interface{ RevokeAdmin(t *testing.T) }
)

// issuerCase is one story that an issuer must live through.
type issuerCase struct {
	name  string
	story string
	run   func(*issuerRun)
}

// TestIssuer runs every case against fresh services of h.
func TestIssuer(t *testing.T, h IssuerHarness) {
	for _, group := range [][]issuerCase{keyCases(), identityCases(), listingCases(), creationCases(), outageCases(), removalCases(), usageCases(), auditCases(), federationCases()} {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) {
				t.Log(c.story)
				service := h.Open(t)
				c.run(&issuerRun{T: t, IssuerService: service, issuer: service.Issuer()})
			})
		}
	}
}
