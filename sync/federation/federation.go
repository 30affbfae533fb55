// Package federation looks after external accounts, which own no key: jobs sign
// in with a JWT of the organization's issuer, which W&B exchanges for an access
// token. It tries that with the JWT that the configuration points to, says what
// is wrong with it, and keeps a fresh one where jobs read it.
//
// A JWT is a credential for as long as it lasts: it is a providers.Secret from
// the moment it is read, and goes to the platform, and to where the
// configuration says that it is kept, alone. What it says of itself is believed
// for words to people, and for when to fetch the next one; whether it is good the
// platform says.
package federation

import (
	"context"
	"errors"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/attempt"
	"github.com/keyrota/keyrota/sync/format"
	"github.com/keyrota/keyrota/sync/inventory"
)

// Account is an external account whose federation can be tried.
type Account struct {
	Ref    rotation.Ref
	config *config.Account
	places []place
}

// place is a destination that a fresh JWT is kept at.
type place struct {
	rotation.Destination
	form *format.Format
}

// KeepsFresh says whether a fresh JWT of the account is kept anywhere.
func (a Account) KeepsFresh() bool { return len(a.places) > 0 || a.config.Identity.KeepFile != "" }

// Accounts returns the external accounts of which the configuration says where
// their JWT comes from. The error joins an *inventory.Refusal for every
// destination that its store refuses.
func Accounts(c *config.Config, stores map[string]providers.SecretStore) ([]Account, error) {
	var all []Account
	var faults []error
	for i := range c.Accounts {
		from := &c.Accounts[i]
		if from.Identity == nil {
			continue
		}
		a := Account{Ref: rotation.Ref(from.Ref), config: from}
		for j := range from.Identity.Keep {
			d := &from.Identity.Keep[j]
			p := place{Destination: rotation.Destination{Store: d.Store, Path: d.Path, Field: d.Field}}
			var err error
			if p.form, _, err = inventory.Form(stores, p.Destination, d, nil); err != nil {
				faults = append(faults, &inventory.Refusal{Pos: d.Pos, Ref: a.Ref, Err: err})
				continue
			}
			a.places = append(a.places, p)
		}
		all = append(all, a)
	}
	return all, errors.Join(faults...)
}

// Worker tries federations, and keeps JWTs fresh. Its fields do not change; it
// may be used from several goroutines.
type Worker struct {
	Issuer providers.Exchanger
	Stores map[string]providers.SecretStore
	// Resolve returns the credential that a reference of the configuration leads to.
	Resolve func(ctx context.Context, reference string) (providers.Secret, error)
	Call    attempt.Caller
	Now     func() time.Time
	// Instance and Ledger go into the marks of JWTs that are kept.
	Instance, Ledger string
}

// identityService is the name under which calls to identity providers are counted.
const identityService = "identity provider"
