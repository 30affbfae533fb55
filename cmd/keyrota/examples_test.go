package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/plan"
)

// readerExamples are the configurations of examples/ that are for one reader
// each. Those of quickstart, bring-in and review have tests of their own.
func readerExamples(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "examples", "*", "keyrota*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	files = slices.DeleteFunc(files, func(f string) bool {
		return slices.Contains([]string{"quickstart", "review"}, filepath.Base(filepath.Dir(f)))
	})
	if len(files) < 9 {
		t.Fatalf("only %d examples: %v", len(files), files)
	}
	return files
}

// anywhere is a machine on which nothing is set but the state directory.
func anywhere(t *testing.T) *app {
	state := t.TempDir()
	a := newApp()
	a.stdin, a.stdout, a.stderr = strings.NewReader(""), new(bytes.Buffer), new(bytes.Buffer)
	a.env = func(name string) (string, bool) {
		value, ok := map[string]string{"XDG_STATE_HOME": state}[name]
		return value, ok
	}
	return a
}

// TestExamplesAreValid: no error and no warning, by the command that users have.
func TestExamplesAreValid(t *testing.T) {
	for _, file := range readerExamples(t) {
		t.Run(strings.TrimPrefix(filepath.ToSlash(file), "../../examples/"), func(t *testing.T) {
			a := anywhere(t)
			var out bytes.Buffer
			a.stdout = &out
			if code := run([]string{"validate", "--config", file, "--output", "json"}, a); code != 0 {
				t.Errorf("validate ended with %d", code)
			}
			var said struct {
				Valid    bool
				Problems []problemView
			}
			if err := json.Unmarshal(out.Bytes(), &said); err != nil {
				t.Fatalf("%v\n%s\n%s", err, &out, a.stderr)
			}
			if !said.Valid || len(said.Problems) > 0 {
				t.Errorf("%s", &out)
			}
		})
	}
}

// TestExamplesPlan: where nothing is there yet, each account is created and its
// key delivered to every destination, and all of it can be done.
func TestExamplesPlan(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, file := range readerExamples(t) {
		t.Run(strings.TrimPrefix(filepath.ToSlash(file), "../../examples/"), func(t *testing.T) {
			a := anywhere(t)
			c, problems, err := config.Load(file, config.Options{Env: a.env, StoreTypes: configTypes()})
			if err != nil || problems.Err() != nil {
				t.Fatal(err, problems)
			}
			p, _, err := a.openProviders(c)
			if err != nil {
				t.Fatal(err)
			}
			inv, err := inventory.Build(c, p, "ledger")
			if err != nil {
				t.Fatal(err)
			}
			var want, got []string
			var accounts []plan.Account
			for _, account := range inv.Accounts {
				if account.Config.Scope == config.ScopeExternal || account.Config.State != config.Active {
					continue // gets no key
				}
				o := rotation.Observed{Listing: rotation.Listing{Complete: true, Fresh: true, AccountsKnown: true, At: now}}
				want = append(want, string(account.Ref())+" provision ")
				for _, d := range account.Destinations(rotation.Record{}) {
					o.Holdings = append(o.Holdings, rotation.Held{Destination: d, Holding: rotation.Holding{State: rotation.StateAbsent, Fresh: true}})
					want = append(want, string(account.Ref())+" deliver "+d.String())
				}
				accounts = append(accounts, plan.Account{Spec: account.Spec, Observed: o})
			}
			made := plan.Make(accounts, now, now)
			for _, s := range made.Steps {
				switch s.Kind {
				case plan.Provision:
					got = append(got, string(s.Ref)+" provision ")
				case plan.Deliver:
					got = append(got, string(s.Ref)+" deliver "+s.Destination.String())
				case plan.Adopt, plan.Issue: // a server that shows first keys, or not
				default:
					t.Errorf("%s: %s: %s", s.Ref, s.Kind, s.Why)
				}
			}
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("planned\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			for _, w := range made.Waiting {
				if w.Overdue {
					t.Errorf("%s: %s", w.Ref, w.Why)
				}
			}
		})
	}
}
