package finding_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/usage"
)

var update = flag.Bool("update", false, "write the golden files")

const day = 24 * time.Hour

// now is a Thursday; people are back at work on Friday at nine.
func now() time.Time     { return time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC) }
func morning() time.Time { return time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC) }

func anyName(string) string { return "" }

func ago(d time.Duration) time.Time { return now().Add(-d) }

type every time.Duration

func (e every) Next(t time.Time) time.Time { return t.Add(time.Duration(e)) }

// shut is a window that opens at a time, and never before; zero: never.
type shut time.Time

func (s shut) Open(t time.Time) bool {
	return !time.Time(s).IsZero() && !t.Before(time.Time(s))
}

func (s shut) NextOpen(t time.Time) time.Time {
	if s.Open(t) {
		return t
	}
	return time.Time(s)
}

func dest() rotation.Destination {
	return rotation.Destination{Store: "vault", Path: "kv/ml/eval", Field: "WANDB_API_KEY"}
}

func second() rotation.Destination {
	return rotation.Destination{Store: "aws", Path: "ml/eval"}
}

func mark(edition rotation.Edition, key rotation.KeyID) rotation.Mark {
	return rotation.Mark{Instance: "prod", Ledger: "led", Account: "U1", Edition: edition, Key: key, Shape: "shape"}
}

func holding(edition rotation.Edition, key rotation.KeyID) rotation.Holding {
	return rotation.Holding{State: rotation.StateMarked, Version: "7", Mark: mark(edition, key)}
}

// used is evidence of a use on every one of these days ago, of a source that saw
// everything.
func used(team, project string, daysAgo ...int) usage.Evidence {
	t := usage.Trace{Days: map[usage.Day]int{}, Projects: map[usage.Project]time.Time{}}
	for _, n := range daysAgo {
		at := ago(time.Duration(n) * day)
		t.Days[usage.DayOf(at)] = 1
		if t.First.IsZero() || at.Before(t.First) {
			t.First = at
		}
		if at.After(t.Last) {
			t.Last = at
			t.Projects[usage.Project{Team: team, Name: project}] = at
		}
	}
	return usage.Evidence{
		Traces: map[usage.Source]usage.Trace{usage.Runs: t},
		Coverage: map[usage.Source]usage.Coverage{
			usage.Runs:     {From: ago(600 * day), Until: now()},
			usage.AuditLog: {From: ago(600 * day), Until: now(), Blind: []usage.Blindness{usage.NotInLog}},
		},
	}
}

func daily(from, to int) []int {
	var days []int
	for n := from; n >= to; n-- {
		days = append(days, n)
	}
	return days
}

// healthy is an account of which there is nothing to say.
func healthy() finding.Account {
	p := rotation.DefaultPolicy()
	p.Schedule, p.MaxOverlap = every(90*day), 2*day
	a := rotation.Account{Ref: "ml/nightly-eval", Name: "nightly-eval", Team: "ml", Scope: rotation.ScopeTeam}
	return finding.Account{
		Spec: rotation.Spec{
			Account: a, Instance: "prod", Ledger: "led", Policy: p, State: rotation.Active, Admin: true, Provision: true,
			Wants: []rotation.Want{{Destination: dest(), Shape: "shape", Readable: true}},
		},
		Record: rotation.Record{
			Account: "U1", Seq: 2, Offer: rotation.Offer{Edition: 2, Key: "K2", Issued: ago(20 * day)},
			Agreed: ago(20 * day), Dests: []rotation.Destination{dest()},
		},
		Observed: rotation.Observed{
			Listing: rotation.Listing{
				Complete: true, Accounts: []rotation.AccountID{"U1"}, AccountsKnown: true, Account: "U1", Offered: 2, At: now(),
				Keys: []rotation.Key{{ID: "K2", Label: rotation.NewLabel("prod", "U1", 2, ago(20*day), "n2")}},
			},
			Holdings: []rotation.Held{{Destination: dest(), Holding: holding(2, "K2")}},
		},
		Action:  rotation.Action{Kind: rotation.Wait, Rule: 13, Why: "in step until its rotation is due"},
		Purpose: "nightly evaluation", Owner: "ml@acme.example", UsedBy: []string{"airflow/eval"},
		Reviewed: ago(30 * day), ReviewEvery: 180 * day,
		Env:         map[string]string{"WANDB_ENTITY": "ml", "WANDB_PROJECT": "eval"},
		ReaderNeeds: 12 * time.Hour, UnusedAfter: 45 * day, Position: "keyrota.yaml:12",
		Evidence:    used("ml", "eval", daily(300, 1)...),
		Access:      map[usage.Project]finding.Access{{Team: "ml", Name: "eval"}: finding.AccessWrite},
		DeliveredAt: ago(200 * day), KnownSince: ago(300 * day), WatchedSince: ago(200 * day),
	}
}

// estate is one account, as the platform lists it too.
func estate(a finding.Account) finding.Input {
	account := a.Spec.Account
	account.ID = "U1"
	return finding.Input{
		Now: now(), NextMorning: morning(), NameAllowed: anyName, Accounts: []finding.Account{a},
		Platform: []finding.PlatformAccount{{Account: account, Keys: a.Observed.Listing.Keys}},
		Listed:   map[string]bool{"ml": true, "": true}, ListedAt: ago(time.Hour),
		Stores: []finding.Store{{Name: "vault"}}, FirstSeen: map[string]time.Time{},
		Issuer: finding.Issuer{AdminKeys: []finding.Credential{{Name: "wandb.admin_key", Works: finding.Yes}}},
	}
}

