package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/survey"
	"github.com/keyrota/keyrota/sync/usage"
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

// lastUse says when an account was last used, as far as that is known: whoever
// switches an account off must know.
func (a *app) lastUse(s *system) func(context.Context, rotation.Ref) (time.Time, bool, error) {
	return func(ctx context.Context, ref rotation.Ref) (time.Time, bool, error) {
		evidence, err := s.ledger.UsageOf(ctx, ref)
		if err != nil {
			return time.Time{}, false, err
		}
		account, err := s.inventory.Find(string(ref))
		if err != nil {
			return time.Time{}, false, nil
		}
		c := account.Config
		at, known := usage.LastUse(evidence, usage.Policy{UnusedAfter: c.UnusedAfter, Rhythm: c.Rhythm, Weave: c.Weave}, rotation.RecentUse, a.now())
		return at, known, nil
	}
}

// teamsOf returns the teams in which an account was used: a run there may hold its
// old key.
func (s *system) teamsOf(ctx context.Context, ref rotation.Ref) []string {
	evidence, err := s.ledger.UsageOf(ctx, ref)
	if err != nil {
		return nil // its own teams are asked all the same
	}
	teams := map[string]bool{}
	for _, trace := range evidence.Traces {
		for p := range trace.Projects {
			teams[p.Team] = true
		}
	}
	return slices.Sorted(maps.Keys(teams))
}
