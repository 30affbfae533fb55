package providers_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// Whatever stands where a note may be, it is read or not; what is read is what
// would be written of it.
func FuzzNote(f *testing.F) {
	good, err := providers.NoteOf(rotation.Mark{Instance: "prod", Ledger: "l", Account: "a", Edition: 3, Key: "k", Shape: "s"}).JSON()
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{
		good, "", "{}", "null", `{"by":"keyrota"}`, `{"by":"Keyrota"}`, `{"by":"keyrota","edition":-1}`, `{"by":"keyrota","edition":1e3}`,
		`{"by":"keyrota","by":"other"}`, `{"by":"keyrota","instance":"\ud800"}`, good + " ", good + "{}", `[` + good + `]`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, ok := providers.DecodeNote(text)
		if !ok {
			return
		}
		again, err := n.JSON()
		if err != nil {
			t.Fatalf("%q is read as %+v, which cannot be written: %v", text, n, err)
		}
		if m, ok := providers.DecodeNote(again); !ok || m != n {
			t.Errorf("%q is read as %+v, written as %s, and then read as %+v", text, n, again, m)
		}
	})
}

// A field that is set reads back, and everything else stays byte for byte.
func FuzzField(f *testing.F) {
	for _, object := range []string{
		"", " ", "{}", `{"a":1}`, `{"K":"old"}`, `{ "a" : [1, {"K":"inner"}], "K" : "old" , "b":1.0e5 }`, `{"K":"a","K":"b"}`, `{"K":null}`, `[]`, `"K"`,
		"{\"\\u004b\":\"x\"}", `{"K":{}}`, "{\"a\":\"\xff\"}", `{"a":1}{"b":2}`,
	} {
		f.Add(object, "K", "CANARY-value <&> \u2028")
	}
	f.Fuzz(func(t *testing.T, object, name, value string) {
		_, there, before := providers.Field(object, name)
		made, err := providers.WithField(object, name, providers.NewSecret(value))
		if err != nil {
			return
		}
		if before != nil && !errors.Is(before, providers.ErrFieldNoText) {
			t.Fatalf("%q was written, and cannot be read: %v", object, before)
		}
		text := made.Expose()
		got, ok, err := providers.Field(text, name)
		if err != nil || !ok || got.Expose() != value {
			t.Fatalf("%q with %q=%q is %q, and reads back as %q, %v, %v", object, name, value, text, got.Expose(), ok, err)
		}
		if !json.Valid([]byte(text)) {
			t.Fatalf("%q is no JSON", text)
		}
		// Without our field, both are the same.
		var was, is map[string]json.RawMessage
		if strings.TrimSpace(object) != "" && json.Unmarshal([]byte(object), &was) != nil || json.Unmarshal([]byte(text), &is) != nil {
			t.Fatal(object, text)
		}
		if utf8.ValidString(object) {
			delete(was, name)
			delete(is, name)
			for other, v := range was {
				if string(is[other]) != string(v) {
					t.Errorf("%q: %q became %q", object, v, is[other])
				}
			}
			if len(was) != len(is) && !there {
				t.Errorf("%q became %q", object, text)
			}
		}
	})
}
