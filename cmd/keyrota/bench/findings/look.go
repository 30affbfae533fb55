package findings

import (
	"context"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/attempt"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/plan"
	"github.com/keyrota/keyrota/sync/survey"
	"github.com/keyrota/keyrota/sync/usage/gather"
)

// look does what the daemon does: it gathers evidence of use, checks what takes
// calls of its own, sweeps, and makes the survey.
func (e *estate) look(ctx context.Context) (survey.Survey, error) {
	call := attempt.Default()
	call.Pause, call.MaxPause = time.Millisecond, time.Second // nobody else is to be spared
	g := gather.Gatherer{
		Issuer: e.issuer, Stores: e.inv.Stores, Call: call, Ledger: e.ledger, Use: e.use, Now: e.now,
	}
	if _, err := g.Gather(ctx, e.inv.Accounts, e.records); err != nil {
		return survey.Survey{}, err
	}
	observer := inventory.Observer{Issuer: e.issuer, Stores: e.inv.Stores, Call: call, Now: e.now, ForPeople: true}
	checks, err := survey.Checker{
		Inventory: e.inv, Observer: observer, Config: e.config, Records: e.records, OwnUse: e.ledger.NoteOwn, Now: e.now,
	}.Check(ctx)
	if err != nil {
		return survey.Survey{}, err
	}
	if err := checks.Save(ctx, e.ledger); err != nil {
		return survey.Survey{}, err
	}
	seen := observer.Sweep(ctx, e.inv.Accounts, e.records)
	swept := make([]plan.Account, 0, len(e.inv.Accounts))
	for _, a := range e.inv.Accounts {
		swept = append(swept, plan.Account{Spec: a.For(e.records[a.Ref()]).Spec, Record: e.records[a.Ref()], Observed: seen[a.Ref()]})
	}
	entries, err := e.ledger.List(ctx)
	if err != nil {
		return survey.Survey{}, err
	}
	return survey.Surveyor{
		Config: e.config, Inventory: e.inv, Ledger: e.ledger, Now: e.now,
		Known: func(ctx context.Context) (survey.Known, error) { return survey.Ask(ctx, e.ledger, nil) },
	}.Make(ctx, swept, entries)
}

// events are what the ledger has of an account's first delivery.
func events(r rotation.Record) []rotation.Event {
	all := []rotation.Event{{Kind: rotation.EventOffered, Key: r.Offer.Key, Edition: r.Offer.Edition}}
	for _, d := range r.Dests {
		all = append(all, rotation.Event{Kind: rotation.EventDelivered, Key: r.Offer.Key, Edition: r.Offer.Edition, Destination: d})
	}
	return all
}
