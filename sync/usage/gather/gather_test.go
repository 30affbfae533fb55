package gather_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/sync/usage"
	"github.com/keyrota/keyrota/sync/usage/gather"
)

// TestASourceFailsAlone: what it would have shown is unknown, and what others
// show is known.
func TestASourceFailsAlone(t *testing.T) {
	for name, c := range map[string]struct {
		op, what string
		kind     providers.Kind
		failed   usage.Source
		words    string // of an idle account of team ml
		other    usage.Verdict
	}{
		"members":          {"members", "ml", providers.Transient, usage.Runs, "runs: not looked at", usage.Never},
		"projects":         {"projects", "ml", providers.Denied, usage.Runs, "runs: not looked at", usage.Never},
		"runs":             {"runs", "ml/idle", providers.Transient, usage.Runs, "runs: not looked at", usage.Never},
		"no such project":  {"runs", "ml/idle", providers.NotFound, "", "", usage.Never},
		"the log":          {"audit", "", providers.Denied, usage.AuditLog, "audit log: the credentials that there are may not read it", usage.Unknown},
		"the log, passing": {"audit", "", providers.Transient, usage.AuditLog, "audit log: not looked at", usage.Unknown},
		"a store":          {"last read", "", providers.Limited, usage.Stores, "", usage.Never},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.people(420)
			idle, other := w.account("ml", "idle", nil), w.account("vision", "other", nil)
			w.projects["ml"], w.runs["ml/idle"] = []string{"idle"}, []providers.Run{}
			w.fails = func(op, what string) error {
				if strings.TrimPrefix(op, "own ") == c.op && (c.what == "" || what == c.what) {
					return failure(c.kind)
				}
				return nil
			}
			report := w.look()
			switch {
			case c.failed == "" && len(report.Failed) > 0,
				c.failed != "" && (len(report.Failed) != 1 || report.Failed[0].Source != c.failed || !strings.Contains(report.Failed[0].Error(), "refused")):
				t.Errorf("%v", report.Failed)
			}
			w.judged(other, c.other, "")
			if c.words != "" {
				w.judged(idle, usage.Unknown, c.words)
			}
			w.now = start.Add(time.Minute)
			w.look()
			failing, err := gather.FailingParts(t.Context(), w.ledger)
			if err != nil || len(failing) != len(report.Failed) || len(failing) > 0 && (!failing[0].Since.Equal(start) || failing[0].Source != c.failed || failing[0].Words == "") {
				t.Errorf("%+v, %v", failing, err)
			}
			w.fails = func(string, string) error { return nil }
			w.now = start.Add(time.Hour)
			w.whole()
			w.judged(idle, usage.Never, "")
			if failing, err := gather.FailingParts(t.Context(), w.ledger); err != nil || len(failing) > 0 {
				t.Errorf("%+v, %v", failing, err)
			}
		})
	}
}

// TestNoKeyGoesIntoTheLedger: nor into what is told of failures.
func TestNoKeyGoesIntoTheLedger(t *testing.T) {
	w := newWorld(t)
	w.people(10)
	w.account("ml", "eval", func(a *config.Account) { a.Projects = []string{"closed"} })
	w.fails = func(op, _ string) error {
		if strings.HasPrefix(op, "own ") || op == "members" {
			return failure(providers.Denied)
		}
		return nil
	}
	report := w.look()
	var text strings.Builder
	if _, err := w.ledger.Export(t.Context(), &text); err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Failed {
		text.WriteString(f.Error())
	}
	if !slices.Contains(w.asked, "read ml/eval") || len(report.Failed) == 0 || strings.Contains(text.String(), "CANARY") {
		t.Errorf("asked %v, told %s", w.asked, text.String())
	}
}

// TestALookEndsWithItsContextAndTheLedger: an error of either is returned.
func TestALookEndsWithItsContextAndTheLedger(t *testing.T) {
	w := newWorld(t)
	w.people(420)
	w.account("ml", "eval", nil)
	ctx, cancel := context.WithCancel(t.Context())
	w.fails = func(op, _ string) error {
		if op == "audit" {
			cancel()
			return ctx.Err()
		}
		return nil
	}
	if _, err := w.gatherer().Gather(ctx, w.accounts, w.records); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	w.fails = func(string, string) error { return nil }
	if err := w.ledger.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.gatherer().Gather(t.Context(), w.accounts, w.records); err == nil {
		t.Error("nobody says that the ledger is closed")
	}
}

// TestWhatCannotBeReadOfALookIsBegunAnew: all of it, not what is left of it.
func TestWhatCannotBeReadOfALookIsBegunAnew(t *testing.T) {
	w := newWorld(t)
	w.people(420)
	ref := w.account("ml", "eval", nil)
	w.projects["ml"] = []string{"eval"}
	w.run("ml", "eval", "eval-ml", 20, time.Hour)
	until, err := start.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.ledger.SetState(t.Context(), "usage/runs", []byte(`{"projects": {"ml/eval": `+string(until)+`}, "credited": "of another version"}`)); err != nil {
		t.Fatal(err)
	}
	w.whole()
	w.judged(ref, usage.Used, "last used on 2026-11-10, as its runs show")
}
