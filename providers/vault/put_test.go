package vault_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/providers/vault"
	"github.com/keyrota/keyrota/providers/vault/vaulttest"
	"github.com/keyrota/keyrota/rotation"
)

func TestFirstDeliveryAndTheNext(t *testing.T) {
	for _, c := range []struct {
		name, dest  string
		first, next providers.Payload
		reads       [2]string
	}{
		{"a field", "ci/wandb#WANDB_API_KEY", providertest.Value(keyOne), providertest.Value(keyTwo), [2]string{keyOne, keyTwo}},
		{"a whole secret", "ci/wandb",
			providertest.Object(`{"WANDB_ENTITY":"ml","WANDB_API_KEY":"` + keyOne + `"}`), providertest.Object(`{"WANDB_API_KEY":"` + keyTwo + `"}`),
			[2]string{`{"WANDB_API_KEY":"` + keyOne + `","WANDB_ENTITY":"ml"}`, `{"WANDB_API_KEY":"` + keyTwo + `"}`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			s, d := w.as(t, documented), w.dest(c.dest)
			if h := providertest.WantState(t, s, d, rotation.StateAbsent); h.Version != "" || len(h.Older) != 0 {
				t.Errorf("never written: %+v", h)
			}
			one := providertest.Put(t, s, d, c.first, providertest.MarkOf("a", 1))
			if h := providertest.WantMarked(t, s, d, providertest.MarkOf("a", 1)); h.Version != one.Version {
				t.Errorf("version %q, put said %q", h.Version, one.Version)
			}
			w.proxy.Reset()
			two, err := s.Put(t.Context(), d, c.next, providertest.MarkOf("a", 2), one)
			if err != nil {
				t.Fatal(err)
			}
			data := "PATCH data"
			if d.Field == "" {
				data = "POST data"
			}
			wantCalls(t, w.proxy, map[string]int{"GET metadata": 1, data: 1, "PATCH metadata": 1})
			h := providertest.WantMarked(t, s, d, providertest.MarkOf("a", 2))
			if len(h.Older) != 1 || h.Older[0] != one.Version || len(two.Older) != 1 || two.Older[0] != one.Version {
				t.Errorf("older %q and %q, want the first version %q", h.Older, two.Older, one.Version)
			}
			providertest.WantValue(t, s, d, "", c.reads[1])
			providertest.WantValue(t, s, d, two.Version, c.reads[1])
			providertest.WantValue(t, s, d, one.Version, c.reads[0])
		})
	}
}

// The other fields of a secret, whatever JSON they are, and the other custom
// metadata stay as they were: with a policy that lets Vault merge, and with one
// that makes us read and write back.
func TestForeignFieldsStayByteForByte(t *testing.T) {
	for name, rules := range map[string]string{
		"patched": documented,
		"read and written back": `
path "%s/data/ci/*"     { capabilities = ["create", "update", "read"] }
path "%s/metadata/ci/*" { capabilities = ["create", "update", "read"] }`,
		"patched without reading": `
path "%s/data/ci/*"     { capabilities = ["create", "update", "patch"] }
path "%s/metadata/ci/*" { capabilities = ["create", "update", "patch", "read"] }
path "%s/subkeys/ci/*"  { capabilities = ["read"] }`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			foreign := map[string]any{
				"number": json.RawMessage(`1.50`), "large": json.RawMessage(`9007199254740993`), "null": nil, "text": "<&> \u2028 ключ",
				"object": map[string]any{"z": 1, "a": []any{nil, true}}, "empty": "", "odd.name/#": "x",
			}
			w.Write(t, w.mount, "ci/shared", foreign)
			w.SetCustom(t, w.mount, "ci/shared", map[string]any{"owner": "ml-platform", "keyrota-docs": "not a mark"})
			before := w.Data(t, w.mount, "ci/shared")

			s, d := w.as(t, rules), w.dest("ci/shared#WANDB_API_KEY")
			providertest.WantState(t, s, d, rotation.StateAbsent)
			providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
			providertest.Put(t, s, d, providertest.Value(keyTwo), providertest.MarkOf("a", 2))
			providertest.WantMarked(t, s, d, providertest.MarkOf("a", 2))

			after := w.Data(t, w.mount, "ci/shared")
			if got := string(after["WANDB_API_KEY"]); got != `"`+keyTwo+`"` {
				t.Errorf("our field is %s", got)
			}
			delete(after, "WANDB_API_KEY")
			if fmt.Sprintf("%s", after) != fmt.Sprintf("%s", before) {
				t.Errorf("foreign fields changed:\n%s\n%s", before, after)
			}
			custom := w.Custom(t, w.mount, "ci/shared")
			delete(custom, "keyrota.WANDB_API_KEY")
			if want := map[string]string{"owner": "ml-platform", "keyrota-docs": "not a mark"}; !maps.Equal(custom, want) {
				t.Errorf("custom metadata %v, want %v", custom, want)
			}
		})
	}
}

