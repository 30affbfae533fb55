package survey_test

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/plan"
	"github.com/keyrota/keyrota/sync/survey"
)

const text = `
instance: test
ledger: ledger.db
stores: {a: {}, b: {}}
accounts:
  - {name: ci-training, team: ml, purpose: training, owner: ml@example.org, deliver: [a:ml/train#KEY, b:ml/train#KEY]}
  - {name: nightly-eval, team: ml, deliver: a:ml/eval#KEY}
`

var begin = time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC) // a Monday

// stage is a survey over a real ledger; what a sweep saw is made by hand.
type stage struct {
	*testing.T
	now    time.Time
	ledger *ledger.Ledger
	survey.Surveyor
	swept   []plan.Account
	entries []ledger.Entry
}

func newStage(t *testing.T, yaml string) *stage {
	s := &stage{T: t, now: begin}
	clock := func() time.Time { return s.now }
	l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"), ledger.Options{Instance: "test", By: "a test", Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	c, problems := config.Parse("keyrota.yaml", []byte(yaml), config.Options{})
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	stores := map[string]providers.SecretStore{}
	for _, name := range c.StoreNames() {
		stores[name] = providertest.NewMemory(providertest.MemoryOptions{Name: name})
	}
	inv, err := inventory.Build(c, inventory.Providers{
		Issuer: providertest.NewPlatform(providertest.PlatformOptions{Now: clock}), Stores: stores,
		Abilities: func(rotation.Account) inventory.Abilities { return inventory.Abilities{Admin: true} },
	}, l.ID())
	if err != nil {
		t.Fatal(err)
	}
	s.ledger = l
	s.Surveyor = survey.Surveyor{
		Config: c, Inventory: inv, Ledger: l, Keep: true, Now: clock,
		Known: func(context.Context) (survey.Known, error) { return survey.Known{}, nil },
	}
	for _, a := range inv.Accounts {
		s.swept = append(s.swept, plan.Account{Spec: a.Spec, Observed: rotation.Observed{
			Listing: rotation.Listing{Complete: true, AccountsKnown: true, Accounts: []rotation.AccountID{"u1"}},
		}})
	}
	return s
}

// make makes a survey some time later.
func (s *stage) make(later time.Duration) survey.Survey {
	s.Helper()
	s.now = s.now.Add(later)
	v, err := s.Make(s.Context(), s.swept, s.entries)
	if err != nil {
		s.Fatal(err)
	}
	return v
}

// see has a sweep see the holding of a destination.
func (s *stage) see(account int, d rotation.Destination, h rotation.Holding) {
	seen := &s.swept[account].Observed
	seen.Holdings = slices.DeleteFunc(slices.Clone(seen.Holdings), func(held rotation.Held) bool { return held.Destination == d })
	seen.Holdings = append(seen.Holdings, rotation.Held{Destination: d, Holding: h})
}

func find(t *testing.T, v survey.Survey, code finding.Code, account rotation.Ref) (finding.Finding, bool) {
	t.Helper()
	for _, f := range v.Findings {
		if f.Code == code && f.Account == account {
			return f, true
		}
	}
	return finding.Finding{}, false
}

func TestSinceWhenAFindingHolds(t *testing.T) {
	s := newStage(t, text)
	const eval = rotation.Ref("ml/nightly-eval")
	for _, later := range []time.Duration{0, time.Hour, 48 * time.Hour} {
		f, there := find(t, s.make(later), "no_owner", eval)
		if !there || !f.Since.Equal(begin) {
			t.Errorf("after %s: %v since %s", later, there, f.Since)
		}
	}
	account := s.Inventory.Accounts[1].Config
	account.Owner = "eval@example.org"
	if _, there := find(t, s.make(time.Hour), "no_owner", eval); there {
		t.Error("it has an owner")
	}
	account.Owner = ""
	if f, _ := find(t, s.make(time.Hour), "no_owner", eval); !f.Since.Equal(s.now) {
		t.Errorf("since %s, and was over before: %s", f.Since, s.now)
	}
}

func TestWhoDoesNotKeepChangesNothing(t *testing.T) {
	s := newStage(t, text)
	s.Keep = false
	s.make(0)
	if text, err := s.ledger.State(t.Context(), "survey/times"); err != nil || text != nil {
		t.Errorf("%s, %v", text, err)
	}
}

