package providers_test

import (
	"bytes"
	"database/sql/driver"
	"encoding/binary"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"text/tabwriter"
	texttemplate "text/template"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/providertest"
)

const value = "CANARY-0123456789-0123456789-0123456789-0123456789"

// shown reports whether a text shows the value, as programs write it.
func shown(text string) bool {
	lower := strings.ToLower(text)
	return strings.Contains(text, "CANARY") ||
		strings.Contains(lower, hex.EncodeToString([]byte("CANARY"))) ||
		strings.Contains(text, "67 65 78 65 82 89") || // as numbers
		strings.Contains(lower, "43 41 4e 41 52 59") || strings.Contains(lower, "0x43, 0x41, 0x4e") || strings.Contains(text, "67, 65, 78") ||
		strings.Contains(text, "Q0FOQV") // in base64
}

type holder struct {
	S       providers.Secret
	P       *providers.Secret
	hidden  providers.Secret
	hiddenP *providers.Secret
	Any     any
	M       map[string]providers.Secret
	K       map[providers.Secret]int
	L       []providers.Secret
	A       [1]providers.Secret
}

// also is what is hidden in it.
func (h *holder) also() []any { return []any{h.hidden, h.hiddenP} }

type failure struct{ s providers.Secret }

func (f failure) Error() string { return fmt.Sprintf("with %v and %s", f.s, f.s) }

// places is a secret wherever a value can be.
func places() map[string]any {
	s := providers.NewSecret(value)
	h := holder{
		S: s, P: &s, hidden: s, hiddenP: &s, Any: s, M: map[string]providers.Secret{"k": s},
		K: map[providers.Secret]int{s: 1}, L: []providers.Secret{s}, A: [1]providers.Secret{s},
	}
	failed := failure{s}
	return map[string]any{
		"alone": s, "pointer": &s, "struct": h, "pointer to a struct": &h, "nested": struct{ H *holder }{&h},
		"map value": h.M, "map key": h.K, "slice": h.L, "array": h.A, "interface": []any{s, &s}, "hidden": h.also(),
		"error": failed, "wrapped": fmt.Errorf("x: %w", failed), "joined": errors.Join(failed, errors.New("y")),
		"provider's error": &providers.Error{Provider: "p", Err: failed}, "payload": providers.Payload{Value: s},
	}
}

// No verb, width, precision or flag shows a secret, wherever it stands.
func TestSecretUnderEveryVerb(t *testing.T) {
	all := places()
	var names []string
	for name := range all {
		names = append(names, name)
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(names).Draw(t, "where")
		verb := rapid.OneOf(rapid.RuneFrom([]rune("vTtbcdoOqxXUeEfFgGspw")), rapid.Rune()).Draw(t, "verb")
		flags := rapid.StringOfN(rapid.SampledFrom([]rune("+-# 0")), 0, 5, -1).Draw(t, "flags")
		size := rapid.SampledFrom([]string{"", "3", ".2", "200.100", "[1]"}).Draw(t, "size")
		format := "%" + flags + size + string(verb)
		if text := fmt.Sprintf(format, all[name]); shown(text) {
			t.Fatalf("%s of %s: %s", format, name, text)
		}
		if text := fmt.Errorf(format, all[name]).Error(); shown(text) {
			t.Fatalf("an error with %s of %s: %s", format, name, text)
		}
	})
	for name, v := range all {
		for _, text := range []string{fmt.Sprint(v), fmt.Sprintln(v)} {
			if shown(text) {
				t.Errorf("%s: %s", name, text)
			}
		}
	}
	if text := providertest.Shown(&holder{Any: []any{map[string][]byte{"k": []byte(value)}}}); !shown(text) {
		t.Error("the walker is blind")
	}
	if got := fmt.Sprintf("%s %v %d %#v %q", providers.NewSecret(value), providers.NewSecret(value), providers.NewSecret(value), providers.NewSecret(value), providers.NewSecret(value)); got != strings.TrimSpace(strings.Repeat("[secret] ", 5)) {
		t.Errorf("printed as %s", got)
	}
}

