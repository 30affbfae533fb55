package main

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/usage"
)

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
