package providers

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind says what a caller can do about an error.
type Kind uint8

const (
	// Transient: the service did not answer, or answered that it is unwell.
	// Whether the call had an effect is not known. Trying again later may work.
	Transient Kind = iota
	// NotFound: what was asked for is not there.
	NotFound
	// Conflict: the version or the owner changed since it was seen.
	Conflict
	// Denied: the credential may not do this, or is not valid. A person must act.
	Denied
	// Limited: too many calls, or a quota; nothing was done. RetryAfter may say
	// when to try again.
	Limited
	// Invalid: the request itself is wrong; the same one will never work.
	Invalid
)

// String returns the kind as people read it.
func (k Kind) String() string {
	return [...]string{"transient", "not found", "conflict", "denied", "limited", "invalid"}[k]
}

// Error is every error that a provider returns for a failed call. It never
// holds a secret: an SDK's error that may echo a request's or an answer's body
// is not wrapped but told anew.
type Error struct {
	Provider   string // the provider's type, such as "vault"
	Op         string // what was being done, such as "put"
	Name       string // of which account or secret
	Kind       Kind
	RetryAfter time.Duration // of Limited and Transient, zero if the service did not say
	Err        error         // what the service said
	Hint       string        // what a person can do, if anything
}

// Error returns "provider: op name: what happened (hint)".
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", e.Provider, e.Op)
	if e.Name != "" {
		b.WriteByte(' ')
		b.WriteString(e.Name)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	} else {
		fmt.Fprintf(&b, ": %s", e.Kind)
	}
	if e.Hint != "" {
		fmt.Fprintf(&b, " (%s)", e.Hint)
	}
	return b.String()
}

// Unwrap returns what the service said.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the first Error in err's tree. Whatever is not an
// Error is Transient: its effect is not known.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Transient
}

// RetryAfterOf returns how long the service asked to wait, zero if it did not.
func RetryAfterOf(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}
