package format

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
)

// keyText is what may be an API key: at least 40 characters after an optional
// prefix and dash (W&B SDK, key format).
var keyText = regexp.MustCompile(`[A-Za-z0-9_-]{40,}`)

const mostKeys = 5

// rendered returns the key from where Render puts it.
func (f *Format) rendered(text string) (string, bool) {
	whole := func(key string) bool { return key != "" && key != dummyKey && keyText.FindString(key) == key }
	if rest, ok := strings.CutPrefix(text, f.before); ok {
		if key, ok := strings.CutSuffix(rest, f.after); ok && whole(key) {
			return key, true
		}
	}
	name, ok := f.keyMember()
	if !ok {
		return "", false
	}
	var members map[string]any
	if json.Unmarshal([]byte(text), &members) != nil {
		return "", false
	}
	key, ok := members[name].(string)
	return key, ok && whole(key)
}

// keyMember returns the name of the member that has the key, of a form that is
// an object.
func (f *Format) keyMember() (string, bool) {
	switch {
	case f.dest.Format == config.FormatJSON:
		i := slices.IndexFunc(f.dest.Fields, func(o config.OutputField) bool { return o.Variable == config.KeyVariable })
		if i >= 0 {
			return f.dest.Fields[i].Name, true
		}
	case f.dest.Format == config.FormatAirflowConnection && f.dest.Style != config.StyleURI:
		return airflowPassword, true
	case f.dest.Format == config.FormatAirflowVariable && f.dest.Style == config.StyleObject:
		return airflowValue, true
	}
	return "", false
}

// Keys returns what may be a key in a value that was read back, at most five.
// What stands where Render puts the key is taken alone, also where the store
// gave an object back in another order. Failing that, a person
// or an older configuration may have written the value: members and lines that
// are named after W&B, or the one thing in it that looks like a key. Nothing
// else of a secret is tried at the platform, since it may be someone else's
// credential. A nil Format knows no form.
func (f *Format) Keys(value providers.Secret) []providers.Secret {
	text := value.Expose()
	if f != nil {
		if key, ok := f.rendered(text); ok {
			return []providers.Secret{providers.NewSecret(key)}
		}
	}
	var named, others []string
	take := func(name, text string) {
		found := keyText.FindAllString(text, -1)
		if strings.Contains(strings.ToLower(name), "wandb") {
			named = append(named, found...)
		} else {
			others = append(others, found...)
		}
	}
	var members map[string]any
	if json.Unmarshal([]byte(text), &members) == nil {
		for _, name := range slices.Sorted(maps.Keys(members)) {
			if s, ok := members[name].(string); ok {
				take(name, s)
			}
		}
	} else {
		for line := range strings.Lines(text) {
			take(line, line)
		}
	}
	slices.Sort(others)
	if others = slices.Compact(others); len(named) == 0 && len(others) == 1 {
		named = others
	}
	var keys []providers.Secret
	for i, key := range named {
		if key != dummyKey && slices.Index(named, key) == i && len(keys) < mostKeys {
			keys = append(keys, providers.NewSecret(key))
		}
	}
	return keys
}
