// Package format renders a key in the form in which a destination's readers
// expect it, and finds keys again in what was written. It knows the
// configuration and the Secret type; it makes no calls.
package format

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
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
	dest     *config.Destination
	env      map[string]string
	template *template.Template
	shape    rotation.Shape
	before   string // what Render puts before the key
	after    string // and after it
}

// dummyKey stands for the key when a form is tried before a key exists. It has
// the length and alphabet of a real one.
const dummyKey = "keyrota-dummy-0000000000000000000000000000000000000000"

// New prepares a destination's form with the environment of its account, which
// must not change afterwards. It fails where rendering a dummy key fails, so
// that a bad template is found before a key exists.
func New(dest *config.Destination, env map[string]string) (*Format, error) {
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
	if n := strings.Count(dummy.Value.Expose(), dummyKey); dest.Format == config.FormatTemplate && dest.Readable() && n != 1 {
		return nil, fmt.Errorf("the template of %s writes %q %d times where keyrota tries it with that as the key: write something else beside the key", dest, dummyKey, n)
	}
	f.before, f.after, _ = strings.Cut(dummy.Value.Expose(), dummyKey)
	f.shape = shape(dest, dummy)
	return f, nil
}

// shape is a hash of all that a delivery of any key writes besides the key.
func shape(dest *config.Destination, dummy providers.Payload) rotation.Shape {
	text := string(dest.Format) + "\x00" + dummy.Value.Expose()
	if dest.Style != "" {
		text += "\x00style " + string(dest.Style)
	}
	if dummy.Description != "" {
		text += "\x00description " + dummy.Description
	}
	for _, name := range slices.Sorted(maps.Keys(dummy.Tags)) {
		text += "\x00tag " + name + "\x00" + dummy.Tags[name]
	}
	sum := sha256.Sum256([]byte(text))
	return rotation.Shape(base64.RawURLEncoding.EncodeToString(sum[:9]))
}

// Shape tells this form from every other, whatever the key. Tags and the
// description are part of it: who builds a Format for a store that keeps none
// leaves them out of the destination.
func (f *Format) Shape() rotation.Shape { return f.shape }

// Dummy returns what Render makes of a key that does not exist.
func (f *Format) Dummy() (providers.Payload, error) { return f.Render(providers.NewSecret(dummyKey)) }

// Render returns what the destination should hold.
func (f *Format) Render(key providers.Secret) (providers.Payload, error) {
	p, err := f.render(key)
	if err != nil {
		return providers.Payload{}, err
	}
	p.Tags, p.Description, p.Exclusive = f.dest.Tags, f.dest.Description, f.dest.Exclusive
	return p, nil
}

func (f *Format) render(key providers.Secret) (providers.Payload, error) {
	switch f.dest.Format {
	case config.FormatJSON:
		var ms []member
		for _, field := range f.dest.Fields {
			ms = append(ms, member{field.Name, f.value(field, key)})
		}
		return f.members(ms, f.dest.Field == "")
	case config.FormatEnv:
		return f.lines(key)
	case config.FormatAirflowConnection:
		return f.airflowConnection(key)
	case config.FormatAirflowVariable:
		return f.airflowVariable(key)
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