// observed has the account watched only.
func observed(a *finding.Account) {
	a.Spec.Policy.Observe = true
	a.Record = rotation.Record{}
	a.Action = rotation.Action{Kind: rotation.Wait, Why: "manage: observe"}
	a.DeliveredAt = time.Time{}
}

func external(a *finding.Account) {
	observed(a)
	a.Spec.Account.Scope = rotation.ScopeExternal
	a.Spec.Wants = nil
	a.Observed = rotation.Observed{}
}

// old has a key before the offered one that still lives.
func old(a *finding.Account) {
	a.Record.Old = []rotation.Old{{Key: "K1", Edition: 1, Issued: ago(110 * day)}}
	a.Observed.Listing.Keys = append(a.Observed.Listing.Keys, rotation.Key{ID: "K1"})
}

// due has the rotation be due that long ago, or in so long where it is negative.
func due(a *finding.Account, was time.Duration) {
	a.Record.Offer.Issued = ago(was + 91*day) // beyond what jitter takes off
	a.Spec.Policy.Schedule = every(91 * day)
	shift := ago(was).Sub(a.Spec.Due(a.Record))
	a.Record.Offer.Issued = a.Record.Offer.Issued.Add(shift)
}

func waits(a *finding.Account, why string, at ...rotation.Destination) {
	a.Action = rotation.Action{Kind: rotation.Wait, Rule: 13, Why: why, Destinations: at, Overdue: true}
}

func line(f finding.Finding) string {
	s := string(f.Severity) + " " + string(f.Code)
	if f.Subject != "" {
		s += " " + f.Subject
	}
	if f.Acknowledged != nil {
		s += ", acknowledged"
	}
	return s
}

func lines(found []finding.Finding) []string {
	var all []string
	for _, f := range found {
		all = append(all, line(f))
	}
	return all
}

// TestFind: what each state of an account, and of what keyrota stands on, is
// called, and how urgent that is. Whatever is not in a case is as in healthy.
func TestFind(t *testing.T) {
	var golden strings.Builder
	raised := map[finding.Code]bool{}
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			a := healthy()
			if c.account != nil {
				c.account(&a)
			}
			in := estate(a)
			if c.input != nil {
				c.input(&in)
			}
			found := finding.Find(in)
			if diff := cmp.Diff(c.want, lines(found)); diff != "" {
				t.Errorf("want -, got +\n%s", diff)
			}
			fmt.Fprintf(&golden, "## %s\n", c.name)
			for _, f := range found {
				raised[f.Code] = true
				complete(t, in, f)
				golden.WriteString(full(f))
			}
			golden.WriteByte('\n')
		})
	}
	for _, code := range finding.Codes() {
		if !raised[finding.Code(code)] {
			t.Errorf("no case has %s", code)
		}
	}
	path := filepath.Join("testdata", "findings.txt")
	if *update {
		if err := os.WriteFile(path, []byte(golden.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: run go test ./sync/finding -run TestFind -update", err)
	}
	if diff := cmp.Diff(string(want), golden.String()); diff != "" {
		t.Errorf("the words changed: read them, then run go test ./sync/finding -run TestFind -update\n%s", diff)
	}
}

// complete checks what every finding must say.
func complete(t *testing.T, in finding.Input, f finding.Finding) {
	t.Helper()
	switch {
	case f.Title == "" || f.Do == "" || len(f.Evidence) == 0 || f.Command == "":
		t.Errorf("%s: title, evidence, what to do, or command is missing: %+v", line(f), f)
	case !strings.HasPrefix(f.Command, "keyrota "):
		t.Errorf("%s: %q is no command of keyrota", line(f), f.Command)
	case f.Since.IsZero() || f.Since.After(in.Now):
		t.Errorf("%s: since %s", line(f), f.Since)
	case slices.Contains(f.Evidence, ""):
		t.Errorf("%s: an empty line of evidence", line(f))
	}
	if f.Account == "ml/nightly-eval" && f.Team != "ml" {
		t.Errorf("%s: team %q", line(f), f.Team)
	}
}

// full writes all that a finding says.
func full(f finding.Finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %s\n", f.Severity, strings.TrimSpace(f.ID()), f.Title)
	for _, e := range f.Evidence {
		fmt.Fprintf(&b, "  - %s\n", e)
	}
	if f.Broken != "" {
		fmt.Fprintf(&b, "  broken: %s\n", f.Broken)
	}
	if !f.SafeUntil.IsZero() {
		fmt.Fprintf(&b, "  safe until %s\n", f.SafeUntil.Format(time.RFC3339))
	}
	fmt.Fprintf(&b, "  since %s\n  do: %s\n  $ %s\n", f.Since.Format(time.RFC3339), f.Do, f.Command)
	if f.Change != "" {
		fmt.Fprintf(&b, "  | %s\n", strings.ReplaceAll(f.Change, "\n", "\n  | "))
	}
	return b.String()
}
