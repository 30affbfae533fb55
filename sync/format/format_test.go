package format_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/sync/format"
)

const canary = "CANARY-0123456789-0123456789-0123456789-0123456789"

var env = map[string]string{"WANDB_ENTITY": "ml", "WANDB_PROJECT": `e"val`}

func newFormat(d config.Destination, env map[string]string) (*format.Format, error) {
	return format.New(&d, env)
}

func object(names ...string) config.Destination {
	d := config.Destination{Store: "s", Path: "p", Format: config.FormatJSON}
	for _, n := range names {
		d.Fields = append(d.Fields, config.OutputField{Name: n, Variable: n})
	}
	return d
}

func text(template string) config.Destination {
	return config.Destination{Store: "s", Path: "p", Format: config.FormatTemplate, Template: template}
}

func TestRenderAndFindAgain(t *testing.T) {
	literal := object("WANDB_API_KEY")
	literal.Fields = append(literal.Fields, config.OutputField{Name: "kind", Literal: "wandb"})
	inField := object("WANDB_API_KEY")
	inField.Field = "blob"
	for _, c := range []struct {
		name   string
		dest   config.Destination
		want   string
		object bool
	}{
		{"raw", config.Destination{Store: "s", Path: "p", Format: config.FormatRaw}, canary, false},
		{"an object", object("WANDB_API_KEY", "WANDB_ENTITY", "WANDB_PROJECT"),
			`{"WANDB_API_KEY":"` + canary + `","WANDB_ENTITY":"ml","WANDB_PROJECT":"e\"val"}`, true},
		{"an object with a literal", literal, `{"WANDB_API_KEY":"` + canary + `","kind":"wandb"}`, true},
		{"an object as the text of one field", inField, `{"WANDB_API_KEY":"` + canary + `"}`, false},
		{"a template", text("WANDB_ENTITY={{ .WANDB_ENTITY }}\nWANDB_API_KEY={{ .WANDB_API_KEY }}\n"),
			"WANDB_ENTITY=ml\nWANDB_API_KEY=" + canary + "\n", false},
		{"a template with the key amid letters", text("user-{{ .WANDB_API_KEY }}-x"), "user-" + canary + "-x", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := newFormat(c.dest, env)
			if err != nil {
				t.Fatal(err)
			}
			p, err := f.Render(providers.NewSecret(canary))
			if err != nil || p.Value.Expose() != c.want || p.Object != c.object {
				t.Fatalf("rendered %q, object %v, %v", p.Value.Expose(), p.Object, err)
			}
			keys := f.Keys(p.Value)
			if len(keys) == 0 || keys[0].Expose() != canary {
				t.Errorf("not found again: %d candidates", len(keys))
			}
		})
	}
}

func connection(style config.Style) config.Destination {
	return config.Destination{Store: "s", Path: "p", Format: config.FormatAirflowConnection, Style: style, ConnType: "generic"}
}

func variable(style config.Style) config.Destination {
	return config.Destination{Store: "s", Path: "p", Format: config.FormatAirflowVariable, Style: style}
}

func TestAirflow(t *testing.T) {
	env := map[string]string{"WANDB_BASE_URL": "https://w.example/", "WANDB_ENTITY": "ml", "NOTE": `a "b" &c`}
	const object = `{"conn_type":"generic","login":"api","password":"` + canary + `","host":"w.example","schema":"https",` +
		`"extra":"{\"NOTE\":\"a \\\"b\\\" &c\",\"WANDB_BASE_URL\":\"https://w.example/\",\"WANDB_ENTITY\":\"ml\"}"}`
	for _, c := range []struct {
		dest   config.Destination
		want   string
		object bool
	}{
		{connection(config.StyleObject), object, true},
		{connection(config.StyleJSON), object, false},
		{connection(config.StyleURI), "generic://api:" + canary + "@w.example/https?NOTE=a+%22b%22+%26c&WANDB_BASE_URL=https%3A%2F%2Fw.example%2F&WANDB_ENTITY=ml", false},
		{variable(config.StyleObject), `{"value":"` + canary + `"}`, true},
		{variable(""), canary, false},
	} {
		f, err := newFormat(c.dest, env)
		if err != nil {
			t.Fatal(err)
		}
		p, err := f.Render(providers.NewSecret(canary))
		if err != nil || p.Value.Expose() != c.want || p.Object != c.object {
			t.Errorf("%s %s: %q, object %v, %v", c.dest.Format, c.dest.Style, p.Value.Expose(), p.Object, err)
		}
		if keys := f.Keys(p.Value); len(keys) != 1 || keys[0].Expose() != canary {
			t.Errorf("%s %s: the key is not found again", c.dest.Format, c.dest.Style)
		}
	}
	local, err := newFormat(connection(config.StyleURI), map[string]string{"WANDB_BASE_URL": "http://[::1]:8080"})
	if err != nil {
		t.Fatal(err)
	}
	if p, err := local.Render(providers.NewSecret("k")); err != nil || p.Value.Expose() != "generic://api:k@%3A%3A1:8080/http?WANDB_BASE_URL=http%3A%2F%2F%5B%3A%3A1%5D%3A8080" {
		t.Errorf("%q, %v", p.Value.Expose(), err)
	}
}

