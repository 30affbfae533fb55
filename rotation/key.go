package rotation

import (
	"strconv"
	"strings"
	"time"
)

// KeyID is the platform's id of one API key. It is the identity of a key; a
// label only nominates, since people can rename and forge descriptions.
type KeyID string

// Key is one API key as a listing shows it: never its value.
type Key struct {
	ID    KeyID
	Label Label // the description, whoever wrote it
}

// Edition counts the offers of one account. It orders what may be delivered.
type Edition uint64

// Label is the description that a key is created with:
// "keyrota/<instance>/<account id>/<edition>@<time>.<nonce>".
// A label is used for at most one request to create a key, ever.
type Label string

const labelPrefix = "keyrota/"

const labelTime = "20060102T150405Z"

// NewLabel returns the label of a key to be created at a time for an edition.
// The nonce must never have been used before; instance holds no slash.
func NewLabel(instance string, a AccountID, e Edition, at time.Time, nonce string) Label {
	return Label(labelPrefix + instance + "/" + string(a) + "/" +
		strconv.FormatUint(uint64(e), 10) + "@" + at.UTC().Format(labelTime) + "." + nonce)
}

// Parts takes a label apart; ok is false for a description that is not a
// label of keyrota.
func (l Label) Parts() (instance string, a AccountID, e Edition, at time.Time, ok bool) {
	rest, found := strings.CutPrefix(string(l), labelPrefix)
	if !found {
		return "", "", 0, time.Time{}, false
	}
	instance, rest, found = strings.Cut(rest, "/")
	slash := strings.LastIndexByte(rest, '/')
	if !found || slash < 0 {
		return "", "", 0, time.Time{}, false
	}
	number, stamp, found := strings.Cut(rest[slash+1:], "@")
	if !found {
		return "", "", 0, time.Time{}, false
	}
	stamp, _, found = strings.Cut(stamp, ".")
	n, err := strconv.ParseUint(number, 10, 64)
	if !found || err != nil {
		return "", "", 0, time.Time{}, false
	}
	at, err = time.Parse(labelTime, stamp)
	if err != nil {
		return "", "", 0, time.Time{}, false
	}
	return instance, AccountID(rest[:slash]), Edition(n), at, true
}

// EditionFor returns the edition of a label that this instance made for this
// account, and false for every other description.
func (l Label) EditionFor(instance string, a AccountID) (Edition, bool) {
	i, id, e, _, ok := l.Parts()
	return e, ok && i == instance && id == a
}
