package vault

import (
	"fmt"
	"unicode"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// Bounds of custom metadata (Vault API docs, KV version 2, "Create/Update
// metadata"; lengths in bytes).
const (
	metadataKeyMax   = 128
	metadataValueMax = 512
)

// markKey returns the key of custom metadata that holds a destination's mark.
func markKey(field string) string {
	return providers.NoteKey(field, metadataKeyMax, allowed)
}

// allowed reports whether custom metadata may hold a rune.
func allowed(r rune) bool { return unicode.IsPrint(r) && r != unicode.ReplacementChar }

// delivery is the mark that goes after the data, and names its version.
func delivery(m rotation.Mark, v version) providers.Note {
	n := providers.NoteOf(m)
	n.Version, n.Created = v.number, v.created
	return n
}

func encode(n providers.Note) (string, error) {
	text, err := n.JSON()
	if err == nil && len(text) > metadataValueMax {
		err = fmt.Errorf("the mark takes %d bytes, and Vault allows %d", len(text), metadataValueMax)
	}
	return text, err
}

func names(n providers.Note, v version) bool {
	return n.Version > 0 && n.Version == v.number && n.Created == v.created
}
