package main

import (
	"encoding/json"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/format"
)

// candidate is what may be a key, and how it stands in its place.
type candidate struct {
	at    rotation.Destination
	value providers.Secret
	form  form
	name  string // of the member or line that it stands in; may be empty
	named bool   // the place or the name says W&B
	// lines are the names of the other lines of a file of variables, and scheme
	// is what an Airflow connection's URI begins with.
	lines  []string
	scheme string
}

// form is how a key stands in a text.
type form string

const (
	formRaw    form = "raw"            // it is the text
	formEnv    form = "env"            // lines of NAME=value
	formURI    form = "connection-uri" // the password of a URI
	formObject form = "object"         // in an object within the text, or within an object
	formText   form = "text"           // in the midst of something else
)

// candidates finds in a secret what may be keys, by the rule of format.Keys: what
// is named after W&B, or the one thing that looks like a key. An object is
// searched member by member, so that each key's place has a name; one that lies
// in another is searched by itself.
func candidates(at rotation.Destination, secret providers.Secret) []candidate {
	var found []candidate
	text := secret.Expose()
	var members map[string]any
	if json.Unmarshal([]byte(text), &members) != nil {
		for _, key := range keysIn(text) {
			found = append(found, recognize(at, "", text, key))
		}
		return alone(found)
	}
	keys := keysIn(text)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		in := at
		in.Field = name
		switch member := members[name].(type) {
		case string:
			for _, key := range keys {
				if strings.Contains(member, key) {
					found = append(found, recognize(in, name, member, key))
				}
			}
		case map[string]any, []any:
			for _, key := range within(member) {
				c := recognize(in, name, "", key)
				c.form = formObject
				found = append(found, c)
			}
		}
	}
	return alone(found)
}

// within returns the keys of objects that lie in another.
func within(value any) []string {
	var keys []string
	switch value := value.(type) {
	case map[string]any:
		if text, err := json.Marshal(value); err == nil {
			keys = keysIn(string(text))
		}
		for _, name := range slices.Sorted(maps.Keys(value)) {
			keys = append(keys, within(value[name])...)
		}
	case []any:
		for _, item := range value {
			keys = append(keys, within(item)...)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func keysIn(text string) []string {
	var keys []string
	for _, s := range (*format.Format)(nil).Keys(providers.NewSecret(text)) {
		keys = append(keys, s.Expose())
	}
	return keys
}

// alone makes text of the form where two keys stand in one place: no form has
// room for both.
func alone(found []candidate) []candidate {
	in := map[rotation.Destination]int{}
	for _, c := range found {
		in[c.at]++
	}
	for i := range found {
		if in[found[i].at] > 1 {
			found[i].form = formText
		}
	}
	return found
}

var envLine = regexp.MustCompile(`^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$`)

// recognize tells how a key stands in a text.
func recognize(at rotation.Destination, name, text, key string) candidate {
	c := candidate{at: at, value: providers.NewSecret(key), form: formText, name: name}
	switch trimmed := strings.TrimSpace(text); {
	case trimmed == key:
		c.form = formRaw
	case passwordOf(trimmed, key, &c):
		c.form = formURI
	case lineOf(trimmed, key, &c):
		c.form = formEnv
	case json.Valid([]byte(trimmed)):
		c.form = formObject
	}
	c.named = says(at.Path) || says(name) || says(c.name)
	return c
}

func says(name string) bool { return strings.Contains(strings.ToLower(name), "wandb") }

// passwordOf reports whether a text is a URI whose password is the key.
func passwordOf(text, key string, c *candidate) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.User == nil {
		return false
	}
	password, _ := u.User.Password()
	c.scheme = u.Scheme
	return password == key
}

// lineOf reports whether a text is lines of variables, one of which is the key.
func lineOf(text, key string, c *candidate) bool {
	name, times := "", 0
	var others []string
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		m := envLine.FindStringSubmatch(line)
		if m == nil {
			return false
		}
		if strings.Trim(m[2], `"'`) == key {
			name = m[1]
			times++
		} else {
			others = append(others, m[1])
		}
	}
	if times != 1 {
		return false
	}
	c.name, c.lines = name, others
	return true
}
