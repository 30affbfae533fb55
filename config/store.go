package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// StoreType is one type of store that this program has.
type StoreType struct {
	// New returns a pointer to the provider's own type of configuration; the
	// store's block is decoded into it when the file is loaded.
	New func() any
	// Identity returns the physical place of a path, from what New returned
	// and was filled: two equal identities are one secret, whatever the stores
	// are called. Nil: the store's name and the path.
	Identity func(block any, path string) string
}

// Store is one secrets manager.
type Store struct {
	Name string
	// Base is the name of the store that this one is derived from, because some
	// destination overrides settings of it, like region; Name then is the
	// base's, a question mark and the settings as a query. Empty for a store
	// that is written under stores:.
	Base string
	Type string // the name, where no type is written
	// Config is the block, decoded into what StoreType.New returned; nil if
	// the configuration was loaded without store types.
	Config   any
	Pos      Position
	block    *node
	kind     StoreType
	identity func(path string) string
	report   *report
}

// Decode decodes the store's block, without its type, into a pointer to a
// struct. It is strict: what it returns names every unknown field and bad
// value with its place.
//
// The struct has plain fields with the tag yaml:"name": strings, booleans,
// numbers, time.Duration (written as 90d or 1d12h), lists, maps with string
// keys, further structs and pointers to any of these. Embedded structs are
// flattened. A string type with a method Values() []string takes only those. The tag keyrota takes, separated by commas:
//
//	required   the field must be written
//	reference  a string that must be env:NAME, file:/path or
//	           store:NAME/path#field; a literal is refused. A provider is
//	           given a function that resolves it
//	path       a file's path: a relative one becomes relative to the
//	           configuration file
//
// A type with the method
//
//	Check(report func(path, message, hint string))
//
// is asked to check itself once it is filled, with paths like auth.role
// relative to itself; message and hint must not quote values. A block with the
// method
//
//	Override(setting, value string) bool
//
// lets a destination override some of namespace, mount, role, region and
// role_arn: it replaces one setting, or returns false where there is none such.
// It is asked of a block of its own, which is then checked again.
func (s Store) Decode(into any) Problems {
	r := &report{file: s.report.file, dir: s.report.dir, nodes: s.report.nodes}
	s.decode(&decoder{r}, into)
	r.problems.sort(r.file)
	return r.problems
}

func (s Store) decode(d *decoder, into any) {
	block := *s.block
	block.entries = slices.DeleteFunc(slices.Clone(block.entries), func(e entry) bool { return e.name == "type" })
	d.decode(&block, reflect.ValueOf(into).Elem())
}

// setting returns the text of one setting of the store's block, empty if it is
// not written.
func (s Store) setting(name string) string {
	if s.block != nil {
		if n := s.block.entry(name); n != nil {
			return n.text
		}
	}
	return ""
}

// Settings returns what is written in the store's block, by path, like
// auth.kubernetes.role. Of credentials it is where they stand.
func (s Store) Settings() map[string]string {
	all := map[string]string{}
	if s.block != nil {
		s.block.leaves("", all)
	}
	return all
}

// Identity returns the physical place of a path in this store: see
// StoreType.Identity.
func (s Store) Identity(path string) string {
	if s.identity != nil {
		return s.identity(path)
	}
	return s.Name + ":" + path
}

// stores are the blocks by name.
type stores map[string]Store

func (s *stores) decodeNode(d *decoder, n *node) {
	if !d.wants(n, kindMapping, "write names and blocks, like {vault: {address: https://vault.example}}") {
		return
	}
	*s = stores{}
	for _, e := range n.entries {
		at := d.locate(join(n.path, e.name), e.line, e.column)
		if !storeName.MatchString(e.name) || !speakable(e.name) {
			d.add(Error, at, "not a name for a store", "write lower case letters, digits, - and _")
			continue
		}
		store := Store{Name: e.name, Type: e.name, Pos: at, block: e.value, report: d.report}
		if d.wants(e.value, kindMapping, "write the store's settings as fields, or {}") {
			if t := e.value.entry("type"); t != nil && d.wants(t, kindScalar, "write the type of the store") {
				store.Type = t.text
			}
			(*s)[e.name] = store
		}
	}
}

// otherNames are what people call types of stores that are named otherwise
// here, or that there are not.
func otherNames() map[string]string {
	return map[string]string{
		"awssm": "aws", "aws-secrets-manager": "aws", "secretsmanager": "aws", "azurekv": "azure", "keyvault": "azure", "azure-key-vault": "azure",
		"openbao": "vault", "bao": "vault", "hashicorp": "vault",
		"gcp": "", "gcpsm": "", "google": "", "gsm": "", "kubernetes": "", "k8s": "", "1password": "",
	}
}

// decodeBlocks decodes every store's block, where the types are known.
func (s stores) decodeBlocks(d *decoder, types map[string]StoreType) {
	if types == nil {
		return
	}
	known := slices.Sorted(maps.Keys(types))
	for _, name := range slices.Sorted(maps.Keys(s)) {
		store := s[name]
		at := store.Pos.Path
		if store.block.entry("type") != nil {
			at += ".type"
		}
		t, ok := types[store.Type]
		switch {
		case ok:
			store.Config = t.New()
			store.decode(d, store.Config)
			store.kind = t
			store.identify()
			s[name] = store
		case otherNames()[store.Type] != "" && slices.Contains(known, otherNames()[store.Type]):
			d.errorAt(at, "this type of store has another name here", "write type: "+otherNames()[store.Type])
		case hasKey(otherNames(), store.Type):
			d.errorAt(at, "there is no support for this type of store", "known here: "+strings.Join(known, ", "))
		default:
			d.errorAt(at, "not a type of store", also(suggest(store.Type, known), "a store with a name of its own needs type:"))
		}
	}
}

// identify ties the store's identity to its block.
func (s *Store) identify() {
	if s.kind.Identity == nil {
		return
	}
	kind, block, prefix := s.kind, s.Config, s.Type+" "
	s.identity = func(path string) string { return prefix + kind.Identity(block, path) }
}

func hasKey[K comparable, V any](m map[K]V, k K) bool {
	_, ok := m[k]
	return ok
}
