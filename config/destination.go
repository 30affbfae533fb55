package config

import (
	"reflect"
	"slices"
	"strings"
	"time"
)

// Destination is one secret, or one field of one, in one store, and the form
// in which the key is written there.
type Destination struct {
	Store    string // name of the store
	Path     string // the secret in it
	Field    string // one field of the secret; empty for the whole
	Format   Format
	Fields   []OutputField // of FormatJSON, in the order of the file
	Template string        // of FormatTemplate
	Cache    time.Duration // the longest that a reader may keep what it read
	Pos      Position

	writeOnly bool
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
)

// writtenDestination is the long form of a destination.
type writtenDestination struct {
	// Store is the name of a store under stores:.
	Store string `yaml:"store" keyrota:"required"`
	// Path of the secret in the store.
	Path string `yaml:"path"`
	// Field of the secret; the others stay byte for byte. Left out, the whole secret is written.
	Field string `yaml:"field"`
	// Format is raw (the key alone), json or template; follows from fields or template, else raw.
	Format *Format `yaml:"format"`
	// Fields of the JSON object: each a name and the variable it takes, like {api_key: WANDB_API_KEY}, or {literal: text}; or a list of variables.
	Fields outputFields `yaml:"fields"`
	// Template is Go template text with {{ .WANDB_API_KEY }} in it once.
	Template *string `yaml:"template"`
	// Cache is the longest that a reader keeps what it read; the overlap covers it.
	Cache time.Duration `yaml:"cache"`
	// Reader presets are not available yet.
	Reader *string `yaml:"reader"`
	// Connection belongs to a reader preset, which are not available yet.
	Connection *string `yaml:"connection"`

	path      string
	writeOnly bool
}

// deliveries is one destination or a list of them.
type deliveries []writtenDestination

func (ds *deliveries) decodeNode(d *decoder, n *node) {
	parts := []*node{n}
	switch n.kind {
	case kindNull:
		d.fault(n, "has no value", destinationHint)
		return
	case kindList:
		parts = n.items
	}
	for _, p := range parts {
		before := len(d.problems)
		w := writtenDestination{path: p.path}
		w.decode(d, p)
		// One with a problem is left out, so that it is not told twice.
		if len(d.problems) == before && !p.bad && !slices.ContainsFunc(p.entries, func(e entry) bool { return e.value.bad }) {
			*ds = append(*ds, w)
		}
	}
}

func (w *writtenDestination) decode(d *decoder, n *node) {
	if n.kind != kindMapping {
		w.decodeLine(d, n)
		return
	}
	before := len(d.problems)
	d.decodeStruct(n, reflect.ValueOf(w).Elem())
	for _, name := range []string{"reader", "connection"} {
		if n.entry(name) != nil {
			d.errorAt(n.path+"."+name, "reader presets are not available yet", "write path: and field: or a template: for this reader")
			return
		}
	}
	if len(d.problems) > before {
		return
	}
	switch {
	case n.entry("path") == nil && strings.Contains(w.Store, ":"):
		d.errorAt(n.path+".store", "only the name of a store belongs here", longFormHint)
	case n.entry("path") == nil:
		d.errorAt(n.path, "path is missing", "add path:")
	case !goodPath(w.Path):
		d.errorAt(n.path+".path", "not a path", "write a path without spaces, .. or an empty part, like secret/ci/wandb")
	}
	if n.entry("field") != nil && !goodField(w.Field) {
		d.errorAt(n.path+".field", "not the name of a field", "write a name without spaces or #, like WANDB_API_KEY")
	}
	w.checkFormat(d, n)
}

// decodeLine reads store:path#field.
func (w *writtenDestination) decodeLine(d *decoder, n *node) {
	if !d.wants(n, kindScalar, destinationHint) {
		return
	}
	store, rest, hasStore := strings.Cut(n.text, ":")
	secret, f, hasField := strings.Cut(rest, "#")
	switch {
	case !hasStore || !storeName.MatchString(store):
		d.errorAt(n.path, "not a destination", destinationHint)
	case !goodPath(secret):
		d.errorAt(n.path, "the path of the destination is not valid", "write a path without spaces, .. or an empty part, like vault:secret/ci/wandb#WANDB_API_KEY")
	case hasField && !goodField(f):
		d.errorAt(n.path, "the field of the destination is not valid", destinationHint)
	}
	format := FormatRaw
	w.Store, w.Path, w.Field, w.Format = store, secret, f, &format
}

func (w *writtenDestination) checkFormat(d *decoder, n *node) {
	hasFields, hasTemplate := n.entry("fields") != nil, w.Template != nil
	if w.Format == nil {
		f := FormatRaw
		switch {
		case hasTemplate:
			f = FormatTemplate
		case hasFields:
			f = FormatJSON
		}
		w.Format = &f
	}
	switch {
	case hasFields && *w.Format != FormatJSON:
		d.errorAt(n.path+".fields", "fields belong to the format json", "write format: json, or remove fields:")
	case hasTemplate && *w.Format != FormatTemplate:
		d.errorAt(n.path+".template", "a template belongs to the format template", "write format: template, or remove template:")
	case *w.Format == FormatTemplate && !hasTemplate:
		d.errorAt(n.path, "template is missing", "add template: with {{ .WANDB_API_KEY }} in it")
	}
}
