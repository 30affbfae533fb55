package providers

import (
	"context"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

// Payload is what a destination should hold, rendered.
type Payload struct {
	Value Secret
	// Object says that Value is a JSON object; a store whose secrets have fields
	// (Vault) then writes its members as fields. Only for whole secrets.
	Object bool
	// Exclusive says that a person promised that nobody else writes this secret:
	// what a store without compare-and-set needs for one field among others.
	Exclusive bool
	// Description and Tags are for people and tools that look at the secret. A
	// store that keeps them (Describer) brings them up to date with each Put, and
	// leaves every tag alone that is not among them.
	Description string
	Tags        map[string]string
	// NotBefore is when the key was created, Expires when it is expected to be
	// replaced and deleted; zero: not known. For stores that keep such times.
	NotBefore, Expires time.Time
}

// SecretStore is a secrets manager. A destination's Store is the name that the
// configuration gave this store; its Path and Field are the store's own terms.
// Every error is an *Error.
//
// A Mark is kept beside the value, out of sight of readers, one per
// destination. In a secret of several fields each destination has its own
// field and its own mark, and every other field stays byte for byte.
type SecretStore interface {
	// Check says, without any call, what is wrong with a destination or
	// payload kind for this store: names, lengths, a field where none can be.
	// It returns nil or an Invalid error whose hint says what to write instead.
	Check(d rotation.Destination, p Payload) error

	// Identity returns what tells physical secrets apart: two destinations of
	// any two stores with equal identities are the same secret (fields aside).
	Identity(d rotation.Destination) string

	// Observe yields the holding of each of the given destinations it could
	// see, in as few calls as the service allows: marks and versions, never
	// values. It may lag; no holding is Fresh. A destination that it does not
	// yield is unknown. It returns an error if any part failed.
	Observe(ctx context.Context, ds []rotation.Destination, yield func(rotation.Destination, rotation.Holding) error) error

	// Look returns one holding, as fresh as the store can answer, with Fresh
	// set. A store that cannot tell returns an error, never StateAbsent.
	Look(ctx context.Context, d rotation.Destination) (rotation.Holding, error)

	// Put writes p under m, on condition that the destination still is as seen
	// (a holding that Look returned): Conflict if its version or its owner
	// changed. Data comes first and the mark that speaks of it after, except
	// for the mark of ownership on a new secret. It respects ctx's deadline as
	// absolute: nothing is sent after it. It returns the new holding. After a
	// Transient error the data may have been written, with or without mark.
	Put(ctx context.Context, d rotation.Destination, p Payload, m rotation.Mark, seen rotation.Holding) (rotation.Holding, error)
}

// Reader is a SecretStore that gives values back.
type Reader interface {
	// Read returns the value at one version of a destination, as Payload.Value
	// gave it: for a whole secret of several fields the JSON object of its
	// members. An empty version is the current one. NotFound if it is not there.
	Read(ctx context.Context, d rotation.Destination, v rotation.Version) (Secret, error)
}

// Describer is a SecretStore that keeps a description and tags beside a secret.
type Describer interface {
	// CheckTags says, without any call, what is wrong with tags for this store.
	// It returns nil or an Invalid error.
	CheckTags(d rotation.Destination, tags map[string]string) error
}

// Disabler is a SecretStore whose old versions stay readable for good unless
// they are disabled.
type Disabler interface {
	// Disable disables every older version of ours at a destination whose mark
	// names none of the live keys, never the current version, nor one that also
	// holds what is not ours. It is repeatable, and harmless when it fails: those
	// keys are deleted already.
	Disable(ctx context.Context, d rotation.Destination, live []rotation.KeyID) error
}

// Lister is a SecretStore that can tell which secrets there are.
type Lister interface {
	// List yields every secret whose path begins with prefix (in the terms of
	// destinations, mount and all) that is not deleted, page by page and without
	// reading a value. It returns nil only if the listing is complete.
	List(ctx context.Context, prefix string, yield func(Listed) error) error
}

// Listed is one secret as a listing shows it.
type Listed struct {
	Path string
	Mark rotation.Mark // zero where a listing does not show marks, or there is none
	// Owner is what seems to keep the secret, for people; empty: nobody knows.
	Owner    string
	LastRead time.Time // by anybody, as precise as the store tells; zero: not known
	Changed  time.Time // zero: not known
}
