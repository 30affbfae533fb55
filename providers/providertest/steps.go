package providertest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// What tests of single stores are written with, beside the suite.

// MarkOf returns the mark of an edition of an account.
func MarkOf(account string, e rotation.Edition) rotation.Mark {
	return rotation.Mark{
		Instance: "prod", Ledger: "5f0c2d9e-ledger", Account: rotation.AccountID("acct-" + account),
		Edition: e, Key: rotation.KeyID(fmt.Sprintf("key-%s-%d", account, e)), Shape: "shape-1",
	}
}

// Value is a payload for a secret that nobody else writes.
func Value(s string) providers.Payload {
	return providers.Payload{Value: providers.NewSecret(s), Exclusive: true}
}

// Object is a payload that is a JSON object.
func Object(s string) providers.Payload {
	return providers.Payload{Value: providers.NewSecret(s), Object: true}
}

// Look returns a fresh holding.
func Look(t *testing.T, s providers.SecretStore, d rotation.Destination) rotation.Holding {
	t.Helper()
	h, err := s.Look(t.Context(), d)
	if err != nil {
		t.Fatalf("look %s: %v", d, err)
	}
	if !h.Fresh {
		t.Errorf("look %s: not fresh", d)
	}
	return h
}

// Put looks and puts.
func Put(t *testing.T, s providers.SecretStore, d rotation.Destination, p providers.Payload, m rotation.Mark) rotation.Holding {
	t.Helper()
	h, err := s.Put(t.Context(), d, p, m, Look(t, s, d))
	if err != nil {
		t.Fatalf("put %s: %v", d, err)
	}
	return h
}

// WantState looks for a state.
func WantState(t *testing.T, s providers.SecretStore, d rotation.Destination, want rotation.State) rotation.Holding {
	t.Helper()
	h := Look(t, s, d)
	if h.State != want {
		t.Errorf("%s: state %q, want %q: %+v", d, h.State, want, h)
	}
	return h
}

// WantMarked looks for a delivery.
func WantMarked(t *testing.T, s providers.SecretStore, d rotation.Destination, m rotation.Mark) rotation.Holding {
	t.Helper()
	h := WantState(t, s, d, rotation.StateMarked)
	if h.Mark != m {
		t.Errorf("%s: mark %+v, want %+v", d, h.Mark, m)
	}
	return h
}

// WantValue reads a value back.
func WantValue(t *testing.T, s providers.Reader, d rotation.Destination, v rotation.Version, want string) {
	t.Helper()
	got, err := s.Read(t.Context(), d, v)
	if err != nil || got.Expose() != want {
		t.Errorf("read %s at %q: %q, %v, want %q", d, v, got.Expose(), err, want)
	}
}

// WantKind checks an error's kind, that it says some words, and that it holds
// no key.
func WantKind(t *testing.T, err error, kind providers.Kind, words ...string) {
	t.Helper()
	var told *providers.Error
	if !errors.As(err, &told) {
		t.Fatalf("got %v, want a *providers.Error of kind %q", err, kind)
	}
	if told.Kind != kind {
		t.Errorf("kind %q, want %q: %v", told.Kind, kind, err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%v\ndoes not say %q", err, w)
		}
	}
	NoCanary(t, err)
}

// NoCanary checks that an error holds no key, however it and what it wraps are
// printed.
func NoCanary(t *testing.T, err error) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		for _, verb := range []string{"%v", "%+v", "%#v", "%q"} {
			if strings.Contains(fmt.Sprintf(verb, err), storeCanary) {
				t.Errorf("the error holds a secret, printed with %s: %T", verb, err)
			}
		}
	}
}
