package findings

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/file"
	"github.com/keyrota/keyrota/providers/pace"
	"github.com/keyrota/keyrota/providers/wandb"
	"github.com/keyrota/keyrota/providers/wandb/sandbox"
	"github.com/keyrota/keyrota/providers/wandb/sandbox/history"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/ledger"
)

// estate is a history's accounts as keyrota finds them: on a sandbox over HTTP,
// in a configuration, in a ledger, and with their keys in files.
type estate struct {
	*history.History
	issuer  *wandb.Issuer
	store   watched
	config  *config.Config
	ledger  *ledger.Ledger
	inv     *inventory.Inventory
	records map[rotation.Ref]rotation.Record
	truths  map[rotation.Ref]history.Truth
	use     config.Use
	clock   atomic.Int64
	stop    func()
}

const storeName = "file"

func newEstate(ctx context.Context, dir string, h *history.History, s sight) (e *estate, err error) {
	e = &estate{
		History: h, records: map[rotation.Ref]rotation.Record{}, truths: map[rotation.Ref]history.Truth{}, stop: func() {},
	}
	e.setClock(h.Now)
	defer func() {
		if err != nil {
			e.close()
		}
	}()
	e.store.read = map[rotation.Destination]time.Time{}
	if e.store.Store, err = file.New(file.Config{Path: filepath.Join(dir, "secrets")}); err != nil {
		return e, err
	}
	for _, t := range h.Truths {
		e.truths[rotation.Ref(t.Ref)] = t
	}
	seed := h.Seed
	seed.Settings.Deployment = s.deployment
	server, err := sandbox.New(seed, sandbox.Options{Now: e.now, KeyMarker: "CANARY"})
	if err != nil {
		return e, err
	}
	var handler http.Handler = server
	if s.dim != nil {
		handler = s.dim(server)
	}
	web := httptest.NewServer(handler)
	e.stop = web.Close
	admin := func(context.Context) (providers.Secret, error) { return providers.NewSecret(history.AdminKey), nil }
	e.issuer, err = wandb.New(wandb.Config{URL: web.URL, Organization: history.Organization, AdminKey: admin},
		wandb.Options{Paces: &pace.Paces{Unlimited: true}})
	if err != nil {
		return e, err
	}
	text := h.Config(history.Setting{
		URL: web.URL, AdminKey: "env:WANDB_ADMIN_KEY", Stores: "{" + storeName + ": {}}", Deliver: destinations, Bare: s.bare,
	})
	c, problems := config.Parse("keyrota.yaml", []byte(text), config.Options{})
	if err := problems.Err(); err != nil {
		return e, err
	}
	e.config = c
	e.ledger, err = ledger.Open(ctx, filepath.Join(dir, "ledger.db"), ledger.Options{Instance: c.Instance, By: "bench findings", Now: e.now})
	if err != nil {
		return e, err
	}
	e.inv, err = inventory.Build(c, inventory.Providers{
		Issuer: e.issuer, Stores: map[string]providers.SecretStore{storeName: e.store},
		Abilities: func(a rotation.Account) inventory.Abilities {
			return inventory.Abilities{Admin: e.issuer.Abilities(a).Admin}
		},
	}, e.ledger.ID())
	if err != nil {
		return e, err
	}
	first := slices.Clone(e.inv.Accounts)
	slices.SortFunc(first, func(a, b inventory.Account) int {
		return e.truths[a.Ref()].Delivered.Compare(e.truths[b.Ref()].Delivered)
	})
	for _, a := range first {
		if err := e.deliver(ctx, a); err != nil {
			return e, fmt.Errorf("%s: %w", a.Ref(), err)
		}
		if t := e.truths[a.Ref()]; s.reads || t.Kind == history.Copied {
			e.store.know(t, e.records[a.Ref()].Dests)
		}
	}
	if err := e.leave(ctx); err != nil {
		return e, err
	}
	e.setClock(h.Now)
	e.use, err = s.use(dir, h)
	return e, err
}

func (e *estate) now() time.Time { return time.Unix(0, e.clock.Load()).UTC() }

func (e *estate) setClock(t time.Time) { e.clock.Store(t.UnixNano()) }

func (e *estate) close() {
	e.stop()
	if e.ledger != nil {
		_ = e.ledger.Close()
	}
}

// leave puts the accounts on record that left the configuration.
func (e *estate) leave(ctx context.Context) error {
	for _, t := range e.Truths {
		if t.Kind != history.Left {
			continue
		}
		r := rotation.Record{
			Account: rotation.AccountID(t.ID), Seq: 1, Agreed: t.Issued, Left: e.Now.AddDate(0, 0, -20),
			Offer: rotation.Offer{Edition: 1, Key: rotation.KeyID(t.KeyID), Issued: t.Issued},
		}
		if _, err := e.ledger.Save(ctx, rotation.Ref(t.Ref), r, 0); err != nil {
			return err
		}
	}
	return nil
}

// destinations are two for the accounts that have a copy, and one for all others.
func destinations(t history.Truth) []string {
	path := storeName + ":" + t.Team + "/" + t.Name
	if t.Kind == history.Disagreeing || t.Kind == history.Copied {
		return []string{path, path + copyEnd}
	}
	return []string{path}
}

// deliver brings an account into the state that keyrota left it in.
func (e *estate) deliver(ctx context.Context, a inventory.Account) error {
	t := e.truths[a.Ref()]
	if t.Kind == history.Observed || t.Kind == history.Gone {
		return nil
	}
	const edition = 2
	id, key := rotation.AccountID(t.ID), rotation.KeyID(t.KeyID)
	r := rotation.Record{
		Account: id, Seq: edition, Offer: rotation.Offer{Edition: edition, Key: key, Issued: t.Issued}, Agreed: t.Issued,
	}
	switch t.Kind {
	case history.Parked:
		r.Parked = "the new key was refused three times: see why, and run keyrota retry"
	case history.Failing:
		r.Tries, r.NotBefore = 2, e.Now.Add(time.Hour)
	case history.Leaked:
		r.Leaked, r.Leak.At, r.Parked = edition-1, e.Now.Add(-48*time.Hour), "one key is not confirmed: run keyrota rotate --leaked again"
	case history.Tried:
		done := e.Now.Add(-history.SwitchedOff)
		r.Offer, r.Agreed = rotation.Offer{}, time.Time{}
		r.Off = rotation.Off{State: rotation.Quarantined, Warned: done.AddDate(0, 0, -8), Begun: done.AddDate(0, 0, -1), Done: done}
	}
	for i, want := range a.Wants {
		payload, err := a.Format(want.Destination).Render(providers.NewSecret(t.Key))
		if err != nil {
			return err
		}
		mark := rotation.Mark{Instance: a.Instance, Ledger: a.Ledger, Account: id, Edition: edition, Key: key, Shape: want.Shape}
		switch {
		case t.Kind == history.Disagreeing && i > 0:
			mark.Instance = "staging"
		case t.Kind == history.Dead:
			mark.Edition, mark.Key = edition-1, "a key that was deleted"
		}
		nothing := rotation.Holding{State: rotation.StateAbsent, Fresh: true}
		if _, err := e.store.Put(ctx, want.Destination, payload, mark, nothing); err != nil {
			return err
		}
		r.Dests = append(r.Dests, want.Destination)
	}
	e.records[a.Ref()] = r
	e.setClock(t.Delivered) // what happens then is on record since then
	_, err := e.ledger.Save(ctx, a.Ref(), r, 0, events(r)...)
	return err
}
