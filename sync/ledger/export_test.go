package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/usage"
)

// storied returns a ledger that has something of everything.
func storied(t *testing.T, at string) *ledger.Ledger {
	t.Helper()
	o := options()
	o.Config = "sha256:c0ffee"
	l := openWith(t, at, o)
	for i := range 30 {
		r := rotation.Ref(fmt.Sprint("ml/account-", i))
		rev := save(t, l, r, rotation.Record{Seq: 1, Parked: "<moved> & \u2028 renamed\n"}, 0,
			rotation.Event{Kind: rotation.EventIssuing, Words: "line one\nline <two> & \u2029"})
		save(t, l, r, rotation.Record{Seq: 2, Left: noon}, rev, rotation.Event{Kind: rotation.EventOffered}, rotation.Event{Kind: rotation.EventAgreed})
	}
	admitting{t, l}.admitted("ml/account-1", 3, "vault 1", "aws 2")
	if err := l.Prove(t.Context(), "ml/account-1", time.Now().Add(time.Hour), []string{"vault 1"}); err != nil {
		t.Fatal(err)
	}
	admitting{t, l}.admitted("ml/account-2", 3, "azure 1")
	if _, err := l.Freeze(t.Context(), ledger.Freeze{Team: "ml", Until: noon.Add(time.Hour), Reason: "audit"}); err != nil {
		t.Fatal(err)
	}
	if err := l.SetCursor(t.Context(), "siem", 17); err != nil {
		t.Fatal(err)
	}
	saveUsage(t, l, usage.Runs, map[rotation.Ref]usage.Update{"ml/account-1": shown(1, 2), "ml/stranger": shown(2, 1)}, `{"until":"noon"}`)
	if err := l.NoteOwn(t.Context(), "ml/account-1", noon); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Acknowledge(t.Context(), ledger.Acknowledgement{Code: "unused", Ref: "ml/account-1", Subject: "<k>", Until: noon.Add(time.Hour), Reason: "yearly"}); err != nil {
		t.Fatal(err)
	}
	queue(t, l, "", "told", ledger.Message{Sink: "slack", Key: "a", Body: []byte{0, 1, 0xff}}, ledger.Message{Sink: "mail"})
	if err := l.Delay(t.Context(), noon.Add(time.Minute), "HTTP 503", 1); err != nil {
		t.Fatal(err)
	}
	return l
}

func exported(t *testing.T, l *ledger.Ledger) []byte {
	t.Helper()
	var b bytes.Buffer
	head, err := l.Export(t.Context(), &b)
	if err != nil {
		t.Fatal(err)
	}
	if now, err := l.Head(t.Context()); err != nil || now != head {
		t.Fatalf("exported up to %v, the head is %v, %v", head, now, err)
	}
	return b.Bytes()
}

func TestAnExportBecomesTheSameLedger(t *testing.T) {
	everywhere(t, func(t *testing.T, from string) {
		l := storied(t, from)
		whole := exported(t, l)
		everywhere(t, func(t *testing.T, to string) {
			head, err := ledger.Import(t.Context(), to, bytes.NewReader(whole), ledger.Options{Instance: "prod"})
			if err != nil {
				t.Fatal(err)
			}
			r := openAt(t, to)
			if r.ID() != l.ID() || r.New() {
				t.Errorf("id %s, new %v", r.ID(), r.New())
			}
			if proved, err := r.Verify(t.Context()); err != nil || proved != head {
				t.Errorf("%v, %v; want %v", proved, err, head)
			}
			if diff := cmp.Diff(string(whole), string(exported(t, r))); diff != "" {
				t.Error(diff)
			}
			save(t, r, "ml/account-3", rotation.Record{Seq: 3}, 2, rotation.Event{Kind: rotation.EventRevoked})
			if f, err := r.Freeze(t.Context(), ledger.Freeze{}); err != nil || f.ID != head.Seq+2 {
				t.Errorf("%+v, %v", f, err)
			}
			if _, err := r.Verify(t.Context()); err != nil {
				t.Error(err)
			}
			_, err = ledger.Import(t.Context(), to, bytes.NewReader(whole), ledger.Options{})
			refused(t, err, ledger.ErrExists, "only where there is none")
		})
	})
}

func TestAnExportThatIsNotWholeMakesNoLedger(t *testing.T) {
	lines := strings.SplitAfter(string(exported(t, storied(t, newPath(t)))), "\n")
	whole := strings.Join(lines, "")
	n := len(lines) - 1
	for name, c := range map[string]struct {
		text string
		kind error
	}{
		"nothing":              {"", ledger.ErrDamaged},
		"something else":       {"instance: prod\n", ledger.ErrDamaged},
		"a newer one":          {strings.Replace(whole, `{"ledger":{"v":2`, `{"ledger":{"v":3`, 1), ledger.ErrNewer},
		"its end is missing":   {strings.Join(lines[:n-1], ""), ledger.ErrDamaged},
		"cut in a line":        {whole[:len(whole)/2], ledger.ErrDamaged},
		"no beginning":         {strings.Join(lines[1:], ""), ledger.ErrDamaged},
		"twice":                {whole + whole, ledger.ErrDamaged},
		"a line is missing":    {strings.Join(append(lines[:5:5], lines[6:]...), ""), ledger.ErrDamaged},
		"an event was changed": {strings.Replace(whole, "key.issuing", "key.offered", 1), ledger.ErrBroken},
		"an event is missing":  {strings.Join(append(lines[:50:50], lines[51:]...), ""), ledger.ErrBroken},
		"a record of tomorrow": {strings.Replace(whole, `{"record":{"v":2`, `{"record":{"v":4`, 1), ledger.ErrNewer},
		"an unknown field":     {strings.Replace(whole, `{"record":`, `{"quorum":3,"record":`, 1), ledger.ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, at string) {
				_, err := ledger.Import(t.Context(), at, strings.NewReader(c.text), ledger.Options{})
				refused(t, err, c.kind)
				if _, err := ledger.OpenReadOnly(t.Context(), at, ledger.Options{}); !errors.Is(err, ledger.ErrMissing) {
					t.Errorf("something is there: %v", err)
				}
			})
		})
	}
	everywhere(t, func(t *testing.T, at string) {
		_, err := ledger.Import(t.Context(), at, strings.NewReader(whole), ledger.Options{Instance: "staging"})
		refused(t, err, ledger.ErrInstance, `"prod"`, `"staging"`)
	})
}

// TestAnExportIsOfTheOldestFormThatHoldsIt: the program before takes what needs
// no newer one.
func TestAnExportIsOfTheOldestFormThatHoldsIt(t *testing.T) {
	l := openAt(t, newPath(t))
	for _, c := range []struct{ form, state string }{{`{"ledger":{"v":1,`, ""}, {`{"ledger":{"v":2,`, "noted"}, {`{"ledger":{"v":1,`, ""}} {
		if err := l.SetState(t.Context(), "a", []byte(c.state)); err != nil {
			t.Fatal(err)
		}
		if text := string(exported(t, l)); !strings.HasPrefix(text, c.form) {
			t.Error(text)
		}
	}
}

func TestABrokenChainIsNotExported(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		l := storied(t, at)
		alter(t, l, `UPDATE ledger_event SET body = replace(body, 'issuing', 'offered') WHERE seq = 4`)
		_, err := l.Export(t.Context(), &bytes.Buffer{})
		refused(t, err, ledger.ErrBroken, "event 4")
	})
}
