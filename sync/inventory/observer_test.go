package inventory_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/attempt"
	"github.com/keyrota/keyrota/sync/inventory"
)

// silent is a store whose pages settle nothing.
type silent struct {
	providers.SecretStore
	mu    sync.Mutex
	looks map[string]int
	fails func(path string) error
}

func (s *silent) Observe(context.Context, []rotation.Destination, func(rotation.Destination, rotation.Holding) error) error {
	return nil
}

func (s *silent) Look(_ context.Context, d rotation.Destination) (rotation.Holding, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.looks == nil {
		s.looks = map[string]int{}
	}
	s.looks[d.Path]++
	if s.fails != nil {
		if err := s.fails(d.Path); err != nil {
			return rotation.Holding{}, err
		}
	}
	return rotation.Holding{State: rotation.StateBare, Fresh: true}, nil
}

func account(team, name string, p rotation.Policy) inventory.Account {
	return inventory.Account{Spec: rotation.Spec{
		Account: rotation.Account{Ref: rotation.Ref(team + "/" + name), Team: team, Name: name, Scope: rotation.ScopeTeam},
		Policy:  p, Admin: true,
		Wants: []rotation.Want{{Destination: rotation.Destination{Store: "s", Path: name}}},
	}}
}

// TestSweepLooksCloselyOnlyWhereSomethingMayBeDone: what pages do not settle
// costs a call each, at every sweep.
func TestSweepLooksCloselyOnlyWhereSomethingMayBeDone(t *testing.T) {
	accounts := []inventory.Account{
		account("ml", "watched", rotation.Policy{Observe: true}),
		account("ml", "parked", rotation.Policy{}),
		account("ml", "asked", rotation.Policy{}),
		account("ml", "rotated", rotation.Policy{}),
	}
	records := map[rotation.Ref]rotation.Record{
		"ml/parked": {Parked: "a person must act"},
		"ml/asked":  {Parked: "a person must act", Request: rotation.Request{Kind: rotation.RequestRotate}},
	}
	for _, forPeople := range []bool{false, true} {
		s := &silent{}
		o := inventory.Observer{Issuer: &teams{}, Stores: map[string]providers.SecretStore{"s": s}, ForPeople: forPeople}
		seen := o.Sweep(t.Context(), accounts, records)
		for name, closely := range map[string]bool{"watched": forPeople, "parked": forPeople, "asked": true, "rotated": true} {
			state := seen[rotation.Ref("ml/"+name)].Holdings[0].Holding.State
			if (s.looks[name] > 0) != closely || (state == rotation.StateBare) != closely {
				t.Errorf("for people %v: %s was looked at %d times, and seen as %v", forPeople, name, s.looks[name], state)
			}
		}
	}
}

// TestSweepGivesUpOnAStoreThatIsUnwell: it is not asked ten thousand times
// whether it is any better; one that fails for some secrets alone is.
func TestSweepGivesUpOnAStoreThatIsUnwell(t *testing.T) {
	var accounts []inventory.Account
	for i := range 500 {
		accounts = append(accounts, account("ml", fmt.Sprintf("%03d", i), rotation.Policy{}))
	}
	fail := func(kind providers.Kind) error { return &providers.Error{Provider: "s", Kind: kind} }
	for name, c := range map[string]struct {
		fails        func(string) error
		least, limit int
	}{
		"unwell":            {func(string) error { return fail(providers.Transient) }, 1, 50},
		"too many calls":    {func(string) error { return fail(providers.Limited) }, 1, 50},
		"unwell for some":   {func(p string) error { return map[bool]error{true: fail(providers.Transient)}[p[2] < '5'] }, 500, 500},
		"not allowed to us": {func(string) error { return fail(providers.Denied) }, 500, 500},
	} {
		s := &silent{fails: c.fails}
		o := inventory.Observer{Issuer: &teams{}, Stores: map[string]providers.SecretStore{"s": s}}
		seen := o.Sweep(t.Context(), accounts, nil)
		if len(s.looks) < c.least || len(s.looks) > c.limit {
			t.Errorf("%s: %d looks, want %d to %d", name, len(s.looks), c.least, c.limit)
		}
		for ref, obs := range seen {
			if h := obs.Holdings[0].Holding; h.State == rotation.StateUnknown && h.Words == "" {
				t.Fatalf("%s: nobody says why %s is unknown", name, ref)
			}
		}
	}
}