// A store that keeps fields gives an object back in an order of its own.
func TestKeyInAReorderedObject(t *testing.T) {
	other := strings.Replace(canary, "CANARY", "CANARY2", 1)
	renamed := object("TOKEN")
	renamed.Fields = append(renamed.Fields, config.OutputField{Name: "api_key", Variable: config.KeyVariable})
	for name, c := range map[string]struct {
		dest  config.Destination
		value string
	}{
		"connection": {connection(config.StyleObject), `{"extra":"` + other + `", "password":"` + canary + `", "conn_type":"generic"}`},
		"variable":   {variable(config.StyleObject), `{"description":"` + other + `", "value":"` + canary + `"}`},
		"object":     {renamed, `{"TOKEN":"` + other + `", "api_key":"` + canary + `"}`},
	} {
		f, err := newFormat(c.dest, map[string]string{"TOKEN": other})
		if err != nil {
			t.Fatal(err)
		}
		if keys := f.Keys(providers.NewSecret(c.value)); len(keys) != 1 || keys[0].Expose() != canary {
			t.Errorf("%s: %d candidates", name, len(keys))
		}
	}
}

func TestTagsAndDescriptionArePartOfTheForm(t *testing.T) {
	d := config.Destination{Store: "s", Path: "p", Format: config.FormatRaw, Exclusive: true, Description: "W&B", Tags: map[string]string{"a": "b", "c": "d"}}
	shape := func(d config.Destination) string {
		f, err := newFormat(d, env)
		if err != nil {
			t.Fatal(err)
		}
		return string(f.Shape())
	}
	f, err := newFormat(d, env)
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.Render(providers.NewSecret(canary))
	if err != nil || !p.Exclusive || p.Description != "W&B" || p.Tags["a"] != "b" || len(p.Tags) != 2 {
		t.Errorf("rendered: %+v, %v", p, err)
	}
	other, fewer, promised := d, d, d
	other.Description, fewer.Tags, promised.Exclusive = "", map[string]string{"a": "b"}, false
	if first := shape(d); first == shape(other) || first == shape(fewer) || first != shape(promised) {
		t.Error("a shape is not of what is written, or of more than that")
	}
}

func TestKeysOfWhatSomeoneElseWrote(t *testing.T) {
	var unknown *format.Format
	many := "wandb: " + strings.Repeat(canary+" ", 3)
	for i := range 9 {
		many += strings.Replace(canary, "CANARY", fmt.Sprintf("CANARY%d", i), 1) + " "
	}
	for _, c := range []struct {
		name, value string
		want        int
	}{
		{"nothing", "", 0},
		{"too short for a key", "hello world", 0},
		{"a key and a newline", canary + "\n", 1},
		{"a member among others", `{"a": 1, "key": "` + canary + `", "b": null}`, 1},
		{"an assignment", "export WANDB_API_KEY=" + canary, 1},
		{"the same key twice", canary + " " + canary, 1},
		{"two that are named after nothing", canary + "\n" + canary + "2", 0},
		{"a named member among other credentials", `{"db_password": "` + canary + `1", "wandb_api_key": "` + canary + `", "token": "` + canary + `2"}`, 1},
		{"a named line among other credentials", "DB=" + canary + "1\nWANDB_API_KEY=" + canary + "\nTOKEN=" + canary + "2\n", 1},
		{"more than are ever tried", many, 5},
	} {
		if got := unknown.Keys(providers.NewSecret(c.value)); len(got) != c.want {
			t.Errorf("%s: %d candidates, want %d", c.name, len(got), c.want)
		}
	}
}

func TestShapeIsOfTheFormNotOfTheKey(t *testing.T) {
	shapes := map[string]string{}
	for name, d := range map[string]config.Destination{
		"raw":        {Store: "s", Path: "p", Format: config.FormatRaw},
		"an object":  object("WANDB_API_KEY"),
		"one more":   object("WANDB_API_KEY", "WANDB_ENTITY"),
		"a template": text("{{ .WANDB_API_KEY }}"),
		"connection": connection(config.StyleObject),
		"as JSON":    connection(config.StyleJSON),
		"as URI":     connection(config.StyleURI),
		"variable":   variable(""),
		"as object":  variable(config.StyleObject),
		"env":        {Store: "s", Path: "p", Format: config.FormatEnv, Fields: []config.OutputField{{Name: "WANDB_API_KEY", Variable: config.KeyVariable}}},
	} {
		f, err := newFormat(d, env)
		if err != nil {
			t.Fatal(err)
		}
		again, err := newFormat(d, env)
		if err != nil || f.Shape() != again.Shape() {
			t.Errorf("%s: the shape changes by itself", name)
		}
		if other, taken := shapes[string(f.Shape())]; taken {
			t.Errorf("%s and %s have one shape", name, other)
		}
		shapes[string(f.Shape())] = name
	}
}

func TestATemplateThatFailsIsFoundBeforeAKeyExists(t *testing.T) {
	_, err := newFormat(text(`{{ index .WANDB_API_KEY 99999 }}`), env)
	if err == nil {
		t.Fatal("no error")
	}
	f, err := newFormat(text(`{{ if eq (len .WANDB_API_KEY) 50 }}{{ index .WANDB_API_KEY 99999 }}{{ end }}{{ .WANDB_API_KEY }}`), env)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Render(providers.NewSecret(canary))
	if err == nil || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("rendering a key of 50 characters: %v", err)
	}
}
