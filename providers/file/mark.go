package file

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

const (
	beside    = ".keyrota" // folder of what lies beside secrets
	saltFile  = beside + "/salt"
	lockFile  = beside + "/lock"
	newFile   = beside + "/new" // what is about to be renamed to its name
	managedBy = "keyrota"
)

// markFile returns where the marks of a secret lie: in a folder beside it, so
// that they move with its folder.
func markFile(secret string) string {
	dir, name := path.Split(secret)
	return dir + beside + "/" + name + ".json"
}

// notes are the marks of one secret as they are written: JSON, for people to read.
type notes struct {
	By    string          `json:"managed_by"`
	Marks map[string]note `json:"marks"` // by field, "" for the whole secret
}

// note is one mark. Without a version it only says whose the secret is.
type note struct {
	Instance string             `json:"instance"`
	Ledger   string             `json:"ledger"`
	Account  rotation.AccountID `json:"account"`
	Edition  rotation.Edition   `json:"edition"`
	Key      rotation.KeyID     `json:"key"`
	Shape    rotation.Shape     `json:"shape"`
	Version  rotation.Version   `json:"version,omitempty"`
}

func noteOf(m rotation.Mark, v rotation.Version) note {
	return note{Instance: m.Instance, Ledger: m.Ledger, Account: m.Account, Edition: m.Edition, Key: m.Key, Shape: m.Shape, Version: v}
}

func (n note) mark() rotation.Mark {
	return rotation.Mark{Instance: n.Instance, Ledger: n.Ledger, Account: n.Account, Edition: n.Edition, Key: n.Key, Shape: n.Shape}
}

var errNotes = errors.New("the marks beside the secret are not as keyrota writes them")

// readNotes returns the marks of a secret: none if there is no file of them.
func readNotes(root *os.Root, secret string) (notes, error) {
	empty := notes{By: managedBy, Marks: map[string]note{}}
	text, err := root.ReadFile(markFile(secret))
	if errors.Is(err, fs.ErrNotExist) {
		return empty, nil
	}
	if err != nil {
		return notes{}, err
	}
	var n notes
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&n); err != nil || n.By != managedBy {
		return notes{}, fmt.Errorf("%w: %s", errNotes, markFile(secret))
	}
	if n.Marks == nil {
		n.Marks = empty.Marks
	}
	return n, nil
}

func writeNotes(ctx context.Context, root *os.Root, secret string, n notes) error {
	text, err := json.MarshalIndent(n, "", "  ")
	if err == nil {
		_, err = replace(ctx, root, markFile(secret), string(text)+"\n", time.Time{})
	}
	return err
}

// set has a field's mark speak of the version written. A write of one field
// took over the others as they were before it; so the marks of other fields
// that spoke of the version before it speak of it too.
func (n notes) set(field string, m rotation.Mark, before, written rotation.Version) {
	n.take(field, before, written)
	n.Marks[field] = noteOf(m, written)
}

// take is set for a field that the write took away.
func (n notes) take(field string, before, written rotation.Version) {
	for other, mark := range n.Marks {
		if field != "" && other != "" && before != "" && mark.Version == before {
			mark.Version = written
			n.Marks[other] = mark
		}
	}
	delete(n.Marks, field)
}

// version names a content and when it was written: one that comes back later is
// another version. It is keyed, since it is shown and recorded, and a plain
// hash would let a short value of someone else's field be guessed.
func version(salt []byte, content string, written time.Time) rotation.Version {
	h := hmac.New(sha256.New, salt)
	var at [8]byte
	binary.BigEndian.PutUint64(at[:], uint64(written.UnixNano()))
	h.Write(at[:])
	h.Write([]byte(content))
	return rotation.Version(hex.EncodeToString(h.Sum(nil)[:16]))
}
