package examples_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/sync/format"
)

// secret is one secret as its store shows it to a reader.
type secret struct {
	text   string         // of AWS and Azure: the whole text
	fields map[string]any // of Vault: data.data
	tags   map[string]string
}

// example is one configuration of a folder, and what the stores hold once it is
// delivered.
type example struct {
	dir    string
	config *config.Config
	blocks any                          // the file as it is written
	stores map[string]map[string]secret // by store and path
}

// key is the key that an account has in these tests.
func key(account string) string { return "CANARY-" + account + strings.Repeat("-canary", 6) }

// deliver loads a configuration and puts every account's key where it says.
func deliver(t *testing.T, dir, file string) example {
	t.Helper()
	state := t.TempDir()
	c, problems, err := config.Load(filepath.Join(dir, file), config.Options{
		Env: func(name string) (string, bool) { return state, name == "XDG_STATE_HOME" },
	})
	if err != nil || problems.Err() != nil {
		t.Fatal(err, problems)
	}
	e := example{dir: dir, config: c, blocks: documents(t, filepath.Join(dir, file))[0], stores: map[string]map[string]secret{}}
	for _, a := range c.Accounts {
		for _, d := range a.Deliver {
			f, err := format.New(&d, a.Env)
			if err != nil {
				t.Fatal(err)
			}
			p, err := f.Render(providers.NewSecret(key(a.Name)))
			if err != nil {
				t.Fatal(err)
			}
			if e.stores[d.Store] == nil {
				e.stores[d.Store] = map[string]secret{}
			}
			e.stores[d.Store][d.Path] = put(t, c.Stores[d.Store].Type, d.Field, p)
		}
	}
	return e
}

// put is what a store of a type makes of a payload, beside the field of another.
func put(t *testing.T, kind, field string, p providers.Payload) secret {
	t.Helper()
	s := secret{tags: p.Tags}
	text := p.Value.Expose()
	switch {
	case kind == "vault" && field != "":
		s.fields = map[string]any{"another": "field", field: text}
	case kind == "vault":
		if err := json.Unmarshal([]byte(text), &s.fields); err != nil || !p.Object {
			t.Fatal("Vault takes fields, and this is none: ", err)
		}
	case field != "":
		whole, err := providers.WithField(`{"another":"field"}`, field, p.Value)
		if err != nil {
			t.Fatal(err)
		}
		s.text = whole.Expose()
	default:
		s.text = text
	}
	return s
}

// field returns a field of a secret in Vault, "" if there is none.
func (e example) field(store, path, name string) string {
	value, _ := e.stores[store][path].fields[name].(string)
	return value
}

// member returns a member of a secret that is JSON, "" if there is none.
func (e example) member(store, path, name string) string {
	var members map[string]string
	if json.Unmarshal([]byte(e.stores[store][path].text), &members) != nil {
		return ""
	}
	return members[name]
}

// setting is what the configuration says of a store, such as its address.
func (e example) setting(t *testing.T, store, name string) string {
	return at(t, e.blocks, "stores", store, name)
}

// read returns the text of a file of the example.
func (e example) read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(e.dir, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// find returns what the groups of an expression match in a text.
func find(t *testing.T, text, expression string) []string {
	t.Helper()
	m := regexp.MustCompile(expression).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("nothing matches %s", expression)
	}
	return m[1:]
}

// documents returns the YAML documents of a file.
func documents(t *testing.T, path string) []any {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(text))
}

func parse(t *testing.T, text string) []any {
	t.Helper()
	var all []any
	for d := yaml.NewDecoder(bytes.NewReader([]byte(text))); ; {
		var doc any
		err := d.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, doc)
	}
}

// of returns the document of a kind of Kubernetes.
func of(t *testing.T, docs []any, kind string) any {
	t.Helper()
	for _, d := range docs {
		if m, ok := d.(map[string]any); ok && m["kind"] == kind {
			return d
		}
	}
	t.Fatalf("there is no %s", kind)
	return nil
}

// value returns what stands at a path of names and indexes.
func value(t *testing.T, doc any, path ...any) any {
	t.Helper()
	for i, p := range path {
		var ok bool
		switch p := p.(type) {
		case string:
			var m map[string]any
			if m, ok = doc.(map[string]any); ok {
				doc, ok = m[p]
			}
		case int:
			var l []any
			if l, ok = doc.([]any); ok && p < len(l) {
				doc = l[p]
			} else {
				ok = false
			}
		}
		if !ok {
			t.Fatalf("there is nothing at %v", path[:i+1])
		}
	}
	return doc
}

// at is value for text.
func at(t *testing.T, doc any, path ...any) string {
	t.Helper()
	s, ok := value(t, doc, path...).(string)
	if !ok {
		t.Fatalf("what stands at %v is no text", path)
	}
	return s
}

// same checks that two files agree on something.
func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %q in the reader's file and %q in the configuration", what, got, want)
	}
}

// found checks that a reader came to the key of an account.
func (e example) found(t *testing.T, what, got, account string) {
	t.Helper()
	if got != key(account) {
		t.Errorf("%s reads %q, not the key of %s", what, got, account)
	}
}
