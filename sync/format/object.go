package format

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/keyrota/keyrota/providers"
)

// member is one member of a JSON object; its value is a string or a number.
type member struct {
	name  string
	value any
}

// members renders an object, in the order given. Of a whole secret, a store
// that has fields writes the members as such if they are to be an object.
func (f *Format) members(ms []member, object bool) (providers.Payload, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range ms {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := encode(m.name)
		if err != nil {
			return providers.Payload{}, fmt.Errorf("rendering %s: field %d: %w", f.dest, i, err)
		}
		text, err := encode(m.value)
		if err != nil {
			return providers.Payload{}, fmt.Errorf("rendering %s: field %s: %w", f.dest, m.name, err)
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(text)
	}
	b.WriteByte('}')
	return providers.Payload{Value: providers.NewSecret(b.String()), Object: object}, nil
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}
