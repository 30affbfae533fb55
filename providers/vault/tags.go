package vault

import (
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

var _ providers.Describer = (*Store)(nil)

const (
	// metadataMax is how many keys custom metadata has at most (Vault API docs,
	// KV version 2, "Create/Update metadata").
	metadataMax = 64
	// descriptionKey is the key of custom metadata that the description is
	// under; Vault has no place of its own for one.
	descriptionKey = "description"
)

// tagsOf returns a payload's tags and description as custom metadata.
func tagsOf(p providers.Payload) map[string]string {
	custom := maps.Clone(p.Tags)
	if p.Description != "" {
		if custom == nil {
			custom = map[string]string{}
		}
		custom[descriptionKey] = p.Description
	}
	return custom
}

// CheckTags says what is wrong with tags, which become custom metadata.
func (s *Store) CheckTags(d rotation.Destination, tags map[string]string) error {
	invalid := func(hint, format string, a ...any) error {
		return problemf("check", d.String(), providers.Invalid, hint, format, a...)
	}
	const ours = 2 // the mark and the description
	if len(tags) > metadataMax-ours {
		return invalid("keep the most useful ones", "%d tags: custom metadata has room for %d beside what keyrota writes", len(tags), metadataMax-ours)
	}
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		value := tags[name]
		switch {
		case name == "" || len(name) > metadataKeyMax || !printable(name):
			return invalid("write 1 to 128 printable characters", "the tag %.40q has a name that Vault refuses", name)
		case len(value) > metadataValueMax || !printable(value):
			return invalid("write up to 512 printable characters", "the value of the tag %s is one that Vault refuses", name)
		case providers.IsNoteKey(name):
			return invalid("choose another name", "%s is where keyrota's own marks are", name)
		}
	}
	return nil
}

func printable(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if !allowed(r) {
			return false
		}
	}
	return true
}
