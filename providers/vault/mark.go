package vault

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/keyrota/keyrota/rotation"
)

// Bounds of custom metadata (Vault API docs, KV version 2, "Create/Update
// metadata"; lengths in bytes).
const (
	metadataKeyMax   = 128
	metadataValueMax = 512
)

const (
	managedBy = "keyrota"
	wholeKey  = "keyrota"
	fieldKeys = "keyrota."
)

// markKey returns the key of custom metadata that holds a destination's mark.
// A field whose name does not fit is cut and told apart by its hash.
func markKey(field string) string {
	if field == "" {
		return wholeKey
	}
	key := fieldKeys + field
	if len(key) <= metadataKeyMax && strings.IndexFunc(field, notPrintable) < 0 {
		return key
	}
	sum := sha256.Sum256([]byte(field))
	tail := "~" + hex.EncodeToString(sum[:8])
	legible := strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII || notPrintable(r) {
			return -1
		}
		return r
	}, field)
	return fieldKeys + legible[:min(len(legible), metadataKeyMax-len(fieldKeys)-len(tail))] + tail
}

func notPrintable(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }

// note is a mark as it is written: JSON, so that people and other tools can
// read it. Without a version it only says whose the secret is.
type note struct {
	By       string             `json:"by"`
	Instance string             `json:"instance"`
	Ledger   string             `json:"ledger"`
	Account  rotation.AccountID `json:"account"`
	Edition  rotation.Edition   `json:"edition,omitempty"`
	Key      rotation.KeyID     `json:"key,omitempty"`
	Shape    rotation.Shape     `json:"shape,omitempty"`
	Version  int                `json:"version,omitempty"`
	Created  string             `json:"created,omitempty"`
}

// ownership is the mark that goes before the first data.
func ownership(m rotation.Mark) note {
	return note{By: managedBy, Instance: m.Instance, Ledger: m.Ledger, Account: m.Account}
}

// delivery is the mark that goes after the data, and names its version.
func delivery(m rotation.Mark, v version) note {
	n := ownership(m)
	n.Edition, n.Key, n.Shape = m.Edition, m.Key, m.Shape
	n.Version, n.Created = v.number, v.created
	return n
}

func (n note) encode() (string, error) {
	text, err := json.Marshal(n)
	if err != nil {
		return "", err
	}
	if len(text) > metadataValueMax {
		return "", fmt.Errorf("the mark takes %d bytes, and Vault allows %d", len(text), metadataValueMax)
	}
	return string(text), nil
}

func (n note) mark() rotation.Mark {
	return rotation.Mark{Instance: n.Instance, Ledger: n.Ledger, Account: n.Account, Edition: n.Edition, Key: n.Key, Shape: n.Shape}
}

func (n note) names(v version) bool {
	return n.Version > 0 && n.Version == v.number && n.Created == v.created
}

func decodeNote(text string) (note, bool) {
	var n note
	if json.Unmarshal([]byte(text), &n) != nil || n.By != managedBy {
		return note{}, false
	}
	return n, true
}

// sameOwner compares what of a mark says whose the secret is.
func sameOwner(a, b rotation.Mark) bool {
	return a.Instance == b.Instance && a.Ledger == b.Ledger && a.Account == b.Account
}
