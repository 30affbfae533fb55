package main

import (
	"context"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
)

// journal follows a ledger that others write.
type journal struct {
	ledger  *ledger.Ledger
	events  []ledger.StoredEvent
	records map[rotation.Ref]rotation.Record
}

// read takes in what was saved since the last call, and returns those events.
func (j *journal) read(ctx context.Context) ([]ledger.StoredEvent, error) {
	last := int64(0)
	if n := len(j.events); n > 0 {
		last = j.events[n-1].Seq
	}
	fresh, err := j.ledger.Events(ctx, last, 0, "")
	if err != nil {
		return nil, err
	}
	entries, err := j.ledger.List(ctx)
	if err != nil {
		return nil, err
	}
	j.events = append(j.events, fresh...)
	j.records = map[rotation.Ref]rotation.Record{}
	for _, e := range entries {
		j.records[e.Ref] = e.Record
	}
	return fresh, nil
}

// count returns how many events of a kind there were.
func (j *journal) count(kind rotation.EventKind) int {
	n := 0
	for _, e := range j.events {
		if e.Event.Kind == kind {
			n++
		}
	}
	return n
}

// provisioned returns the accounts that were created.
func (j *journal) provisioned() map[rotation.Ref]bool {
	accounts := map[rotation.Ref]bool{}
	for _, e := range j.events {
		if e.Event.Kind == rotation.EventProvisioned {
			accounts[e.Ref] = true
		}
	}
	return accounts
}

// adopted returns the accounts that others had created.
func (j *journal) adopted() map[rotation.Ref]bool {
	accounts, ours := map[rotation.Ref]bool{}, j.provisioned()
	for _, e := range j.events {
		if e.Event.Kind == rotation.EventAdopted && !ours[e.Ref] {
			accounts[e.Ref] = true
		}
	}
	return accounts
}

// deliveries returns how often a destination was written.
func (j *journal) deliveries(d config.Destination) int {
	n := 0
	for _, e := range j.events {
		if e.Event.Kind == rotation.EventDelivered && e.Event.Destination.String() == d.String() {
			n++
		}
	}
	return n
}

func (j *journal) record(account config.Account) rotation.Record {
	return j.records[rotation.Ref(account.Ref)]
}

// agree reports whether all destinations of the accounts hold edition e, or a
// later one.
func (j *journal) agree(e rotation.Edition, accounts ...config.Account) bool {
	for _, account := range accounts {
		if r := j.record(account); r.Agreed.IsZero() || r.Offer.Edition < e {
			return false
		}
	}
	return true
}

// steady reports whether the accounts have nothing under way.
func (j *journal) steady(accounts ...config.Account) bool {
	for _, account := range accounts {
		if j.record(account).Phase() != rotation.PhaseSteady {
			return false
		}
	}
	return true
}
