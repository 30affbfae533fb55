package providers

import (
	"encoding/json"
	"strings"
)

// WithoutField returns the text of a JSON object without one field, everything
// else byte for byte as it was, and how many fields that leaves. A field that is
// not there changes nothing. The errors are those of Field.
func WithoutField(object, name string) (text Secret, left int, err error) {
	found, _, err := findMember(object, name)
	if err != nil {
		return Secret{}, 0, err
	}
	if strings.TrimSpace(object) == "" {
		return NewSecret(object), 0, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &members); err != nil {
		return Secret{}, 0, ErrNotObject
	}
	if found.times == 0 {
		return NewSecret(object), len(members), nil
	}
	left = len(members) - 1
	begin, end := found.begin, found.end
	switch comma := strings.IndexByte(object[end:], ','); {
	case !found.first:
		// The comma before it goes too: nothing but blanks is between.
		begin = strings.LastIndexByte(object[:begin], ',')
	case left > 0:
		end += comma + 1
	}
	return NewSecret(object[:begin] + object[end:]), left, nil
}
