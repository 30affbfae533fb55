package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/survey"
)

// surveyor puts together what people should know of a system. keep says that this
// process has what is new noted in the ledger, since when it holds.
func (a *app) surveyor(s *system, keep bool) survey.Surveyor {
	var sinks []string
	for _, sink := range s.config.Sinks {
		sinks = append(sinks, sink.Name)
	}
	return survey.Surveyor{
		Config: s.config, Inventory: s.inventory, Ledger: s.ledger, Keep: keep, Now: a.now,
		Known: func(ctx context.Context) (survey.Known, error) { return survey.Ask(ctx, s.ledger, sinks) },
	}
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
