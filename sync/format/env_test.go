package format_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/sync/format"
)

func lines(env map[string]string, names ...string) (*format.Format, error) {
	d := config.Destination{Store: "s", Path: "p", Format: config.FormatEnv}
	for _, n := range append([]string{"WANDB_API_KEY"}, names...) {
		d.Fields = append(d.Fields, config.OutputField{Name: n, Variable: n})
	}
	return newFormat(d, env)
}

// What a value is written as, and that a shell reads it back; the other
// readers of such files take the same forms.
func TestEnvValues(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Log("no shell to read the files with")
	}
	for value, want := range map[string]string{
		"":                        "",
		"eval":                    "eval",
		"https://w.example:8443/": "https://w.example:8443/",
		"a b":                     "'a b'",
		"# no comment":            "'# no comment'",
		`{"a":"b"}`:               `'{"a":"b"}'`,
		"$HOME `id`":              "'$HOME `id`'",
		"é":                       "'é'",
		"it's":                    `"it's"`,
		" padded ":                "' padded '",
		"two\nlines":              "refused",
		"tab\t":                   "refused",
		`back\slash`:              "refused",
		"${HOME}":                 "refused",
		`'"`:                      "refused",
		"it's $1":                 "refused",
	} {
		f, err := lines(map[string]string{"V": value}, "V")
		if want == "refused" {
			if err == nil || !strings.Contains(err.Error(), "line V") || !strings.Contains(err.Error(), "format: json") {
				t.Errorf("%q: %v", value, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", value, err)
			continue
		}
		p, err := f.Render(providers.NewSecret(canary))
		if text := "WANDB_API_KEY=" + canary + "\nV=" + want + "\n"; err != nil || p.Value.Expose() != text || p.Object {
			t.Errorf("%q: %q, %v", value, p.Value.Expose(), err)
		}
		if keys := f.Keys(p.Value); len(keys) != 1 || keys[0].Expose() != canary {
			t.Errorf("%q: the key is not found again", value)
		}
		if shell == "" {
			continue
		}
		c := exec.CommandContext(t.Context(), shell, "-c", p.Value.Expose()+`printf %s "$V"`)
		if out, err := c.Output(); err != nil || string(out) != value {
			t.Errorf("%q: the shell reads %q, %v", value, out, err)
		}
	}
}

func TestEnvLinesWithOtherNamesAndLiterals(t *testing.T) {
	f, err := newFormat(config.Destination{Store: "s", Path: "p", Field: "env", Format: config.FormatEnv, Fields: []config.OutputField{
		{Name: "MODE", Literal: "on line"}, {Name: "KEY", Variable: "WANDB_API_KEY"}, {Name: "TEAM", Variable: "WANDB_ENTITY"},
	}}, env)
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.Render(providers.NewSecret(canary))
	if want := "MODE='on line'\nKEY=" + canary + "\nTEAM=ml\n"; err != nil || p.Value.Expose() != want {
		t.Errorf("%q, %v", p.Value.Expose(), err)
	}
}
