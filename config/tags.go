package config

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxDescription is in characters; every store that keeps one takes as many.
const maxDescription = 250

// checkTags checks the tags and the description of a destination.
func (w *writtenDestination) checkTags(d *decoder, n *node) {
	d.checkTagNames(n.path, w.Tags)
	if w.Description == nil {
		return
	}
	at := n.path + ".description"
	switch {
	case templated(*w.Description):
		d.checkName(at, *w.Description)
	case !printable(*w.Description) || utf8.RuneCountInString(*w.Description) > maxDescription:
		d.badDescription(at)
	}
}

func (r *report) badDescription(at string) {
	r.errorAt(at, "not a description that every store takes", "write one line of up to 250 characters")
}

// checkTagNames checks tags as far as they hold for every store.
func (r *report) checkTagNames(path string, tags map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		at := join(path+".tags", name)
		switch {
		case name == "" || !printable(name) || !printable(tags[name]):
			r.errorAt(at, "not a tag", "write one line of text for its name, and one for its value")
		case strings.HasPrefix(strings.ToLower(name), managedTag):
			r.errorAt(at, "tags whose names begin with keyrota are keyrota's own", "write another name")
		case templated(tags[name]):
			r.checkName(at, tags[name])
		}
	}
}

// managedTag begins the tags in which stores keep keyrota's marks.
const managedTag = "keyrota"

// tags merges the tags of all layers, of the reader and of the destination;
// the innermost of a name wins. A secret of which only one field is ours gets
// those alone that are written at the destination.
func (n namer) tags(layers []layer, preset map[string]string, w *writtenDestination) map[string]string {
	tags := map[string]string{}
	add := func(from map[string]string) {
		for name, text := range from {
			tags[name] = n.render(text)
		}
	}
	if w.Field == "" {
		for _, l := range slices.Backward(layers) {
			add(l.Tags)
		}
		add(preset)
	}
	add(w.Tags)
	return tags
}

// description returns what is kept beside the secret for people; for a secret
// of which only one field is ours nothing, unless it is written.
func (n namer) description(w *writtenDestination) string {
	switch {
	case w.Description == nil && w.Field != "":
		return ""
	case w.Description == nil:
		return describe(n.account)
	}
	text := n.render(*w.Description)
	if utf8.RuneCountInString(text) > maxDescription {
		n.badDescription(w.at("description"))
	}
	return text
}

// describe says whose key it is, and nothing that changes while the key stays:
// a new owner or purpose must not write to every secret of the account.
func describe(a *Account) string {
	text := []rune("W&B API key of " + a.Ref + ", kept by keyrota")
	if len(text) > maxDescription {
		text = append(text[:maxDescription-1], '…')
	}
	return string(text)
}
