package providers_test

import (
	"errors"
	"testing"

	"github.com/keyrota/keyrota/providers"
)

func TestWithFieldLeavesTheRestByteForByte(t *testing.T) {
	for _, c := range []struct{ name, before, after string }{
		{"nothing yet", "", `{"k":"new<&>"}`},
		{"no member", "{ }\n", "{\"k\":\"new<&>\" }\n"},
		{"numbers as written", `{"a":1.0,"k":"old","b":1e3,"c":12345678901234567890}`, `{"a":1.0,"k":"new<&>","b":1e3,"c":12345678901234567890}`},
		{"blanks and order", "{\n  \"z\" : [1, 2],\n  \"k\" : \"old\" ,\n  \"a\" : {\"k\":\"inner\"}\n}\n", "{\n  \"z\" : [1, 2],\n  \"k\" : \"new<&>\" ,\n  \"a\" : {\"k\":\"inner\"}\n}\n"},
		{"added last", "{\n  \"a\": null\n}\n", "{\n  \"a\": null,\"k\":\"new<&>\"\n}\n"},
		{"unicode and escapes", `{"ключ":"\u00e9<","k":null}`, `{"ключ":"\u00e9<","k":"new<&>"}`},
		{"an escaped name", `{"\u006b":"old"}`, `{"\u006b":"new<&>"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := providers.WithField(c.before, "k", providers.NewSecret("new<&>"))
			if err != nil || got.Expose() != c.after {
				t.Fatalf("got %q, %v\nwant %q", got.Expose(), err, c.after)
			}
			value, ok, err := providers.Field(got.Expose(), "k")
			if err != nil || !ok || value.Expose() != "new<&>" {
				t.Errorf("reading back: %q, %v, %v", value.Expose(), ok, err)
			}
		})
	}
}

func TestFieldRefusesWhatItCannotKeep(t *testing.T) {
	for _, c := range []struct {
		object string
		want   error
	}{
		{`plain-CANARY`, providers.ErrNotObject},
		{`["k"]`, providers.ErrNotObject},
		{`{"k":"a"} x`, providers.ErrNotObject},
		{`{"k":"a","k":"b"}`, providers.ErrFieldTwice},
	} {
		if _, _, err := providers.Field(c.object, "k"); !errors.Is(err, c.want) {
			t.Errorf("Field(%q): %v, want %v", c.object, err, c.want)
		}
		if _, err := providers.WithField(c.object, "k", providers.NewSecret("v")); !errors.Is(err, c.want) {
			t.Errorf("WithField(%q): %v, want %v", c.object, err, c.want)
		}
	}
	for _, object := range []string{`{"k":1}`, `{"k":null}`, `{"k":{"a":"b"}}`} {
		if _, ok, err := providers.Field(object, "k"); !ok || !errors.Is(err, providers.ErrFieldNoText) {
			t.Errorf("Field(%q): %v, %v, want %v", object, ok, err, providers.ErrFieldNoText)
		}
	}
	if _, ok, err := providers.Field(`{"a":"b"}`, "k"); ok || err != nil {
		t.Errorf("a field that is not there: %v, %v", ok, err)
	}
	if _, err := providers.WithField("", "k", providers.NewSecret("\xff")); !errors.Is(err, providers.ErrNotUTF8) {
		t.Errorf("not UTF-8: %v", err)
	}
}
