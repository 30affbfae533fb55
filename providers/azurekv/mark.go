package azurekv

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// note is a mark as it stands in a tag of a version.
type note struct {
	providers.Note
	// Write tells this write from every other: the second in which it was sent,
	// and a random number. It is the version of a marked holding: Key Vault's
	// listing of secrets shows tags, but not which version they are of.
	Write string `json:"write,omitempty"`
}

// writeLength is that of a note's Write, half as long as the id of a version.
const writeLength = 16

func newWrite(now time.Time) string {
	var made [writeLength / 2]byte
	binary.BigEndian.PutUint32(made[:], uint32(now.Unix()))
	_, _ = rand.Read(made[4:]) // never fails (crypto/rand documentation)
	return hex.EncodeToString(made[:])
}

// copyAge is how much older than the version that it stands on a mark is taken to
// be copied from an earlier version, at a first glance.
const copyAge = 10 * time.Minute

// mayBeOf reports whether a mark may be of the write that made a version at that
// time. The clock that it was written by may be ahead.
func (n note) mayBeOf(created time.Time) bool {
	sent, err := strconv.ParseUint(n.Write[:min(len(n.Write), writeLength/2)], 16, 32)
	return err == nil && created.Sub(time.Unix(int64(sent), 0)) < copyAge
}

// noteKey returns the name of the tag that holds a destination's mark.
func noteKey(field string) string {
	return providers.NoteKey(field, tagKeyMax, func(r rune) bool { return unicode.IsPrint(r) && r != unicode.ReplacementChar })
}

func decodeNote(text string) (note, bool) {
	plain, ok := providers.DecodeNote(text)
	if !ok {
		return note{}, false
	}
	n := note{Note: plain}
	var more struct {
		Write string `json:"write"`
	}
	if json.Unmarshal([]byte(text), &more) == nil && isWrite(more.Write) {
		n.Write = more.Write
	}
	return n, true
}

func (n note) encode() (string, error) {
	text, err := json.Marshal(n)
	if err == nil && utf8.RuneCount(text) > tagValueMax {
		err = fmt.Errorf("the mark takes %d characters, and a tag has %d", utf8.RuneCount(text), tagValueMax)
	}
	return string(text), err
}

func noteOf(m rotation.Mark, write string) note { return note{providers.NoteOf(m), write} }

func isWrite(text string) bool { return len(text) == writeLength && isHex(text) }

func isHex(text string) bool {
	for _, r := range text {
		if (r < '0' || r > '9') && (r < 'a' || r > 'f') {
			return false
		}
	}
	return true
}
