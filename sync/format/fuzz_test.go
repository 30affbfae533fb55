package format_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/sync/format"
)

// asKey makes a key of any text: of its alphabet, and as long as a key is.
func asKey(s string) string {
	const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
	var b strings.Builder
	for i := range min(len(s), 80) {
		b.WriteByte(alphabet[int(s[i])%len(alphabet)])
	}
	return b.String() + "CANARY-0123456789-0123456789-0123456789-01"
}

func quoted(s string) string {
	text, _ := json.Marshal(s) // JSON strings are YAML
	return string(text)
}

// A destination that a configuration may have is rendered, or refused before a
// key exists; and where it says that the key can be read back, the key that was
// rendered is what is found.
func FuzzFormat(f *testing.F) {
	for _, form := range []string{"raw", "json", "env", "airflow-connection", "airflow-variable", "template"} {
		for _, template := range []string{
			"{{ .WANDB_API_KEY }}", "a {{- .WANDB_API_KEY -}} b", "{{ printf \"%q\" .WANDB_API_KEY }}", "{{ if .X }}{{ .WANDB_API_KEY }}{{ end }}",
			"user-{{ .WANDB_API_KEY }}-x", "{{ .X }}{{ .WANDB_API_KEY }}{{ .X }}", "{{/* c */}}{{ .WANDB_API_KEY }}", "{{ with .WANDB_API_KEY }}{{ . }}{{ end }}",
			"keyrota-dummy-0000000000000000000000000000000000000000 {{ .WANDB_API_KEY }}", "{{ .WANDB_API_KEY | len }}", "{{ $x := .WANDB_API_KEY }}{{ $x }}",
			"{{ .WANDB_API_KEY }}{{ \"keyrota-dummy-0000000000000000000000000000000000000000\" }}", "{{ (.WANDB_API_KEY) }}",
		} {
			f.Add(form, template, "F", "e\"v'al ${X}", "key")
			f.Add(form, template, "", "", "")
		}
	}
	f.Fuzz(func(t *testing.T, form, template, field, value, key string) {
		fields := ""
		switch {
		case form == "template":
			fields = ", template: " + quoted(strings.ReplaceAll(template, "$", "$$"))
		case form == "airflow-connection":
			fields = ", conn_type: http"
		case (form == "json" || form == "env") && template != "":
			fields = fmt.Sprintf(", fields: {%s: WANDB_API_KEY, %s: X}", quoted("A"+field), quoted("B"+field))
		}
		if field != "" && form != "json" && form != "env" {
			fields += ", field: " + quoted(field)
		}
		text := fmt.Sprintf(`
instance: fuzz
ledger: ledger.db
stores: {file: {}}
accounts:
  - {name: nightly-eval, team: ml, env: {X: %s}, deliver: {store: file, path: p, format: %s%s}}
`, quoted(strings.ReplaceAll(value, "$", "$$")), quoted(form), fields)
		c, problems := config.Parse("k.yaml", []byte(text), config.Options{})
		if c == nil {
			if len(problems) == 0 {
				t.Fatal("refused without a word")
			}
			return
		}
		account := c.Accounts[0]
		if len(account.Deliver) != 1 {
			t.Fatal(account.Deliver)
		}
		dest := account.Deliver[0]
		made, err := format.New(&dest, account.Env)
		if err != nil {
			return // before a key exists
		}
		secret := asKey(key)
		p, err := made.Render(providers.NewSecret(secret))
		if err != nil {
			t.Fatalf("what a dummy key was rendered by fails for a key: %v\n%s", err, text)
		}
		keys := made.Keys(p.Value)
		if dest.Readable() && (len(keys) != 1 || keys[0].Expose() != secret) {
			var found []string
			for _, k := range keys {
				found = append(found, k.Expose())
			}
			t.Errorf("%s\nrendered %q, and found %q, not %q", text, p.Value.Expose(), found, secret)
		}
	})
}

// Whatever stands in a secret, a bounded number of what may be keys is found.
func FuzzKeys(f *testing.F) {
	for _, text := range []string{
		"", canary, canary + " " + canary, "{\"WANDB_API_KEY\":\"" + canary + "\"}", "{", "[1]", "WANDB_API_KEY=" + canary + "\nOTHER=" + canary + "x",
		strings.Repeat("wandb "+canary+"a\n", 3), "\xff\x00" + canary,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var none *format.Format
		keys := none.Keys(providers.NewSecret(text))
		if len(keys) > 5 {
			t.Errorf("%d keys", len(keys))
		}
		for _, k := range keys {
			if len(k.Expose()) < 40 {
				t.Errorf("%q is no key", k.Expose())
			}
		}
	})
}
