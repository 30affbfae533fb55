package execute

import (
	"context"
	"fmt"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
)

// effect performs one effect. The error is the ledger's; whatever else goes
// wrong is in the outcome.
func (p *pass) effect(ctx context.Context, e rotation.Effect) (rotation.Outcome, error) {
	switch e.Kind {
	case rotation.LoadRecord:
		if err := p.load(ctx); err != nil {
			return rotation.Outcome{}, err
		}
		return rotation.Outcome{Result: rotation.OK}, nil
	case rotation.SaveRecord:
		return p.save(ctx, e.Record, e.Events)
	case rotation.TryPlace:
		v, at := p.try(ctx, e.Place)
		p.auth = v.Key
		return rotation.Outcome{Result: rotation.OK, Value: v, At: at, Words: v.Words}, nil
	case rotation.LookAt:
		h, err := p.observer().LookAt(ctx, e.Destination)
		out := p.outcome(err)
		out.Holding = h
		return out, nil
	case rotation.CreateKey:
		return p.createKey(ctx, e), nil
	case rotation.VerifyKey:
		return p.verifyNew(ctx), nil
	case rotation.PutKey:
		return p.put(ctx, e), nil
	case rotation.RemoveSecret:
		return p.removeSecret(ctx, e), nil
	case rotation.RevokeKey:
		return p.revoke(ctx, e), nil
	case rotation.CreateAccount:
		return p.createAccount(ctx), nil
	case rotation.RemoveAccount:
		return p.removeAccount(ctx), nil
	}
	return rotation.Outcome{}, fmt.Errorf("working on %s: unknown effect %d", p.a.Ref(), e.Kind)
}

// outcome tells from an error's kind what came of a call.
func (p *pass) outcome(err error) rotation.Outcome {
	if err == nil {
		return rotation.Outcome{Result: rotation.OK}
	}
	out := rotation.Outcome{Words: err.Error()}
	switch providers.KindOf(err) {
	case providers.Denied, providers.Invalid:
		out.Result = rotation.Denied
	case providers.Conflict:
		out.Result = rotation.Conflict
	case providers.Limited, providers.NotFound:
		out.Result = rotation.Refused
		if after := providers.RetryAfterOf(err); after > 0 {
			out.Until = p.w.Now().Add(after)
		}
	case providers.Transient:
		out.Result = rotation.Unknown
	}
	return out
}

// left returns how long it is until a deadline, by whichever clock says less:
// the monotonic one stands still while a machine is suspended, and the wall
// clock may be set back.
func left(deadline, now time.Time) time.Duration {
	return min(deadline.Sub(now), deadline.Round(0).Sub(now.Round(0)))
}

// createKey sends one request, and none after its deadline: from then on the
// key is looked for by its label, and taken for never made where it is absent.
func (p *pass) createKey(ctx context.Context, e rotation.Effect) rotation.Outcome {
	left := left(e.Deadline, p.w.Now())
	if left <= 0 {
		return rotation.Outcome{Result: rotation.Conflict, Words: "it was too late to create a key"}
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	var key rotation.Key
	var value providers.Secret
	err := p.w.Call.Once(ctx, inventory.IssuerService, "issue", func(ctx context.Context) (err error) {
		key, value, err = p.w.Issuer.Issue(ctx, p.a.Account, p.slots[p.auth], e.Label)
		return err
	})
	out := p.outcome(err)
	if out.Result == rotation.OK {
		p.fresh = value
		p.slots[key.ID] = value
		out.Key = key.ID
	}
	return out
}

// verifyNew waits for a new key to work: some platforms take a while.
func (p *pass) verifyNew(ctx context.Context) rotation.Outcome {
	until := p.w.Now().Add(p.w.ValidWithin)
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 10*time.Second) {
		v, at := p.verify(ctx, p.fresh)
		waits := v.Verdict == rotation.Dead || v.Verdict == rotation.Unreached
		if !waits || !p.w.Now().Before(until) {
			v.Place = rotation.Place{Kind: rotation.PlaceMemory}
			return rotation.Outcome{Result: rotation.OK, Value: v, At: at, Words: v.Words}
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-p.stopping:
			t.Stop()
			return rotation.Outcome{Words: "the program stops before the new key works"}
		}
	}
}

