// Package format renders a key in the form in which a destination's readers
// expect it, and finds keys again in what was written. It knows the
// configuration and the Secret type; it makes no calls.
package format

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// Format is one destination's form. It does not change and may be used from
// several goroutines.
type Format struct {
	dest     config.Destination
	env      map[string]string
	template *template.Template
	shape    rotation.Shape
	before   string // what Render puts before the key
	after    string // and after it
}

// dummyKey stands for the key when a form is tried before a key exists. It has
// the length and alphabet of a real one.
const dummyKey = "keyrota-dummy-0000000000000000000000000000000000000000"

// New prepares a destination's form with the environment of its account. It
// fails where rendering a dummy key fails, so that a bad template is found
// before a key exists.
func New(dest config.Destination, env map[string]string) (*Format, error) {
	f := &Format{dest: dest, env: env}
	if dest.Format == config.FormatTemplate {
		t, err := template.New(dest.String()).Option("missingkey=error").Parse(dest.Template)
		if err != nil {
			return nil, fmt.Errorf("the template of %s: %w", dest, err)
		}
		f.template = t
	}
	dummy, err := f.Dummy()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(string(dest.Format) + "\x00" + dummy.Value.Expose()))
	f.before, f.after, _ = strings.Cut(dummy.Value.Expose(), dummyKey)
	f.shape = rotation.Shape(base64.RawURLEncoding.EncodeToString(sum[:9]))
	return f, nil
}

// Shape tells this form from every other, whatever the key.
func (f *Format) Shape() rotation.Shape { return f.shape }

// Dummy returns what Render makes of a key that does not exist.
func (f *Format) Dummy() (providers.Payload, error) { return f.Render(providers.NewSecret(dummyKey)) }

// Render returns what the destination should hold.
func (f *Format) Render(key providers.Secret) (providers.Payload, error) {
	switch f.dest.Format {
	case config.FormatJSON:
		return f.object(key)
	case config.FormatTemplate:
		values := map[string]string{config.KeyVariable: key.Expose()}
		for name, value := range f.env {
			values[name] = value
		}
		var b strings.Builder
		if err := f.template.Execute(&b, values); err != nil {
			return providers.Payload{}, fmt.Errorf("rendering the template of %s: %w", f.dest, redact(err, key))
		}
		return providers.Payload{Value: providers.NewSecret(b.String())}, nil
	default:
		return providers.Payload{Value: key}, nil
	}
}

// redact keeps a template's error from quoting the key.
func redact(err error, key providers.Secret) error {
	if !strings.Contains(err.Error(), key.Expose()) {
		return err
	}
	return fmt.Errorf("the template fails: write it so that it also renders a key that it does not know")
}

func (f *Format) object(key providers.Secret) (providers.Payload, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, field := range f.dest.Fields {
		if i > 0 {
			b.WriteByte(',')
		}
		value := field.Literal
		switch field.Variable {
		case "":
		case config.KeyVariable:
			value = key.Expose()
		default:
			value = f.env[field.Variable]
		}
		name, err := encode(field.Name)
		if err != nil {
			return providers.Payload{}, fmt.Errorf("rendering %s: field %d: %w", f.dest, i, err)
		}
		text, err := encode(value)
		if err != nil {
			return providers.Payload{}, fmt.Errorf("rendering %s: field %s: %w", f.dest, field.Name, err)
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(text)
	}
	b.WriteByte('}')
	return providers.Payload{Value: providers.NewSecret(b.String()), Object: f.dest.Field == ""}, nil
}

func encode(s string) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(s)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}

// keyText is what may be an API key: at least 40 characters after an optional
// prefix and dash (W&B SDK, key format).
var keyText = regexp.MustCompile(`[A-Za-z0-9_-]{40,}`)

const mostKeys = 5

// Keys returns what may be a key in a value that was read back, at most five.
// What stands where Render puts the key is taken alone. Failing that, a person
// or an older configuration may have written the value: members and lines that
// are named after W&B, or the one thing in it that looks like a key. Nothing
// else of a secret is tried at the platform, since it may be someone else's
// credential. A nil Format knows no form.
func (f *Format) Keys(value providers.Secret) []providers.Secret {
	text := value.Expose()
	if f != nil {
		if rest, ok := strings.CutPrefix(text, f.before); ok {
			if key, ok := strings.CutSuffix(rest, f.after); ok && key != "" && key != dummyKey && keyText.FindString(key) == key {
				return []providers.Secret{providers.NewSecret(key)}
			}
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
