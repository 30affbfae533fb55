package config

import (
	"time"
)

// Destination is one secret, or one field of one, in one store, and the form
// in which the key is written there.
type Destination struct {
	Store    string // name of the store, or of one derived from it: see Store.Base
	Path     string // the secret in it
	Field    string // one field of the secret; empty for the whole
	Format   Format
	Style    Style         // of FormatAirflowConnection and FormatAirflowVariable
	ConnType string        // of FormatAirflowConnection
	Fields   []OutputField // of FormatJSON and FormatEnv, in the order of the file
	Template string        // of FormatTemplate
	Reader   Reader        // who reads it, where that is written
	Cache    time.Duration // the longest that a reader may keep what it read
	// Tags and Description are for stores that keep them. OwnTags says that
	// tags are written on the destination itself, so that a store without
	// tags is a mistake.
	Tags        map[string]string
	OwnTags     bool
	Description string
	Exclusive   bool // a person promises that nobody else writes this secret
	Pos         Position

	path        string
	writeOnly   bool
	presetCache bool // Cache is what is known of the reader
	process     bool // its reader holds the key as long as a process runs
}

// String returns "store:path#field".
func (d Destination) String() string {
	s := d.Store + ":" + d.Path
	if d.Field != "" {
		s += "#" + d.Field
	}
	return s
}

// Readable says whether the key can be read back out of what the format
// writes, so that the account can make its next key with it.
func (d Destination) Readable() bool { return !d.writeOnly }

const (
	destinationHint = "write store:path#field, like vault:secret/ci/wandb#WANDB_API_KEY"
	longFormHint    = "write {store: NAME, path: PATH, field: FIELD}"
	pathHint        = "write a path without spaces, .. or an empty part, like secret/ci/wandb"
	fieldHint       = "write a name without spaces or #, like WANDB_API_KEY"
)
