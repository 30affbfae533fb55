package survey_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/survey"
)

// platform answers what a checker asks, or fails.
type platform struct {
	providers.Issuer
	down  bool
	asked int // how often it was asked what an account may do
}

func (p *platform) err() error {
	if p.down {
		return &providers.Error{Provider: "wandb", Kind: providers.Transient, Err: errors.New("no answer")}
	}
	return nil
}

func (p *platform) Keys(_ context.Context, team string, yield func(rotation.Account, []rotation.Key) error) error {
	if err := p.err(); err != nil {
		return err
	}
	return yield(rotation.Account{ID: "u1", Name: "ci-training", Team: team, Scope: rotation.ScopeTeam}, []rotation.Key{{ID: "k1"}})
}

func (p *platform) Members(_ context.Context, _ string, _ providers.Secret, yield func(providers.Member) error) error {
	if err := p.err(); err != nil {
		return err
	}
	return yield(providers.Member{Username: "alice", Email: "alice@example.org"})
}

func (p *platform) Access(context.Context, string, string, providers.Secret) (providers.Access, error) {
	p.asked++
	return providers.AccessNone, p.err()
}

func (p *platform) AuditAccess(context.Context) error { return p.err() }

const credited = `
instance: test
ledger: ledger.db
wandb: {organization: acme, admin_key: env:ADMIN}
stores: {a: {}}
accounts:
  - {name: ci-training, team: ml, purpose: training, owner: ml@example.org, env: {WANDB_USERNAME: Alice}, projects: [secret], deliver: a:ml/train}
`

// A check that gets no answer says nothing new: what was known before stays, so that
// nobody is told that a thing is over, and soon after that it is there again.
func TestWhatIsNotAnsweredStaysAsItWas(t *testing.T) {
	s := newStage(t, credited)
	p := &platform{}
	s.Inventory.Issuer = p
	key := providers.NewSecret("CANARY-0123456789-0123456789-0123456789-0123456789")
	at := rotation.Destination{Store: "a", Path: "ml/train"}
	store := s.Inventory.Stores["a"]
	seen, err := store.Look(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put(t.Context(), at, providers.Payload{Value: key}, rotation.Mark{Instance: "test", Ledger: "l", Account: "u1", Edition: 1, Key: "k1"}, seen); err != nil {
		t.Fatal(err)
	}
	var own int
	var before survey.Checks
	check := func(later time.Duration) survey.Checks {
		t.Helper()
		s.now = s.now.Add(later)
		c, err := survey.Checker{
			Inventory: s.Inventory, Config: s.Config, Before: before, Now: s.Now,
			Observer: inventory.Observer{Issuer: p, Stores: s.Inventory.Stores, Now: s.Now},
			OwnUse:   func(context.Context, rotation.Ref, time.Time) error { own++; return nil },
		}.Check(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Save(t.Context(), s.ledger); err != nil {
			t.Fatal(err)
		}
		if before, err = survey.LastChecks(t.Context(), s.ledger); err != nil {
			t.Fatal(err)
		}
		return before
	}
	const ref = rotation.Ref("ml/ci-training")
	well := func(when string, c survey.Checks) {
		t.Helper()
		a := c.Accounts[ref]
		if len(c.Platform["ml"]) != 1 || a.Attributed != finding.Yes || a.Access["ml/secret"] != finding.AccessNone || c.Admins[0].Works != finding.Yes {
			t.Errorf("%s: %+v", when, c)
		}
	}
	well("at first", check(0))
	p.down = true
	well("down", check(6*time.Hour))
	if v := s.make(0); !v.Listed["ml"] || len(v.Platform) == 0 {
		t.Error("the listing of before is forgotten")
	}
	p.down = false
	well("back", check(6*time.Hour))
	if p.asked != 1 || own != 1 {
		t.Errorf("asked %d times within a week what the account may do, and noted %d uses of its key", p.asked, own)
	}
	well("a week later", check(7*24*time.Hour))
	if p.asked != 2 || own != 2 {
		t.Errorf("asked %d times, noted %d uses", p.asked, own)
	}
}
