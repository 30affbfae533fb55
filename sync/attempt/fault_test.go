package attempt_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/sync/attempt"
)

// TestAPanicIsAnErrorWithoutItsWords: a provider's fault stops one call, and
// what it shouts may be a key.
func TestAPanicIsAnErrorWithoutItsWords(t *testing.T) {
	const key = "local-CANARY-0123456789-0123456789-0123456789"
	var none []string
	for words, f := range map[string]func(context.Context) error{
		"index out of range":    func(context.Context) error { return errors.New(none[len(key)]) },
		"a panic with a string": func(context.Context) error { panic(key) },
	} {
		err := attempt.Caller{}.Once(t.Context(), "a", "look", f)
		var fault *providers.Fault
		if !errors.As(err, &fault) || strings.Contains(err.Error(), "CANARY") {
			t.Fatalf("%v", err)
		}
		if !strings.Contains(err.Error(), words) || !strings.Contains(err.Error(), "fault_test.go") {
			t.Errorf("%v: want %q, and where it was", err, words)
		}
	}
}