// Two accounts with a field each in one secret: a delivery to one leaves the
// other delivered, so that they do not make each other write for ever.
func TestTwoAccountsInOneSecretDoNotUnsettleEachOther(t *testing.T) {
	w := newWorld(t)
	s := w.root(t)
	a, b := w.dest("ci/shared#A"), w.dest("ci/shared#B")
	providertest.Put(t, s, a, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	providertest.Put(t, s, b, providertest.Value(keyOne), providertest.MarkOf("b", 7))
	providertest.Put(t, s, a, providertest.Value(keyTwo), providertest.MarkOf("a", 2))
	providertest.WantMarked(t, s, a, providertest.MarkOf("a", 2))
	providertest.WantMarked(t, s, b, providertest.MarkOf("b", 7))
	providertest.WantValue(t, s, b, "", keyOne)

	// A hand edit unsettles both, and a delivery to one does not vouch for the other.
	w.Write(t, w.mount, "ci/shared", map[string]any{"A": "x", "B": "y"})
	providertest.WantState(t, s, b, rotation.StateEdited)
	providertest.Put(t, s, a, providertest.Value(keyTwo), providertest.MarkOf("a", 2))
	providertest.WantMarked(t, s, a, providertest.MarkOf("a", 2))
	if h := providertest.WantState(t, s, b, rotation.StateEdited); h.Mark != providertest.MarkOf("b", 7) {
		t.Errorf("the mark of the other field is %+v", h.Mark)
	}
}

func TestMarksOfFieldsWithUnusualNames(t *testing.T) {
	w := newWorld(t)
	s := w.root(t)
	long := strings.Repeat("x", 150)
	for i, field := range []string{long + "1", long + "2", "with\nnewline", "ключ.с.точкой", "a b"} {
		d := w.dest("ci/odd")
		d.Field = field
		providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", rotation.Edition(i+1)))
	}
	for i, field := range []string{long + "1", long + "2", "with\nnewline", "ключ.с.точкой", "a b"} {
		d := w.dest("ci/odd")
		d.Field = field
		providertest.WantMarked(t, s, d, providertest.MarkOf("a", rotation.Edition(i+1)))
	}
}

// The mark of a whole secret speaks of all its fields, so a delivery to one of
// them ends what it says.
func TestAFieldWrittenIntoAWholeSecretUnsettlesIt(t *testing.T) {
	w := newWorld(t)
	s, whole, field := w.root(t), w.dest("ci/wandb"), w.dest("ci/wandb#K")
	providertest.Put(t, s, whole, providertest.Object(`{"K":"`+keyOne+`"}`), providertest.MarkOf("a", 1))
	providertest.Put(t, s, field, providertest.Value(keyTwo), providertest.MarkOf("b", 1))
	providertest.WantState(t, s, whole, rotation.StateEdited)
	providertest.WantMarked(t, s, field, providertest.MarkOf("b", 1))
	providertest.Put(t, s, whole, providertest.Object(`{"K":"`+keyOne+`"}`), providertest.MarkOf("a", 1))
	providertest.WantState(t, s, field, rotation.StateEdited)
}

// A crash, or a lost answer, at every call of a Put: afterwards the store never
// says that something is delivered which is not, it knows that the secret is
// ours as soon as it has data, and the next Put brings it to its end.
func TestPutCutShortAtEveryCall(t *testing.T) {
	for _, start := range []string{"new", "beside foreign fields", "delivered before"} {
		for cut := range 4 {
			for _, effect := range []string{"not sent", "answer lost"} {
				t.Run(fmt.Sprintf("%s, call %d %s", start, cut+1, effect), func(t *testing.T) {
					w := newWorld(t)
					s, d := w.root(t), w.dest("ci/wandb#K")
					switch start {
					case "beside foreign fields":
						w.Write(t, w.mount, "ci/wandb", map[string]any{"F": "x"})
					case "delivered before":
						providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
					}
					seen := providertest.Look(t, s, d)
					w.proxy.Reset()
					times := 1
					if cut == 0 {
						times = 2 // net/http makes a read on a reused connection again
					}
					w.proxy.Inject(vaulttest.Fault{Skip: cut, Times: times, Refuse: effect == "not sent", Drop: effect == "answer lost"})
					_, err := s.Put(t.Context(), d, providertest.Value(keyTwo), providertest.MarkOf("a", 2), seen)
					w.proxy.Reset()
					if err == nil {
						if start == "delivered before" && cut == 3 {
							return // it takes three calls
						}
						t.Fatal("the put did not notice")
					}
					providertest.WantKind(t, err, providers.Transient)

					h := providertest.Look(t, s, d)
					written := string(w.Data(t, w.mount, "ci/wandb")["K"]) == `"`+keyTwo+`"`
					switch h.State {
					case rotation.StateMarked:
						if h.Mark == providertest.MarkOf("a", 2) && !written {
							t.Errorf("delivered, says the mark, and the data does not: %+v", h)
						}
						if h.Mark == providertest.MarkOf("a", 1) && written {
							t.Errorf("the old mark vouches for new data: %+v", h)
						}
					case rotation.StateEdited:
						if h.Mark.Account != "acct-a" {
							t.Errorf("not known as ours: %+v", h)
						}
					case rotation.StateAbsent:
						if written {
							t.Errorf("written, and absent: %+v", h)
						}
					default:
						t.Errorf("state %q: nobody would finish this: %+v", h.State, h)
					}
					providertest.Put(t, s, d, providertest.Value(keyTwo), providertest.MarkOf("a", 2))
					providertest.WantMarked(t, s, d, providertest.MarkOf("a", 2))
					providertest.WantValue(t, s, d, "", keyTwo)
				})
			}
		}
	}
}

// Whatever happens between the look and the write is a conflict, and leaves the
// data as it was.
func TestPutConflicts(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(*testing.T, *world, *vault.Store)
		between func(*testing.T, *world, *vault.Store)
	}{
		{"a first version appears", nil, func(t *testing.T, w *world, _ *vault.Store) {
			w.Write(t, w.mount, "ci/wandb", map[string]any{"K": "x"})
		}},
		{"another edit", edited, edited},
		{"it is deleted", edited, func(t *testing.T, w *world, _ *vault.Store) {
			w.Call(t, http.MethodDelete, w.mount+"/data/ci/wandb", nil)
		}},
		{"it is restored", func(t *testing.T, w *world, s *vault.Store) {
			edited(t, w, s)
			w.Call(t, http.MethodDelete, w.mount+"/data/ci/wandb", nil)
		}, func(t *testing.T, w *world, _ *vault.Store) {
			w.Call(t, http.MethodPost, w.mount+"/undelete/ci/wandb", map[string]any{"versions": []int{1}})
		}},
		{"it is made anew, with the same number", edited, func(t *testing.T, w *world, s *vault.Store) {
			w.Call(t, http.MethodDelete, w.mount+"/metadata/ci/wandb", nil)
			edited(t, w, s)
		}},
		{"its owner changes", edited, func(t *testing.T, w *world, _ *vault.Store) {
			w.SetCustom(t, w.mount, "ci/wandb", map[string]any{"keyrota.K": `{"by":"keyrota","instance":"prod","ledger":"other","account":"acct-a"}`})
		}},
		{"someone else claims the empty place", nil, func(t *testing.T, w *world, _ *vault.Store) {
			w.Call(t, http.MethodPost, w.mount+"/metadata/ci/wandb", map[string]any{
				"custom_metadata": map[string]any{"keyrota.K": `{"by":"keyrota","instance":"staging","ledger":"x","account":"acct-z"}`},
			})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			s, d := w.root(t), w.dest("ci/wandb#K")
			if c.prepare != nil {
				c.prepare(t, w, s)
			}
			seen := providertest.Look(t, s, d)
			c.between(t, w, s)
			before := fmt.Sprintf("%s %v", w.Data(t, w.mount, "ci/wandb"), w.Custom(t, w.mount, "ci/wandb"))
			_, err := s.Put(t.Context(), d, providertest.Value(keyTwo), providertest.MarkOf("a", 2), seen)
			providertest.WantKind(t, err, providers.Conflict)
			if after := fmt.Sprintf("%s %v", w.Data(t, w.mount, "ci/wandb"), w.Custom(t, w.mount, "ci/wandb")); after != before {
				t.Errorf("it wrote:\n%s\n%s", before, after)
			}
		})
	}
}

