package providers

import (
	"context"

	"github.com/keyrota/keyrota/rotation"
)

// Payload is what a destination should hold, rendered.
type Payload struct {
	Value Secret
	// Object says that Value is a JSON object; a store whose secrets have fields
	// (Vault) then writes its members as fields. Only for whole secrets.
	Object bool
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