// teams is an issuer that lists teams together; some fail.
type teams struct {
	providers.Issuer
	fails func(round int, team string) error
	ends  func(round int) // before it returns
	asked [][]string
}

func (*teams) Keys(context.Context, string, func(rotation.Account, []rotation.Key) error) error {
	return errors.New("one by one")
}

func (i *teams) KeysOfTeams(_ context.Context, all []string, yield func(string, rotation.Account, []rotation.Key) error, failed func(string, error)) error {
	i.asked = append(i.asked, all)
	for _, team := range all {
		if err := yield(team, rotation.Account{ID: rotation.AccountID("id-" + team), Name: "job", Team: team}, []rotation.Key{{ID: "k"}}); err != nil {
			return err
		}
		if i.fails != nil {
			if err := i.fails(len(i.asked), team); err != nil {
				failed(team, err)
			}
		}
	}
	if i.ends != nil {
		i.ends(len(i.asked))
	}
	return nil
}

// TestTeamsAreAskedForAgainTogether: a team that could not be listed is asked
// for again with the others of its kind, and not alone with a search for all
// accounts each; one that will not be listed says why.
func TestTeamsAreAskedForAgainTogether(t *testing.T) {
	refused := func(kind providers.Kind) error {
		return &providers.Error{Provider: "p", Op: "list", Kind: kind, Err: errors.New("because")}
	}
	accounts := []inventory.Account{
		account("a", "job", rotation.Policy{}), account("b", "job", rotation.Policy{}), account("c", "job", rotation.Policy{}),
	}
	for name, c := range map[string]struct {
		issuer *teams
		asked  string
		lost   string // teams
	}{
		"all well": {&teams{}, "[[a b c]]", ""},
		"two are unwell once, one is denied": {&teams{fails: func(round int, team string) error {
			switch {
			case team == "c":
				return refused(providers.Denied)
			case round == 1:
				return refused(providers.Transient)
			}
			return nil
		}}, "[[a b c] [a b]]", "c"},
		"one is unwell for good": {&teams{fails: func(_ int, team string) error {
			return map[bool]error{true: refused(providers.Transient)}[team == "b"]
		}}, "[[a b c] [b] [b]]", "b"},
		"a fault": {&teams{ends: func(int) { panic("CANARY") }}, "[[a b c] [a b c] [a b c]]", "abc"},
	} {
		o := inventory.Observer{
			Issuer: c.issuer, Stores: map[string]providers.SecretStore{"s": &silent{}}, Call: attempt.Caller{Attempts: 3},
		}
		seen := o.Sweep(t.Context(), accounts, nil)
		if got := fmt.Sprint(c.issuer.asked); got != c.asked {
			t.Errorf("%s: asked for %s, want %s", name, got, c.asked)
		}
		for _, a := range accounts {
			l := seen[a.Ref()].Listing
			lost := strings.Contains(c.lost, a.Account.Team)
			if l.Complete == lost || lost == (l.Words == "") || lost == (len(l.Keys) == 1) || strings.Contains(l.Words, "one by one") {
				t.Errorf("%s: team %s: %+v", name, a.Account.Team, l)
			}
		}
	}
}

// TestAFaultInAStoreStopsOneThing: what panics in a goroutine of ours
// would end the program.
func TestAFaultInAStoreStopsOneThing(t *testing.T) {
	a, b := account("ml", "a", rotation.Policy{}), account("ml", "b", rotation.Policy{})
	b.Wants[0].Destination.Store = "broken"
	o := inventory.Observer{Issuer: &teams{}, Stores: map[string]providers.SecretStore{"s": &silent{}, "broken": nil}}
	seen := o.Sweep(t.Context(), []inventory.Account{a, b}, nil)
	if h := seen["ml/a"].Holdings[0].Holding; h.State != rotation.StateBare {
		t.Errorf("the other store: %+v", h)
	}
	if h := seen["ml/b"].Holdings[0].Holding; h.State != rotation.StateUnknown || !strings.Contains(h.Words, "a fault in keyrota") {
		t.Errorf("%+v", h)
	}
}
