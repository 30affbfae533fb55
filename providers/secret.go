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
//
// A Secret can be the key of a map. It equals its own copies only: Equal
// compares values.
type Secret struct {
	// A function, since whatever walks values by reflection (printers for
	// debugging, differences of tests, encoders that know unexported fields)
	// follows pointers and reads strings, but can neither look into a function
	// nor call one that is not exported.
	value *func() string
}

const redacted = "[secret]"

// NewSecret returns a Secret that holds value.
func NewSecret(value string) Secret {
	read := func() string { return value }
	return Secret{&read}
}

// Expose returns the value. Every call is a place to review.
func (s Secret) Expose() string {
	if s.value == nil {
		return ""
	}
	return (*s.value)()
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

// MarshalText refuses, and with it XML encoders and the keys of maps.
func (s Secret) MarshalText() ([]byte, error) { return nil, errEncode }

// AppendText refuses.
func (s Secret) AppendText([]byte) ([]byte, error) { return nil, errEncode }

// MarshalJSON refuses.
func (s Secret) MarshalJSON() ([]byte, error) { return nil, errEncode }

// MarshalYAML refuses.
func (s Secret) MarshalYAML() (any, error) { return nil, errEncode }

// MarshalBinary refuses.
func (s Secret) MarshalBinary() ([]byte, error) { return nil, errEncode }

// AppendBinary refuses.
func (s Secret) AppendBinary([]byte) ([]byte, error) { return nil, errEncode }

// GobEncode refuses.
func (s Secret) GobEncode() ([]byte, error) { return nil, errEncode }
