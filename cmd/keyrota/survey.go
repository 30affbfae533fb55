package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/plan"
	"github.com/keyrota/keyrota/sync/survey"
)

// surveyor puts together what people should know of a system. keep says that this
// process has what is new noted in the ledger, since when it holds.
func (a *app) surveyor(s *system, keep bool) survey.Surveyor {
	return survey.Surveyor{
		Config: s.config, Inventory: s.inventory, Ledger: s.ledger, Keep: keep, Now: a.now,
		Known: func(ctx context.Context) (survey.Known, error) { return s.known(ctx) },
	}
}

// known asks the ledger for what it knows besides records and events.
func (s *system) known(ctx context.Context) (survey.Known, error) {
	evidence, err := s.ledger.Usage(ctx)
	if err != nil {
		return survey.Known{}, err
	}
	said, err := s.ledger.Acknowledgements(ctx)
	if err != nil {
		return survey.Known{}, err
	}
	known := survey.Known{Usage: evidence}
	for _, k := range said {
		known.Acknowledged = append(known.Acknowledged, finding.Acknowledgement{
			ID: k.ID, Code: finding.Code(k.Code), Account: k.Ref, Subject: k.Subject, From: k.From, Until: k.Until, Reason: k.Reason, By: k.By,
		})
	}
	for _, sink := range s.config.Sinks {
		part := finding.Part{Name: sink.Name}
		waiting, err := s.ledger.Messages(ctx, sink.Name, 1)
		if err != nil {
			return survey.Known{}, err
		}
		for _, m := range waiting {
			if m.Tries > 0 {
				part.FailingSince, part.Words = m.Queued, m.Words
			}
		}
		known.Sinks = append(known.Sinks, part)
	}
	return known, nil
}

// survey looks at everything now, for people, and changes nothing.
func (a *app) survey(ctx context.Context, s *system) (survey.Survey, error) {
	if s.ledger == nil {
		return survey.Survey{}, fmt.Errorf("there is no ledger yet at %s, so nothing is known: run keyrota sync or keyrota run first", ledger.NameOf(s.config.Ledger))
	}
	observer := s.observer
	observer.ForPeople = true
	records, err := s.records(ctx)
	if err != nil {
		return survey.Survey{}, err
	}
	swept := s.paired(s.inventory.Accounts, records, observer.Sweep(ctx, s.inventory.Accounts, records))
	if err := ctx.Err(); err != nil {
		return survey.Survey{}, err
	}
	return a.surveyor(s, false).Make(ctx, swept, entriesOf(records))
}

// entriesOf are records as a survey takes them.
func entriesOf(records map[rotation.Ref]rotation.Record) []ledger.Entry {
	entries := make([]ledger.Entry, 0, len(records))
	for _, ref := range slices.Sorted(maps.Keys(records)) {
		entries = append(entries, ledger.Entry{Ref: ref, Record: records[ref]})
	}
	return entries
}

var _ = inventory.Account{}
var _ = plan.Account{}
