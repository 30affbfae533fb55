package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
)

// Whatever a file holds, it is either used or refused with a place, without a
// panic and without showing what could be a key.
func FuzzParse(f *testing.F) {
	good, _ := filepath.Glob("testdata/good/*.yaml")
	for _, name := range good {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	archives, _ := filepath.Glob("testdata/problems/*.txtar")
	for _, name := range archives {
		a, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range a.Files {
			if strings.HasSuffix(file.Name, ".yaml") {
				f.Add(file.Data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, problems := Parse("k.yaml", data, Options{Env: testEnv, StoreTypes: testTypes})
		if (c == nil) != (problems.Err() != nil) {
			t.Fatalf("configuration: %v, problems:\n%s", c != nil, problems)
		}
		for _, p := range problems {
			if p.Message == "" || p.Hint == "" || p.Line < 0 {
				t.Errorf("a problem without words or place: %+v", p)
			}
		}
		// As a team's file it may hold less, and sees no variable.
		included, more := Parse("k.yaml", []byte("instance: prod\nledger: l\nstores: {vault: {}, aws: {}}\ninclude: t.yaml\nallow: {}\n"),
			Options{Env: testEnv, StoreTypes: testTypes, Dir: fstest.MapFS{"t.yaml": {Data: data}}})
		if (included == nil) != (more.Err() != nil) {
			t.Fatalf("configuration: %v, problems:\n%s", included != nil, more)
		}
		if included != nil {
			for _, a := range included.Accounts {
				if a.Scope == ScopeOrganization || a.Team == "" || len(a.Deliver) > 0 {
					t.Errorf("a team's file has %+v", a)
				}
			}
		}
		problems = append(problems, more...)
		if strings.Contains(problems.String(), "CANARY-0123456789012345678901234567890123456789") {
			t.Errorf("a value is shown:\n%s", problems)
		}
		if c == nil {
			return
		}
		now := at(t, "2026-03-28T12:00:00Z")
		for _, a := range c.Accounts {
			if open := a.Window.NextOpen(now); !a.Window.Open(open) || open.Before(now) {
				t.Errorf("window %s opens at %s", a.Window, open)
			}
			if open := a.Freezes.NextOpen(now); !a.Freezes.Open(open) {
				t.Errorf("frozen at %s", open)
			}
			if due := a.Schedule.Next(now); !due.After(now) {
				t.Errorf("schedule %s is due at %s", a.Schedule, due)
			}
			for _, d := range a.Deliver {
				if _, ok := c.Stores[d.Store]; !ok || !goodPath(d.Path) || d.Field != "" && !goodField(d.Field) || len([]rune(d.Description)) > maxDescription {
					t.Errorf("destination: %+v", d)
				}
			}
			if a.Overlap < c.WriteDeadline || a.MaxOverlap < a.Overlap {
				t.Errorf("overlap %s, at most %s", a.Overlap, a.MaxOverlap)
			}
		}
	})
}
