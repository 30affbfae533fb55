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
			f, err := format.New(c.dest, env)
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
	} {
		f, err := format.New(d, env)
		if err != nil {
			t.Fatal(err)
		}
		again, err := format.New(d, env)
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
	_, err := format.New(text(`{{ index .WANDB_API_KEY 99999 }}`), env)
	if err == nil {
		t.Fatal("no error")
	}
	f, err := format.New(text(`{{ if eq (len .WANDB_API_KEY) 50 }}{{ index .WANDB_API_KEY 99999 }}{{ end }}{{ .WANDB_API_KEY }}`), env)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Render(providers.NewSecret(canary))
	if err == nil || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("rendering a key of 50 characters: %v", err)
	}
}