func (p *pass) put(ctx context.Context, e rotation.Effect) rotation.Outcome {
	d := e.Destination
	value, ok := p.slots[e.Key]
	store, stores := p.w.Stores[d.Store]
	f := p.a.Format(d)
	if !ok || !stores || f == nil {
		return rotation.Outcome{Result: rotation.Refused, Words: "the value is not at hand any more"}
	}
	payload, err := f.Render(value)
	if err != nil {
		return rotation.Outcome{Result: rotation.Denied, Words: err.Error()}
	}
	payload.NotBefore, payload.Expires = p.lifetime()
	if err := store.Check(d, payload); err != nil {
		return p.outcome(err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, left(e.Deadline, p.w.Now()), context.DeadlineExceeded)
	defer cancel()
	mark := rotation.Mark{
		Instance: p.a.Instance, Ledger: p.a.Ledger, Account: p.record.Account,
		Edition: e.Edition, Key: e.Key, Shape: f.Shape(),
	}
	var h rotation.Holding
	err = p.w.Call.Once(ctx, d.Store, "put", func(ctx context.Context) (err error) {
		h, err = store.Put(ctx, d, payload, mark, e.Seen)
		return err
	})
	out := p.outcome(err)
	out.Holding = h
	return out
}

// lifetime returns when the offered key was created, and when it is expected to
// be deleted: zero where that is not known.
func (p *pass) lifetime() (from, until time.Time) {
	from = p.record.Offer.Issued
	if due := p.a.Due(p.record); !from.IsZero() && !due.IsZero() {
		until = due.Add(p.a.Policy.Overlap)
	}
	return from, until
}

func (p *pass) revoke(ctx context.Context, e rotation.Effect) rotation.Outcome {
	auth := providers.Secret{}
	if !p.a.Admin {
		for _, v := range p.seen.Values {
			if v.Verdict == rotation.Live && v.Key != e.Key {
				auth = p.slots[v.Key]
			}
		}
		if auth.Empty() && p.auth != e.Key {
			auth = p.slots[p.auth]
		}
	}
	out := p.outcome(p.w.Call.Once(ctx, inventory.IssuerService, "revoke", func(ctx context.Context) error {
		return p.w.Issuer.Revoke(ctx, p.a.Account, auth, e.Key)
	}))
	if out.Result == rotation.OK && p.record.Off.Begun.IsZero() { // what is switched off keeps its secrets as they are
		p.disable(ctx, e.Key)
	}
	return out
}

// disable has the stores that keep old versions readable for good disable
// those of deleted keys. What fails is made up for at the next deletion.
func (p *pass) disable(ctx context.Context, deleted rotation.KeyID) {
	live := []rotation.KeyID{p.record.Offer.Key}
	for _, old := range p.record.Old {
		if old.Key != deleted {
			live = append(live, old.Key)
		}
	}
	for _, d := range p.a.Destinations(p.record) {
		if store, ok := p.w.Stores[d.Store].(providers.Disabler); ok {
			_ = p.w.Call.Read(ctx, d.Store, "disable", func(ctx context.Context) error {
				return store.Disable(ctx, d, live)
			})
		}
	}
}

func (p *pass) createAccount(ctx context.Context) rotation.Outcome {
	provisioner, ok := p.w.Issuer.(providers.Provisioner)
	if !ok {
		return rotation.Outcome{Result: rotation.Denied, Words: "this issuer cannot create accounts"}
	}
	var id rotation.AccountID
	err := p.w.Call.Once(ctx, inventory.IssuerService, "provision", func(ctx context.Context) (err error) {
		id, err = provisioner.Provision(ctx, p.a.Account)
		return err
	})
	out := p.outcome(err)
	out.Account = id
	return out
}

// removeAccount takes the account out of its team. It is known by its id: another
// by its name is another.
func (p *pass) removeAccount(ctx context.Context) rotation.Outcome {
	remover, ok := p.w.Issuer.(providers.AccountRemover)
	if !ok {
		return rotation.Outcome{Result: rotation.Denied, Words: "this issuer cannot remove accounts"}
	}
	a := p.a.Account
	a.ID = p.record.Account
	return p.outcome(p.w.Call.Once(ctx, inventory.IssuerService, "remove account", func(ctx context.Context) error {
		return remover.RemoveAccount(ctx, a)
	}))
}
