package providertest

import (
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// StoreHarness is what TestStore needs to know of a kind of store.
type StoreHarness struct {
	Can StoreAbilities
	// Open returns a fresh and empty service with a store before it. It is
	// called once a case and cleans up with t.Cleanup. Where a real service is
	// shared, a new mount or prefix is fresh enough.
	Open func(t *testing.T) StoreService
	// Limits are destinations and payloads at and over the bounds of the store.
	Limits []StoreLimit
}

// StoreAbilities says what the service can do.
type StoreAbilities struct {
	CompareAndSet bool // of writes from one look the service itself lets one win
	Raw           bool // a whole secret can be one value that is no object
	Fields        bool // a destination can be one field
	KeepsText     bool // an object keeps its text: order and blanks too
	RoundsNumbers bool // numbers come back as the nearest float64, as with Vault
	Older         bool // versions before the current one can be read
	CreatesMarked bool // a new secret is written together with its mark
	Idempotent    bool // the same mark put again makes no second version
	// ObservesMarked: a listing shows only what bears a mark, so that Observe
	// yields nothing of what is absent or not ours.
	ObservesMarked bool
	// ObserveCalls is how many calls Observe may make for so many secrets of
	// one folder. Nil where calls are not counted.
	ObserveCalls func(secrets int) int
	// Many is how many secrets are observed at once; 20 if zero.
	Many int
}

// StoreLimit is one case of a bound.
type StoreLimit struct {
	Name    string // tells what it is: "a name of 512 bytes"
	Secret  string // the destination's path is that of Destination(Secret, Field)
	Field   string
	Payload providers.Payload
	Invalid bool // over the bound: Check refuses it. Otherwise it works
}

// StoreService is a service, the store under test before it, and a person who
// works on it by hand. Contents are what a reader fetches: the text of a raw
// secret, or the JSON object of a secret's fields.
type StoreService interface {
	// Store returns the store under test, always the same one.
	Store() providers.SecretStore
	// Destination names a secret of lower case letters, digits, "-" and "/".
	Destination(secret, field string) rotation.Destination
	// Raw returns a secret's current content, false if there is none.
	Raw(t *testing.T, path string) (string, bool)
	// Edit sets a secret's content by hand, making the secret if needed.
	Edit(t *testing.T, path, content string)
	// Unmark removes whatever the store noted beside a secret.
	Unmark(t *testing.T, path string)
	// Remove deletes a secret for good, as a person would.
	Remove(t *testing.T, path string)
	// Denied returns a store before the same service with a credential that it
	// refuses, Unreachable one that gets no answer. Both may be the store under
	// test, changed.
	Denied(t *testing.T) providers.SecretStore
	Unreachable(t *testing.T) providers.SecretStore
}

// What a StoreService may be able to do beyond that. The cases that need it
// are skipped with a word where it is missing.
type (
	// SoftDeleter is a service that keeps what is deleted for a while.
	SoftDeleter interface {
		Delete(t *testing.T, path string) // so that it can be restored
	}
	// Destroyer is a service that keeps the metadata of what is deleted for good.
	Destroyer interface {
		Destroy(t *testing.T, path string) // the current version
	}
	// VersionCounter is a service that keeps versions.
	VersionCounter interface {
		Versions(t *testing.T, path string) int // that a secret has had since it was made
	}
	// Throttler is a service that can say that there are too many calls.
	Throttler interface {
		// Throttle has the next calls of a store refused for that reason, asking
		// to come back after a time; zero: without saying when.
		Throttle(t *testing.T, calls int, after time.Duration)
	}
	// StoreAnswerLoser is a service whose answers can be lost.
	StoreAnswerLoser interface {
		// LoseAnswer has the next call that writes a value take effect and its
		// answer not arrive.
		LoseAnswer(t *testing.T)
	}
	// Lagger is a service whose reads may be behind its writes.
	Lagger interface {
		// Lag has reads show what is there now, whatever is written after, until
		// release is called: those which the real service does not promise to be
		// fresh, listings at the least.
		Lag(t *testing.T) (release func())
	}
	// Tagged is a service that keeps tags and a description.
	Tagged interface {
		Tags(t *testing.T, path string) map[string]string
		Description(t *testing.T, path string) string // empty where there is none but tags
		Tag(t *testing.T, path, name, value string)   // by hand
	}
	// Undoer is a service that keeps for a while what a store's Remove deletes.
	Undoer interface {
		Undo(t *testing.T, path string) // brings a whole secret back
	}
	// CallCounter is a service whose calls are counted.
	CallCounter interface {
		Calls() StoreCalls // since it was opened
	}
	// Breaker is a service of which one secret can be made to fail.
	Breaker interface {
		Break(t *testing.T, path string)
	}
	// PutInterrupter is a service that can stop in the middle of a Put.
	PutInterrupter interface {
		// BeforeMark has f called once, when the next Put of the store under
		// test has written its data and not yet its mark. If f fails, the
		// service is lost to that Put until it has returned.
		BeforeMark(t *testing.T, f func() error)
	}
)

// storeCase is one story that a store must live through.
type storeCase struct {
	name  string
	story string
	needs func(StoreAbilities) bool // nil: every store
	// once: the case has destinations of its own. Otherwise it runs for a whole
	// secret and, where the store can, for one field.
	once bool
	run  func(*storeRun)
}

func needsFields(can StoreAbilities) bool        { return can.Fields }
func needsOlder(can StoreAbilities) bool         { return can.Older }
func needsCompareAndSet(can StoreAbilities) bool { return can.CompareAndSet }

// TestStore runs every case against fresh services of h.
func TestStore(t *testing.T, h StoreHarness) {
	for _, group := range [][]storeCase{writeCases(), handCases(), fieldCases(), cutCases(), observeCases(), readCases(), failureCases(), troubleCases(), tagCases(), listCases(), lastReadCases(), removeCases()} {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) {
				t.Log(c.story)
				if c.needs != nil && !c.needs(h.Can) {
					t.Skip("this store cannot")
				}
				if c.once {
					c.run(newStoreRun(t, h, ""))
					return
				}
				t.Run("whole", func(t *testing.T) { c.run(newStoreRun(t, h, "")) })
				if h.Can.Fields {
					t.Run("field", func(t *testing.T) { c.run(newStoreRun(t, h, "WANDB_API_KEY")) })
				}
			})
		}
	}
	t.Run("limits", func(t *testing.T) {
		for _, l := range h.Limits {
			t.Run(l.Name, func(t *testing.T) { newStoreRun(t, h, l.Field).limit(l) })
		}
	})
}