func TestSecretUnderEveryEncoder(t *testing.T) {
	encoders := map[string]func(any) ([]byte, error){
		"json": json.Marshal,
		"yaml": func(v any) ([]byte, error) { return yaml.Marshal(v) },
		"xml":  xml.Marshal,
		"gob": func(v any) ([]byte, error) {
			var b bytes.Buffer
			err := gob.NewEncoder(&b).Encode(v)
			return b.Bytes(), err
		},
		"binary": func(v any) ([]byte, error) {
			var b bytes.Buffer
			err := binary.Write(&b, binary.LittleEndian, v)
			return b.Bytes(), err
		},
		"text template": func(v any) ([]byte, error) {
			var b bytes.Buffer
			err := texttemplate.Must(texttemplate.New("").Parse(`{{.}} {{printf "%#v %x" . .}} {{html .}} {{js .}} {{urlquery .}}`)).Execute(&b, v)
			return b.Bytes(), err
		},
		"html template": func(v any) ([]byte, error) {
			var b bytes.Buffer
			err := template.Must(template.New("").Parse(`<a title="{{.}}" onclick="f({{.}})">{{.}}</a>`)).Execute(&b, v)
			return b.Bytes(), err
		},
		"sql": func(v any) ([]byte, error) {
			out, err := driver.DefaultParameterConverter.ConvertValue(v)
			return fmt.Appendf(nil, "%#v", out), err
		},
	}
	for how, encode := range encoders {
		for where, v := range places() {
			text, err := func() (text []byte, err error) {
				defer func() {
					if p := recover(); p != nil {
						err = fmt.Errorf("panic: %v", p)
					}
				}()
				return encode(v)
			}()
			if shown(string(text)) {
				t.Errorf("%s of %s: %s", how, where, text)
			}
			if err != nil && shown(err.Error()) {
				t.Errorf("%s of %s fails with: %s", how, where, err)
			}
		}
		switch how {
		case "json", "yaml", "xml", "gob", "binary":
			if text, err := encode(providers.NewSecret(value)); err == nil {
				t.Errorf("%s takes a secret: %s", how, text)
			}
		}
	}
	s := providers.NewSecret(value)
	for name, encode := range map[string]func() ([]byte, error){
		"text": s.MarshalText, "binary": s.MarshalBinary,
		"append text":   func() ([]byte, error) { return s.AppendText(nil) },
		"append binary": func() ([]byte, error) { return s.AppendBinary(nil) },
	} {
		if text, err := encode(); err == nil || len(text) > 0 {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

func TestSecretInLogs(t *testing.T) {
	for where, v := range places() {
		var b bytes.Buffer
		for _, handler := range []slog.Handler{
			slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}),
			slog.NewJSONHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}),
		} {
			log := slog.New(handler)
			log.Debug("m", "a", v, slog.Group("g", slog.Any("b", v)))
			log.With("c", v).WithGroup("h").Error("m", slog.Any("d", []any{v}))
		}
		w := tabwriter.NewWriter(&b, 0, 8, 1, ' ', tabwriter.Debug)
		_, _ = fmt.Fprintln(w, v)
		_ = w.Flush()
		if shown(b.String()) {
			t.Errorf("%s: %s", where, b.String())
		}
	}
}

func TestSecretUnderReflection(t *testing.T) {
	for where, v := range places() {
		if text := providertest.Shown(v); shown(text) {
			t.Errorf("%s: %s", where, text)
		}
	}
	// What is found there cannot be called either.
	field := reflect.ValueOf(providers.NewSecret(value)).Field(0).Elem()
	called := func() (out string) {
		defer func() { _ = recover() }()
		return field.Call(nil)[0].String()
	}()
	if called != "" {
		t.Errorf("reflection calls it: %s", called)
	}
	// The differences that tests print.
	everything := cmp.Exporter(func(reflect.Type) bool { return true })
	if d := cmp.Diff(holder{S: providers.NewSecret(value)}, holder{S: providers.NewSecret(value + "x")}, everything); d == "" || shown(d) {
		t.Errorf("cmp: %s", d)
	}
}

func TestSecretCompares(t *testing.T) {
	a, b := providers.NewSecret(value), providers.NewSecret(value)
	if !a.Equal(b) || a.Equal(providers.NewSecret(value+"x")) || a.Equal(providers.Secret{}) || !(providers.Secret{}).Equal(providers.NewSecret("")) {
		t.Error("Equal does not compare values")
	}
	if a.Expose() != value || a.Empty() || !(providers.Secret{}).Empty() || (providers.Secret{}).Expose() != "" {
		t.Error("the value is not what was put in")
	}
	if copied := a; map[providers.Secret]int{a: 1}[copied] != 1 {
		t.Error("a copy is another key of a map")
	}
}

// What Go itself prints of a panic, with every goroutine's stack.
func TestSecretInAPanic(t *testing.T) {
	const which = "KEYROTA_TEST_PANIC"
	if name := os.Getenv(which); name != "" {
		v := places()[name]
		if name == "alone" {
			panic(providers.NewSecret(os.Getenv("KEYROTA_TEST_VALUE")))
		}
		panic(v)
	}
	for name := range places() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run=^TestSecretInAPanic$")
			cmd.Env = append(os.Environ(), which+"="+name, "KEYROTA_TEST_VALUE="+value, "GOTRACEBACK=system")
			text, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(text), "goroutine") {
				t.Fatalf("no panic: %s", text)
			}
			if shown(string(text)) {
				t.Errorf("%s", text)
			}
		})
	}
}

// A panic that stops at a provider's boundary loses its words.
func TestSecretInARecoveredPanic(t *testing.T) {
	for name, v := range places() {
		err := func() (err error) {
			defer providers.Guard(&err)
			panic(v)
		}()
		var fault *providers.Fault
		if !errors.As(err, &fault) || shown(err.Error()) {
			t.Errorf("%s: %v", name, err)
		}
	}
	err := func() (err error) {
		defer providers.Guard(&err)
		panic("with " + value)
	}()
	if err == nil || shown(err.Error()) {
		t.Errorf("%v", err)
	}
}
