package providers

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
)

// Secret is the value of a key or of another credential. It prints as
// "[secret]" under every verb and refuses to be encoded; Expose gives the
// value to the code that sends it. The zero Secret is empty.
type Secret struct{ value *string }

const redacted = "[secret]"

// NewSecret returns a Secret that holds value.
func NewSecret(value string) Secret { return Secret{&value} }

// Expose returns the value. Every call is a place to review.
func (s Secret) Expose() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Empty reports whether there is no value.
func (s Secret) Empty() bool { return s.Expose() == "" }

// Equal compares in constant time.
func (s Secret) Equal(t Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Expose()), []byte(t.Expose())) == 1
}

// Format prints "[secret]" for every verb and flag.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// String returns "[secret]".
func (s Secret) String() string { return redacted }

// GoString returns "[secret]".
func (s Secret) GoString() string { return redacted }

// LogValue returns "[secret]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

var errEncode = errors.New("a secret cannot be encoded")

// MarshalText refuses, and with it JSON and YAML encoders.
func (s Secret) MarshalText() ([]byte, error) { return nil, errEncode }

// MarshalJSON refuses.
func (s Secret) MarshalJSON() ([]byte, error) { return nil, errEncode }

// MarshalBinary refuses, and with it gob.
func (s Secret) MarshalBinary() ([]byte, error) { return nil, errEncode }

// GobEncode refuses.
func (s Secret) GobEncode() ([]byte, error) { return nil, errEncode }
