package azurekv

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// descriptionKey is the tag that a description is kept in: Key Vault has no
// other place for one.
const descriptionKey = "description"

// reservedTags are for the mark and the description.
const reservedTags = 2

// CheckTags says what is wrong with tags, without any call. Key Vault keeps 15
// of a version, two of which are ours.
func (s *Store) CheckTags(d rotation.Destination, tags map[string]string) error {
	invalid := func(hint, format string, a ...any) error {
		return problemf("check", d.String(), providers.Invalid, hint, format, a...)
	}
	if most := tagsMax - reservedTags; len(tags) > most {
		return invalid(fmt.Sprintf("Key Vault keeps %d, and %d are for the mark and the description", tagsMax, reservedTags), "%d tags are too many", len(tags))
	}
	for key, value := range tags {
		switch {
		case key == "":
			return invalid("give it a name", "a tag has no name")
		case strings.HasPrefix(strings.ToLower(key), providers.ManagedBy):
			return invalid("use another name", "tags whose names begin with %q are keyrota's own", providers.ManagedBy)
		case utf8.RuneCountInString(key) > tagKeyMax || utf8.RuneCountInString(value) > tagValueMax:
			return invalid(fmt.Sprintf("Key Vault allows %d characters each", tagValueMax), "the name or the value of tag %.40q is too long", key)
		case !utf8.ValidString(key) || !utf8.ValidString(value):
			return invalid("encode it as text", "tag %.40q is not UTF-8", key)
		}
	}
	return nil
}

// tagsFor returns the tags of a version that p is written to under n. They are
// those of the version before, except for marks: of these it takes over those of
// other fields, which the write takes over too.
func tagsFor(before sight, field string, n note, p providers.Payload) (map[string]string, error) {
	text, err := n.encode()
	if err != nil {
		return nil, problemf("put", "", providers.Invalid, "a shorter instance name helps", "%w", err)
	}
	tags := map[string]string{}
	for key, value := range before.current.tags {
		if !providers.IsNoteKey(key) {
			tags[key] = value
		}
	}
	for key, value := range p.Tags {
		tags[key] = value
	}
	tags[noteKey(field)] = text
	if field != "" && before.current.enabled {
		if err := carry(tags, before, noteKey(field), n.Write); err != nil {
			return nil, err
		}
	}
	_, described := p.Tags[descriptionKey]
	if fits := utf8.RuneCountInString(p.Description) <= tagValueMax; p.Description != "" && fits && !described {
		if _, there := tags[descriptionKey]; there || len(tags) < tagsMax {
			tags[descriptionKey] = p.Description
		}
	}
	if len(tags) > tagsMax {
		return nil, problemf("put", "", providers.Invalid, "remove some of them, or use a secret for each key",
			"with those of others the secret would have %d tags, and Key Vault keeps %d", len(tags), tagsMax)
	}
	return tags, nil
}

// carry takes over the marks of other fields, as marks of this write. One that a
// person copied stays behind: it would become as good as one of ours.
func carry(tags map[string]string, before sight, own, write string) error {
	for key, text := range before.current.tags {
		n, ok := decodeNote(text)
		if !ok || !providers.IsFieldNoteKey(key) || key == own || before.copied(key, n) {
			continue
		}
		n.Write = write
		text, err := n.encode()
		if err != nil {
			return problemf("put", "", providers.Invalid, "a shorter instance name helps", "%w", err)
		}
		tags[key] = text
	}
	return nil
}

// pointers is how the SDK wants tags. It is never nil, which would leave those
// that are there.
func pointers(tags map[string]string) map[string]*string {
	all := map[string]*string{}
	for key, value := range tags {
		all[key] = &value
	}
	return all
}
