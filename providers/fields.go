package providers

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// Faults of a secret's text that is meant to have fields. None of them quotes
// the text.
var (
	ErrNotObject   = errors.New("the secret is not one JSON object")
	ErrFieldTwice  = errors.New("the secret has this field twice")
	ErrFieldNoText = errors.New("the field is not a string")
	ErrNotUTF8     = errors.New("the value is not UTF-8, which JSON needs")
)

// member is where one member of a JSON object stands in its text.
type member struct {
	value      json.RawMessage
	begin      int // of its name
	start, end int // of its value
	first      bool
	times      int
}

// Field returns one string field of a secret that is kept as the text of a
// JSON object. It is for stores whose secrets are texts; an empty text is an
// object without members. The errors are those above.
func Field(object, name string) (value Secret, ok bool, err error) {
	m, _, err := findMember(object, name)
	if err != nil || m.times == 0 {
		return Secret{}, false, err
	}
	var text *string
	if err := json.Unmarshal(m.value, &text); err != nil || text == nil {
		return Secret{}, true, ErrFieldNoText
	}
	return NewSecret(*text), true, nil
}

// WithField returns the text of a JSON object with one string field set to
// value and everything else byte for byte as it was: the order, the blanks,
// the way numbers are written. The errors are those above.
func WithField(object, name string, value Secret) (Secret, error) {
	if !utf8.ValidString(value.Expose()) || !utf8.ValidString(name) {
		return Secret{}, ErrNotUTF8
	}
	m, last, err := findMember(object, name)
	if err != nil {
		return Secret{}, err
	}
	if m.times > 0 {
		return NewSecret(object[:m.start] + quote(value.Expose()) + object[m.end:]), nil
	}
	added := quote(name) + ":" + quote(value.Expose())
	if strings.TrimSpace(object) == "" {
		return NewSecret("{" + added + "}"), nil
	}
	if last == 0 {
		last = strings.IndexByte(object, '{') + 1
		return NewSecret(object[:last] + added + object[last:]), nil
	}
	return NewSecret(object[:last] + "," + added + object[last:]), nil
}

// findMember returns where a member's value stands, and where the last
// member's value ends: 0 if there is none.
func findMember(object, name string) (found member, last int, err error) {
	if strings.TrimSpace(object) == "" {
		return member{}, 0, nil
	}
	if !json.Valid([]byte(object)) {
		return member{}, 0, ErrNotObject
	}
	dec := json.NewDecoder(strings.NewReader(object))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return member{}, 0, ErrNotObject
	}
	for dec.More() {
		before := int(dec.InputOffset())
		key, err := dec.Token()
		if err != nil {
			return member{}, 0, ErrNotObject
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return member{}, 0, ErrNotObject
		}
		end := int(dec.InputOffset())
		if key == name {
			found = member{
				value: value, begin: before + strings.IndexByte(object[before:], '"'), first: last == 0,
				start: end - len(value), end: end, times: found.times + 1,
			}
		}
		last = end
	}
	if found.times > 1 {
		return member{}, 0, ErrFieldTwice
	}
	return found, last, nil
}

func quote(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always encodes
	return strings.TrimSuffix(b.String(), "\n")
}