func TestSinceWhenAStoreFails(t *testing.T) {
	s := newStage(t, text)
	trainA, trainB := rotation.Destination{Store: "a", Path: "ml/train", Field: "KEY"}, rotation.Destination{Store: "b", Path: "ml/train", Field: "KEY"}
	evalA := rotation.Destination{Store: "a", Path: "ml/eval", Field: "KEY"}
	absent, down := rotation.Holding{State: rotation.StateAbsent}, rotation.Holding{Words: "no answer"}
	s.see(0, trainA, down)
	s.see(0, trainB, absent)
	s.see(1, evalA, down)
	s.make(0)
	v := s.make(time.Hour)
	failing := map[string]time.Time{}
	for _, store := range v.Stores {
		failing[store.Name] = store.FailingSince
	}
	if !failing["a"].Equal(begin) || !failing["b"].IsZero() {
		t.Errorf("%v", failing)
	}
	if at := v.Accounts[0].FailingSince[trainA]; !at.Equal(begin) {
		t.Errorf("%s fails since %s", trainA, at)
	}
	if v.Seen("ml/ci-training") {
		t.Error("what is over cannot be told where a destination is not seen")
	}
	// One of its secrets can be seen again: the store answers, one destination fails.
	s.see(1, evalA, absent)
	v = s.make(time.Hour)
	if !v.Stores[0].FailingSince.IsZero() || !v.Accounts[0].FailingSince[trainA].Equal(begin) {
		t.Errorf("%+v, %v", v.Stores[0], v.Accounts[0].FailingSince)
	}
	if !v.Seen("ml/nightly-eval") {
		t.Error("all of it was seen")
	}
	s.see(0, trainA, absent)
	s.make(time.Hour)
	s.see(0, trainA, down)
	if at := s.make(time.Hour).Accounts[0].FailingSince[trainA]; !at.Equal(s.now) {
		t.Errorf("it fails anew since %s, not %s", s.now, at)
	}
}

func TestWhatEventsTell(t *testing.T) {
	s := newStage(t, text)
	const train = rotation.Ref("ml/ci-training")
	save := func(later time.Duration, prev ledger.Revision, events ...rotation.Event) ledger.Revision {
		s.now = s.now.Add(later)
		rev, err := s.ledger.Save(t.Context(), train, rotation.Record{Account: "u1", Seq: 1}, prev, events...)
		if err != nil {
			t.Fatal(err)
		}
		return rev
	}
	rev := save(0, 0, rotation.Event{Kind: rotation.EventFound})
	rev = save(time.Hour, rev, rotation.Event{Kind: rotation.EventAdopted, Key: "k1"})
	s.make(0)
	rev = save(time.Hour, rev, rotation.Event{Kind: rotation.EventDelivered, Key: "k1"})
	rev = save(time.Hour, rev, rotation.Event{Kind: rotation.EventIssueFailed, Words: "no more keys"})
	save(time.Hour, rev, rotation.Event{Kind: rotation.EventDelivered, Key: "k2"})
	a := s.make(time.Hour).Accounts[0]
	if !a.KnownSince.Equal(begin) || !a.WatchedSince.Equal(begin.Add(time.Hour)) || !a.DeliveredAt.Equal(begin.Add(2*time.Hour)) || a.LastFailure != "no more keys" {
		t.Errorf("known %s, watched %s, delivered %s, %q", a.KnownSince, a.WatchedSince, a.DeliveredAt, a.LastFailure)
	}
}

func TestWhenSomebodyIsAtWork(t *testing.T) {
	for _, c := range []struct {
		at, want string
	}{
		{"2026-03-02T03:00:00Z", "2026-03-02T09:00:00Z"}, // at night
		{"2026-03-02T10:30:00Z", "2026-03-03T09:00:00Z"}, // at work: from tomorrow on
		{"2026-03-06T18:00:00Z", "2026-03-09T09:00:00Z"}, // before the weekend
	} {
		s := newStage(t, text+"working_hours: Mon-Fri 09:00-17:00 UTC\n")
		s.now, _ = time.Parse(time.RFC3339, c.at)
		if got := s.make(0).NextMorning.Format(time.RFC3339); got != c.want {
			t.Errorf("at %s: %s, want %s", c.at, got, c.want)
		}
	}
}
