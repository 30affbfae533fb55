package providers

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"unicode"

	"github.com/keyrota/keyrota/rotation"
)

// Note is a rotation.Mark in the form in which a store keeps it beside a
// secret, with the version it speaks of where marks and versions are apart. It
// can be read by people and other tools. Without a version it only says whose
// the secret is.
type Note struct {
	By       string             `json:"by"` // ManagedBy
	Instance string             `json:"instance"`
	Ledger   string             `json:"ledger"`
	Account  rotation.AccountID `json:"account"`
	Edition  rotation.Edition   `json:"edition,omitempty"`
	Key      rotation.KeyID     `json:"key,omitempty"`
	Shape    rotation.Shape     `json:"shape,omitempty"`
	Version  int                `json:"version,omitempty"` // of stores that count versions
	Created  string             `json:"created,omitempty"` // when that version was made, as the store writes it
}

// ManagedBy is what says of a note that it is ours.
const ManagedBy = "keyrota"

// Ownership returns the note that goes before the first data.
func Ownership(m rotation.Mark) Note {
	return Note{By: ManagedBy, Instance: m.Instance, Ledger: m.Ledger, Account: m.Account}
}

// NoteOf returns the note of a delivery.
func NoteOf(m rotation.Mark) Note {
	n := Ownership(m)
	n.Edition, n.Key, n.Shape = m.Edition, m.Key, m.Shape
	return n
}

// Mark returns what a note says of a delivery.
func (n Note) Mark() rotation.Mark {
	return rotation.Mark{Instance: n.Instance, Ledger: n.Ledger, Account: n.Account, Edition: n.Edition, Key: n.Key, Shape: n.Shape}
}

// JSON returns a note as text.
func (n Note) JSON() (string, error) {
	text, err := json.Marshal(n)
	return string(text), err
}

// DecodeNote reads what JSON wrote, and false for every other text.
func DecodeNote(text string) (Note, bool) {
	var n Note
	if json.Unmarshal([]byte(text), &n) != nil || n.By != ManagedBy {
		return Note{}, false
	}
	return n, true
}

// Names under which notes are kept beside a secret.
const (
	noteKey     = ManagedBy
	fieldPrefix = ManagedBy + "."
)

// NoteKey returns the name under which a destination's note is kept: "keyrota"
// for a whole secret, "keyrota.FIELD" for a field. A field whose name does not
// fit into most bytes, or has runes that are not allowed, is cut and told
// apart by its hash.
func NoteKey(field string, most int, allowed func(rune) bool) string {
	if field == "" {
		return noteKey
	}
	refused := func(r rune) bool { return !allowed(r) }
	key := fieldPrefix + field
	if len(key) <= most && strings.IndexFunc(field, refused) < 0 {
		return key
	}
	sum := sha256.Sum256([]byte(field))
	tail := "@" + hex.EncodeToString(sum[:8])
	legible := strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII || refused(r) {
			return -1
		}
		return r
	}, field)
	return fieldPrefix + legible[:min(len(legible), most-len(fieldPrefix)-len(tail))] + tail
}

// IsNoteKey reports whether a name may be one that NoteKey returns.
func IsNoteKey(name string) bool { return name == noteKey || IsFieldNoteKey(name) }

// IsFieldNoteKey reports whether a name may be that of a field's note.
func IsFieldNoteKey(name string) bool { return strings.HasPrefix(name, fieldPrefix) }
