package providers

import (
	"context"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

// Issuer is the platform that creates API keys. Every error is an *Error.
type Issuer interface {
	// Keys yields every service account of a team (for an account of
	// organization scope: of the organization, team empty) with its keys, page
	// by page: ids and labels, never values; a whole key in an old server's
	// listing is dropped while decoding. It returns nil only if the listing is
	// complete. Without an admin credential it is Denied.
	Keys(ctx context.Context, team string, yield func(a rotation.Account, keys []rotation.Key) error) error

	// KeysOf lists the keys of one account: with auth, a live key of the
	// account itself, or with the admin credential where auth is empty.
	KeysOf(ctx context.Context, a rotation.Account, auth Secret) ([]rotation.Key, error)

	// Issue creates a key of a with auth, a live key of the account itself, and
	// label as its description. It sends exactly one request. An error of kind
	// Denied, Limited or Invalid means that no key was created; after
	// Transient one may have been, and nobody has its value.
	Issue(ctx context.Context, a rotation.Account, auth Secret, label rotation.Label) (rotation.Key, Secret, error)

	// Verify asks the platform whose key s is. Denied: s does not work at all.
	// Conflict: it works and belongs to someone else than a (by id; where a's
	// id is empty, by name and team).
	Verify(ctx context.Context, a rotation.Account, s Secret) (Verified, error)

	// Revoke deletes a key, with auth or, where it is empty, with the admin
	// credential. A key that is absent already is no error.
	Revoke(ctx context.Context, a rotation.Account, auth Secret, id rotation.KeyID) error
}

// Verified is what the platform says of a key that works.
type Verified struct {
	Account rotation.AccountID
	Key     rotation.KeyID
	Label   rotation.Label
	At      time.Time // the platform's clock when it answered; zero if it did not say
}

// Provisioner is an Issuer that can create service accounts.
type Provisioner interface {
	// Provision creates a team-scoped account by its name. It sends exactly one
	// request and is not idempotent; the kinds of error are those of Issue.
	// Invalid where this scope cannot be created by API.
	Provision(ctx context.Context, a rotation.Account) (rotation.AccountID, error)
}

// FirstKeyer is an Issuer whose platform may show the first key of an account.
type FirstKeyer interface {
	// FirstKey returns a key of a, which has an id, from the platform's member
	// listing. NotFound where the server does not show it.
	FirstKey(ctx context.Context, a rotation.Account) (Secret, error)
}

// TeamsLister is an Issuer that lists several teams with fewer calls than one
// by one.
type TeamsLister interface {
	// KeysOfTeams does for each team what Keys does for one. failed is told of
	// each team that could not be listed completely; what was yielded of it
	// counts for nothing. The error is yield's own.
	KeysOfTeams(ctx context.Context, teams []string, yield func(team string, a rotation.Account, keys []rotation.Key) error, failed func(team string, err error)) error
}

// Identifier is an Issuer that can say whose key a value is without knowing
// whom to expect.
type Identifier interface {
	// Identify asks the platform whose key s is. Denied: it does not work at
	// all. It looks with the key itself.
	Identify(ctx context.Context, s Secret) (Identity, error)
}

// Identity is whom a key belongs to.
type Identity struct {
	Verified
	Owner   rotation.Account // by id and name; scope and team where the platform shows them
	Service bool             // a service account
	Person  bool             // a person's; neither: the platform does not say
	Teams   []string         // the owner's teams
}
