package providers

import (
	"context"
	"errors"

	"github.com/keyrota/keyrota/rotation"
)

// Remover is a SecretStore that can take away what was delivered to it, for a
// person who says that nobody reads it any more.
type Remover interface {
	// Remove deletes what is at a destination, on condition that it still is as
	// seen (a holding that Look returned): Conflict if its version or its mark
	// changed. Of a secret that has other fields only this one goes, and every
	// other field stays byte for byte; a secret is deleted only where nothing else
	// is in it. Invalid for what is not ours alone to delete: without a mark, a
	// whole secret that was edited since it was delivered, one that another tool
	// keeps. Of an edited field the caller has made sure that its value is a key of
	// the account.
	//
	// It deletes softly where the service can, and never purges. A secret that can
	// be brought back keeps its mark, and is what it was when it is; a field that
	// is taken out of a secret leaves no mark. Transient says that it may have
	// happened. It respects ctx's deadline like Put.
	Remove(ctx context.Context, d rotation.Destination, seen rotation.Holding) error

	// Undo says, for people and without any call, how what Remove takes away is
	// brought back, and for how long.
	Undo(d rotation.Destination) string
}

// Unmarker is a SecretStore that can give a secret up without touching it.
type Unmarker interface {
	// Unmark removes the mark of a destination and whatever else only this
	// program needs there, on condition that it still is as seen: Conflict if its
	// version or its mark changed. Values, other fields' marks, and everybody's
	// tags stay. After it a Look shows StateBare. It is repeatable: without a
	// mark there is nothing to do.
	Unmark(ctx context.Context, d rotation.Destination, seen rotation.Holding) error
}

// Removable returns nil if a Remover may delete what was seen at d, and
// otherwise the reason of an Invalid error.
func Removable(d rotation.Destination, seen rotation.Holding) error {
	switch {
	case seen.State == rotation.StateMarked, seen.State == rotation.StateEdited && d.Field != "":
		return nil
	case seen.State == rotation.StateEdited:
		return errors.New("the secret was changed since keyrota delivered it, so what is in it is not only keyrota's")
	}
	return errors.New("nothing is there that bears keyrota's mark")
}
