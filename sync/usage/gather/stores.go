package gather

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/usage"
)

// storesState is when each secret was last read.
type storesState struct {
	Secrets []lastRead `json:"secrets"`
}

type lastRead struct {
	Store  string    `json:"store"`
	Path   string    `json:"path"`
	Field  string    `json:"field,omitempty"`
	At     time.Time `json:"at,omitzero"`     // by anybody, as the store says; zero: never
	Others time.Time `json:"others,omitzero"` // by others than keyrota
	// Known: others read it last at Others, or never where that is zero.
	Known bool `json:"known,omitempty"`
}

func (s lastRead) of() rotation.Destination {
	return rotation.Destination{Store: s.Store, Path: s.Path, Field: s.Field}
}

const storesName = "usage/stores"

// LastReads returns when each secret was last read by others than keyrota, as far
// as its store knows; a zero time: never.
func LastReads(ctx context.Context, l Ledger) (map[rotation.Destination]time.Time, error) {
	body, err := l.State(ctx, storesName)
	if err != nil {
		return nil, err
	}
	var state storesState
	reads := map[rotation.Destination]time.Time{}
	if len(body) == 0 || json.Unmarshal(body, &state) != nil {
		return reads, nil
	}
	for _, s := range state.Secrets {
		if s.Known {
			reads[s.of()] = s.Others
		}
	}
	return reads, nil
}

// askStores asks those stores that know when a secret was last read.
func (l *look) askStores(ctx context.Context) error {
	var before storesState
	if err := resume(ctx, l, storesName, &before); err != nil {
		return err
	}
	known := map[rotation.Destination]lastRead{}
	for _, s := range before.Secrets {
		known[s.of()] = s
	}
	reads, precision := l.lastReads(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var state storesState
	shown := map[rotation.Ref]usage.Update{}
	for _, a := range l.accounts {
		ref := a.Ref()
		u := usage.Update{Coverage: usage.Coverage{From: usage.Beginning(), Until: l.now}}
		places := a.Destinations(l.records[ref])
		complete := len(places) > 0
		for _, d := range places {
			at, ok := reads[d]
			if !ok {
				complete = false
				if old, ok := known[d]; ok {
					state.Secrets = append(state.Secrets, old)
				}
				continue
			}
			s, err := l.judge(ctx, ref, known[d], d, at)
			if err != nil {
				return err
			}
			state.Secrets = append(state.Secrets, s)
			after := readUntil(at, precision[d.Store], l.now)
			if s.Known && s.Others.Equal(at) {
				if !at.IsZero() {
					u.Trace.Use(after, usage.Project{})
				}
				after = at // the read itself was seen
			}
			u.Coverage.From = latest(u.Coverage.From, after)
		}
		if !complete || !u.Coverage.Until.After(u.Coverage.From) {
			u.Coverage = usage.Coverage{}
		}
		if !u.Trace.Last.IsZero() || !u.Coverage.From.IsZero() {
			shown[ref] = u
		}
	}
	if len(state.Secrets) > 0 {
		l.looked(usage.Stores)
	}
	body, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("note when secrets were last read: %w", err)
	}
	return l.Ledger.SaveUsage(ctx, usage.Stores, shown, storesName, body)
}

// lastReads asks every store that knows, each for all its destinations.
func (l *look) lastReads(ctx context.Context) (map[rotation.Destination]time.Time, map[string]time.Duration) {
	wanted := map[string][]rotation.Destination{}
	for _, a := range l.accounts {
		for _, d := range a.Destinations(l.records[a.Ref()]) {
			wanted[d.Store] = append(wanted[d.Store], d)
		}
	}
	reads, precision := map[rotation.Destination]time.Time{}, map[string]time.Duration{}
	for name, places := range wanted {
		reporter, ok := l.Stores[name].(providers.AccessReporter)
		if !ok {
			continue
		}
		precision[name] = reporter.Precision()
		seen := map[rotation.Destination]time.Time{}
		err := l.long().Read(ctx, name, "last read", func(ctx context.Context) error {
			return reporter.LastRead(ctx, places, func(d rotation.Destination, at time.Time) error {
				seen[d] = at.UTC()
				return nil
			})
		})
		if err != nil {
			l.failed(usage.Stores, name, err)
			continue
		}
		maps.Copy(reads, seen)
	}
	return reads, precision
}

// readUntil is the latest moment of a read that a store tells of.
func readUntil(at time.Time, precision time.Duration, now time.Time) time.Time {
	if at.IsZero() {
		return at
	}
	if until := at.Add(precision - 1); until.Before(now) {
		return until
	}
	return now
}

// judge says whether others read a secret. On a day on which keyrota itself may
// have read it, that is not known; what was known before still is.
func (l *look) judge(ctx context.Context, ref rotation.Ref, old lastRead, d rotation.Destination, at time.Time) (lastRead, error) {
	s := lastRead{Store: d.Store, Path: d.Path, Field: d.Field, At: at, Others: old.Others, Known: old.Known}
	if old.of() == d && old.At.Equal(at) && !at.IsZero() {
		return s, nil
	}
	own, err := l.readItself(ctx, ref, usage.DayOf(at))
	if err != nil {
		return s, err
	}
	if at.IsZero() || !own {
		s.Others, s.Known = at, true
	}
	return s, nil
}

// readItself reports whether keyrota may have read a secret of an account on a
// day: it noted so, or did something else than wait.
func (l *look) readItself(ctx context.Context, ref rotation.Ref, day usage.Day) (bool, error) {
	days, err := l.ownDays(ctx, ref)
	if err != nil || days[day] {
		return days[day], err
	}
	events, err := l.Ledger.Events(ctx, 0, 0, ref)
	if err != nil {
		return false, err
	}
	for _, e := range events {
		kind := string(e.Event.Kind)
		if usage.DayOf(e.Time) == day && !strings.HasPrefix(kind, "freeze.") && !strings.HasPrefix(kind, "finding.") {
			return true, nil
		}
	}
	return false, nil
}
