package config

import (
	"path"
	"regexp"
	"strings"
)

// ReferenceKind says where a credential of our own is read from.
type ReferenceKind string

// The kinds of references.
const (
	FromEnv   ReferenceKind = "env"
	FromFile  ReferenceKind = "file"
	FromStore ReferenceKind = "store"
)

// Reference says where a credential of our own stands. It is read when it is
// used, never kept. The zero Reference refers to nothing.
type Reference struct {
	Kind  ReferenceKind
	Env   string // name of the variable, for FromEnv
	File  string // path, absolute or relative to the configuration file, for FromFile
	Store string // name of the store, for FromStore
	Path  string // the secret in that store
	Field string // one field of it; empty for the whole secret
	Pos   Position
}

// IsZero says whether it refers to nothing.
func (r Reference) IsZero() bool { return r.Kind == "" }

// String returns it as written in the configuration, with an absolute path if
// it was relative; empty for the zero Reference.
func (r Reference) String() string {
	switch r.Kind {
	case FromEnv:
		return "env:" + r.Env
	case FromFile:
		return "file:" + r.File
	case FromStore:
		s := "store:" + r.Store + "/" + r.Path
		if r.Field != "" {
			s += "#" + r.Field
		}
		return s
	}
	return ""
}

const referenceHint = "write where it stands: env:NAME, file:/path, or store:NAME/path#field"

// ParseReference reads env:NAME, file:/path and store:NAME/path#field. It is
// for providers' fields that were decoded with the tag keyrota:"reference",
// and for flags.
func ParseReference(s string) (Reference, bool) {
	kind, rest, _ := strings.Cut(s, ":")
	switch ReferenceKind(kind) {
	case FromEnv:
		if variableName.MatchString(rest) {
			return Reference{Kind: FromEnv, Env: rest}, true
		}
	case FromFile:
		if rest != "" && printable(rest) {
			return Reference{Kind: FromFile, File: rest}, true
		}
	case FromStore:
		store, place, _ := strings.Cut(rest, "/")
		secret, f, hasField := strings.Cut(place, "#")
		if storeName.MatchString(store) && goodPath(secret) && (!hasField || goodField(f)) {
			return Reference{Kind: FromStore, Store: store, Path: secret, Field: f}, true
		}
	}
	return Reference{}, false
}

func (r *Reference) decodeNode(d *decoder, n *node) {
	if !d.wants(n, kindScalar, referenceHint) {
		return
	}
	got, ok := ParseReference(n.text)
	if !ok {
		// The value is not repeated: it is most likely the key itself.
		d.errorAt(n.path, "not a reference; a credential is never written into the configuration", referenceHint)
		return
	}
	if got.Kind == FromFile {
		got.File = d.besideFile(got.File)
	}
	got.Pos = d.position(n.path)
	*r = got
	d.references = append(d.references, got)
}

var (
	storeName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)
	fieldName = regexp.MustCompile(`^[^\s#]{1,256}$`)
)

func goodField(s string) bool { return fieldName.MatchString(s) && printable(s) }

// goodPath is what every store can take; what a store refuses beyond that,
// its provider says.
func goodPath(s string) bool {
	if s == "" || len(s) > 1024 || !printable(s) || strings.ContainsAny(s, " #\\") {
		return false
	}
	clean := path.Clean(s)
	return clean == s && clean != "." && clean != "/" && clean != ".." && !strings.HasPrefix(clean, "../")
}

func printable(s string) bool {
	for _, c := range s {
		if c < ' ' || c == 0x7f || c == '\ufffd' {
			return false
		}
	}
	return true
}
