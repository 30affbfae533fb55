package rotation

import "strings"

// Destination is one secret, or one field of one, in one store. It is the
// logical name of a place: the store by its name in the configuration.
type Destination struct {
	Store string // name of the store in the configuration
	Path  string // the secret's name in that store
	Field string // one field of it; empty for the whole secret
}

// String returns "store:path#field".
func (d Destination) String() string {
	s := d.Store + ":" + d.Path
	if d.Field != "" {
		s += "#" + d.Field
	}
	return s
}

// ParseDestination reads what String writes.
func ParseDestination(s string) (Destination, bool) {
	store, rest, ok := strings.Cut(s, ":")
	path, field, _ := strings.Cut(rest, "#")
	if !ok || store == "" || path == "" {
		return Destination{}, false
	}
	return Destination{Store: store, Path: path, Field: field}, true
}

// Shape is a hash of a destination's rendering with a dummy key, so that a
// changed format is a delivery without a rotation.
type Shape string

// Version is a store's own token for the current state of one secret. Empty
// where there is none yet.
type Version string

// Mark is what we write beside a secret to know it again. A mark is data of
// ours in a place where people can edit: it is believed only together with
// what the platform says of the key.
type Mark struct {
	Instance string
	Ledger   string // id of the ledger that wrote it
	Account  AccountID
	Edition  Edition
	Key      KeyID
	Shape    Shape
}

// State says what was seen at a destination. The zero State is StateUnknown,
// so whatever was not looked at, or not completely, counts as unknown.
type State uint8

const (
	// StateUnknown: the store could not be asked, or could not say.
	StateUnknown State = iota
	// StateAbsent: there is nothing; deleted but recoverable counts as absent.
	StateAbsent
	// StateBare: a value without any mark of keyrota. Someone else's until a
	// person names it for adoption.
	StateBare
	// StateMarked: a value, and the mark speaks of exactly this version.
	StateMarked
	// StateEdited: a mark is there, but speaks of another version than the
	// current one: edited by hand, or a write of ours cut short.
	StateEdited
)

// String returns the state as people read it.
func (s State) String() string {
	return [...]string{"unknown", "absent", "not ours", "delivered", "edited"}[s]
}

// Holding is what one look at a destination showed.
type Holding struct {
	State   State
	Fresh   bool      // as fresh as the store can answer, taken for this decision
	Version Version   // the current version
	Older   []Version // earlier versions that can still be read, newest first
	Mark    Mark      // of StateMarked and StateEdited
	Owner   string    // of StateBare, for people: who seems to own it, if the store can tell
	Words   string    // of StateUnknown, for people: why
}