func edited(t *testing.T, w *world, _ *vault.Store) {
	w.Write(t, w.mount, "ci/wandb", map[string]any{"K": "by hand"})
}

// The same between our own comparison and our write: check-and-set holds.
func TestPutConflictsAtTheServer(t *testing.T) {
	for _, dest := range []string{"ci/wandb#K", "ci/wandb"} {
		for _, start := range []string{"new", "there"} {
			t.Run(dest+" "+start, func(t *testing.T) {
				w := newWorld(t)
				s, d := w.root(t), w.dest(dest)
				p := providertest.Value(keyTwo)
				if d.Field == "" {
					p = providertest.Object(`{"K":"` + keyTwo + `"}`)
				}
				if start == "there" {
					edited(t, w, s)
				}
				for _, kind := range []string{"POST data", "PATCH data"} {
					w.proxy.Inject(vaulttest.Fault{Kind: kind, Before: func() error {
						w.Write(t, w.mount, "ci/wandb", map[string]any{"K": "faster"})
						return nil
					}})
				}
				_, err := s.Put(t.Context(), d, p, providertest.MarkOf("a", 2), providertest.Look(t, s, d))
				providertest.WantKind(t, err, providers.Conflict, "another version")
				if got := string(w.Data(t, w.mount, "ci/wandb")["K"]); got != `"faster"` {
					t.Errorf("the secret holds %s", got)
				}
				if h := providertest.Look(t, s, d); h.State != rotation.StateEdited {
					t.Errorf("state %q, want edited", h.State)
				}
			})
		}
	}
}

