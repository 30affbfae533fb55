package providers

import (
	"context"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

// Right says whether our own credential may do something. The zero Right is
// RightUnknown.
type Right uint8

// What is known of a right.
const (
	RightUnknown Right = iota
	RightGranted
	RightDenied
)

// String returns the right as people read it.
func (r Right) String() string { return [...]string{"unknown", "yes", "no"}[r] }

// Rights is what our own credential may do with one destination.
type Rights struct {
	Write Right // put a key there, again and again
	Read  Right // read the key back
	// Missing says what has to be granted for what is denied or not known; empty:
	// nothing.
	Missing string
}

// RightsReporter is a SecretStore that can say what it may do without doing it.
type RightsReporter interface {
	// Rights yields what may be done with each destination. It reads no value and
	// changes nothing. A destination that it does not yield is not known.
	Rights(ctx context.Context, ds []rotation.Destination, yield func(rotation.Destination, Rights) error) error
}

// Endpoint is a server that a provider calls.
type Endpoint struct {
	URL string // scheme, host and port
	For string // what it is called for, for people
	// CAFile holds authorities that are trusted besides the system's. Insecure says
	// that the certificate is not checked.
	CAFile   string
	Insecure bool
}

// Connector is an Issuer or a SecretStore that says which servers it calls.
type Connector interface {
	// Endpoints returns them, without any call.
	Endpoints(ctx context.Context) ([]Endpoint, error)
}

// LoginReporter is a SecretStore whose own login may end for good.
type LoginReporter interface {
	// LoginEnds returns when our login ends and cannot be renewed or made anew by
	// itself; zero: it does not.
	LoginEnds(ctx context.Context) (time.Time, error)
}
