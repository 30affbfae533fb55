package providers

import (
	"errors"
	"fmt"

	"github.com/keyrota/keyrota/rotation"
)

// Present is what a store finds at a destination when a Put begins.
type Present struct {
	Version rotation.Version
	// Mark is the one that is kept for the destination, Marked whether there is
	// one: beside a deleted value too, where a holding shows none.
	Mark   rotation.Mark
	Marked bool
}

// ClaimedError says that a destination where nothing is to be seen bears the
// mark of another keyrota or account.
type ClaimedError struct{ By rotation.Mark }

// Error names who has claimed it.
func (e *ClaimedError) Error() string {
	return fmt.Sprintf("keyrota %s has claimed it for account %s", e.By.Instance, e.By.Account)
}

// Unchanged returns nil if a destination still is as it was seen by whoever is
// about to write it under a mark, and otherwise what changed: the reason of a
// Conflict. Of what is absent a holding shows no mark, so there a *ClaimedError
// says that it is someone else's; ours of an earlier try counts as seen.
func (p Present) Unchanged(seen rotation.Holding, writes rotation.Mark) error {
	if p.Version != seen.Version {
		return fmt.Errorf("the secret changed since it was looked at: version %s, seen %s", orNone(p.Version), orNone(seen.Version))
	}
	switch seen.State {
	case rotation.StateUnknown:
		return errors.New("it was not looked at before")
	case rotation.StateAbsent:
		if p.Marked && (p.Mark.Instance != writes.Instance || p.Mark.Account != writes.Account) {
			return &ClaimedError{p.Mark}
		}
	case rotation.StateBare:
		if p.Marked {
			return errors.New("its owner changed since it was looked at")
		}
	default:
		if !p.Marked || p.Mark != seen.Mark {
			return errors.New("its mark changed since it was looked at")
		}
	}
	return nil
}

func orNone(v rotation.Version) string {
	if v == "" {
		return "none"
	}
	return string(v)
}
