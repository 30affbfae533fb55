package awssm

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/keyrota/keyrota/rotation"
)

func drawNote(t *rapid.T) note {
	text := rapid.String()
	return note{
		mark: rotation.Mark{
			Instance: text.Draw(t, "instance"), Ledger: text.Draw(t, "ledger"), Account: rotation.AccountID(text.Draw(t, "account")),
			Edition: rotation.Edition(rapid.Uint64().Draw(t, "edition")), Key: rotation.KeyID(text.Draw(t, "key")), Shape: rotation.Shape(text.Draw(t, "shape")),
		},
		version: text.Draw(t, "version"),
	}
}

// Whatever a mark holds comes out as it was, in characters that a tag may have.
func TestMarkComesOutAsItWentIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := drawNote(t)
		text := n.text("ci/wandb", "keyrota")
		if got, ok := decode("ci/wandb", "keyrota", text); !ok || got != n {
			t.Errorf("%q became %+v, %v, want %+v", text, got, ok, n)
		}
		for _, r := range text {
			if !isTagRune(r) || r > 126 {
				t.Errorf("%q holds %q", text, r)
			}
		}
	})
}

// What encode does not write is not read: neither another tool's text nor half
// a mark.
func TestOnlyMarksAreRead(t *testing.T) {
	summed := func(text string) string { return text + " sum=" + digest(sumDigits, "ci/wandb", "keyrota", text) }
	good := "instance=prod ledger=l account=a edition=12 key=k shape=s version=v"
	if _, ok := decode("ci/wandb", "keyrota", summed(good)); !ok {
		t.Fatal("not read")
	}
	if n, ok := decode("ci/other", "keyrota", summed(good)); ok {
		t.Errorf("read of another secret: %+v", n)
	}
	if n, ok := decode("ci/wandb", "keyrota.KEY", summed(good)); ok {
		t.Errorf("read of another tag: %+v", n)
	}
	for _, text := range []string{
		"", " ", "prod", "instance", "instance=", good + " ", " " + good, good + " more=x", good + " version=w",
		"ledger=l instance=prod account=a", strings.Replace(good, "=12", "=012", 1), strings.Replace(good, "=12", "=0", 1),
		strings.Replace(good, "=12", "=twelve", 1), strings.Replace(good, "key=k", "key=k+zz", 1), strings.Replace(good, "key=k", "key=+6B", 1),
		strings.Replace(good, "key=k", "key=k+2b", 1), strings.Replace(good, " key", "  key", 1), `{"by":"keyrota"}`,
	} {
		for _, text := range []string{text, summed(text)} {
			if n, ok := decode("ci/wandb", "keyrota", text); ok {
				t.Errorf("%q is read as %+v", text, n)
			}
		}
	}
}

// A version's id is a valid ClientRequestToken, shows its edition, and is
// another one for whatever makes another version.
func TestVersionIDs(t *testing.T) {
	m := rotation.Mark{Instance: "prod", Ledger: "l", Account: "a", Edition: 12, Key: "k", Shape: "s"}
	seen := map[string]string{}
	add := func(what, id string) {
		if len(id) < 32 || len(id) > 64 {
			t.Errorf("%s: %q has %d characters", what, id, len(id))
		}
		if other, twice := seen[id]; twice {
			t.Errorf("%s and %s have one id", what, other)
		}
		seen[id] = what
	}
	add("whole", idOf(m, "", ""))
	add("field", idOf(m, "F", ""))
	add("other field", idOf(m, "G", ""))
	add("field on a version", idOf(m, "F", "v1"))
	for what, change := range map[string]func(*rotation.Mark){
		"instance": func(m *rotation.Mark) { m.Instance = "test" }, "ledger": func(m *rotation.Mark) { m.Ledger = "other" },
		"account": func(m *rotation.Mark) { m.Account = "b" }, "edition": func(m *rotation.Mark) { m.Edition = 13 },
		"key": func(m *rotation.Mark) { m.Key = "k2" }, "shape": func(m *rotation.Mark) { m.Shape = "s2" },
		"neighbours": func(m *rotation.Mark) { m.Instance, m.Ledger = "prodl", "" },
		"longest":    func(m *rotation.Mark) { m.Edition = math.MaxUint64 }, "shortest": func(m *rotation.Mark) { m.Edition = 0 },
	} {
		other := m
		change(&other)
		add(what, idOf(other, "", ""))
		add(what+" of a field", idOf(other, "F", "v1"))
	}
	if id := idOf(m, "", ""); !strings.HasPrefix(id, "keyrota-12-") {
		t.Errorf("%q does not show the edition", id)
	}
	if most := idOf(rotation.Mark{Edition: math.MaxUint64}, "F", "v"); len(most) != len(longestID) {
		t.Errorf("%q is longer than the longest", most)
	}
	field := idOf(m, "F", "v1")
	if !isOf(field, m, "F") || isOf(field, m, "G") || isOf(field, m, "") || !isOf(idOf(m, "", ""), m, "") || isOf("", m, "F") {
		t.Error("a version is not known by its mark")
	}
	if !builtOn(field, "v1") || builtOn(field, "v2") || builtOn(field, "") || builtOn(idOf(m, "F", ""), "") || builtOn(idOf(m, "", ""), "v1") {
		t.Error("a version is not known by what it was built upon")
	}
}