// The deadline is absolute: whichever call it passes in, none follows.
func TestNothingIsSentAfterTheDeadline(t *testing.T) {
	for cut := range 4 {
		w := newWorld(t)
		s, d := w.root(t), w.dest("ci/wandb#K")
		seen := providertest.Look(t, s, d)
		w.proxy.Reset()
		ctx, cancel := context.WithCancel(t.Context())
		w.proxy.Inject(vaulttest.Fault{Skip: cut, Before: func() error { cancel(); return nil }})
		if _, err := s.Put(ctx, d, providertest.Value(keyTwo), providertest.MarkOf("a", 2), seen); err == nil {
			t.Fatalf("call %d: the put did not notice", cut+1)
		} else {
			providertest.WantKind(t, err, providers.Transient)
		}
		total := 0
		for _, n := range w.proxy.Calls() {
			total += n
		}
		if total != cut+1 {
			t.Errorf("canceled in call %d, and %d were made", cut+1, total)
		}
	}
}

// An adopted secret is claimed before it is written, so that a policy which
// forbids marks shows before the data changes.
func TestPutWithoutTheRightToMark(t *testing.T) {
	w := newWorld(t)
	w.Write(t, w.mount, "ci/wandb", map[string]any{"K": "adopt me"})
	s, d := w.as(t, `
path "%s/data/ci/*"     { capabilities = ["create", "update", "patch", "read"] }
path "%s/metadata/ci/*" { capabilities = ["read"] }`), w.dest("ci/wandb#K")
	_, err := s.Put(t.Context(), d, providertest.Value(keyTwo), providertest.MarkOf("a", 2), providertest.WantState(t, s, d, rotation.StateBare))
	providertest.WantKind(t, err, providers.Denied, "metadata/ci/wandb", "update")
	if got := string(w.Data(t, w.mount, "ci/wandb")["K"]); got != `"adopt me"` {
		t.Errorf("the secret holds %s", got)
	}
}

// Data that was written without its mark is Transient, whatever the refusal
// was: no other kind may mean that data was written.
func TestMarkRefusedAfterTheData(t *testing.T) {
	w := newWorld(t)
	s, d := w.root(t), w.dest("ci/wandb#K")
	seen := providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	w.proxy.Inject(forbidden("PATCH metadata"))
	w.proxy.Inject(forbidden("POST metadata"))
	_, err := s.Put(t.Context(), d, providertest.Value(keyTwo), providertest.MarkOf("a", 2), seen)
	providertest.WantKind(t, err, providers.Transient, "the data was written, its mark was not", "403")
	w.proxy.Reset()
	providertest.WantState(t, s, d, rotation.StateEdited)
}

func TestPutRefusesAMarkThatDoesNotFit(t *testing.T) {
	w := newWorld(t)
	s, d := w.root(t), w.dest("ci/wandb#K")
	m := providertest.MarkOf("a", 1)
	m.Instance = strings.Repeat("x", 500)
	_, err := s.Put(t.Context(), d, providertest.Value(keyOne), m, providertest.Look(t, s, d))
	providertest.WantKind(t, err, providers.Invalid, "512")
	providertest.WantState(t, s, d, rotation.StateAbsent)
}

// Engines may demand check-and-set, and keep few versions.
func TestEngineSettings(t *testing.T) {
	w := newWorld(t)
	w.Call(t, http.MethodPost, w.mount+"/config", map[string]any{"cas_required": true, "max_versions": 2})
	s, d := w.root(t), w.dest("ci/wandb#K")
	var versions []rotation.Version
	for e := range rotation.Edition(4) {
		versions = append(versions, providertest.Put(t, s, d, providertest.Value(fmt.Sprintf("%s-%d", keyOne, e)), providertest.MarkOf("a", e+1)).Version)
	}
	h := providertest.WantMarked(t, s, d, providertest.MarkOf("a", 4))
	if len(h.Older) != 1 || h.Older[0] != versions[2] {
		t.Errorf("older %q, want only %q", h.Older, versions[2])
	}
	_, err := s.Read(t.Context(), d, versions[0])
	providertest.WantKind(t, err, providers.NotFound)
}
