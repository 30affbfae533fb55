package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
)

// chosen is which events history shows.
type chosen struct {
	ref   rotation.Ref // empty: of all accounts
	since time.Time    // zero: from the first
	kinds []string     // a kind or what it begins with; none: all
	last  int          // 0: all
}

func (a *app) chosen(ctx context.Context, c *config.Config, l *ledger.Ledger, names []string, f historyFlags) (chosen, error) {
	which := chosen{kinds: f.events, last: f.last}
	var err error
	if len(names) == 1 {
		if which.ref, err = recordedRef(ctx, c, l, names[0]); err != nil {
			return chosen{}, err
		}
	}
	if f.since != "" {
		which.since, err = whenIs("--since", f.since, a.now())
	}
	return which, err
}

// whenIs reads a time that a person writes behind a flag.
func whenIs(flag, s string, now time.Time) (time.Time, error) {
	if ago, err := config.ParseDuration(s); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	if day, err := time.ParseInLocation(time.DateOnly, s, time.Local); err == nil {
		return day, nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s %s: write how long ago, like 7d, a day like 2026-05-01, or a time like 2026-05-01T09:00:00Z", flag, s)
	}
	return at, nil
}

func (which chosen) has(e ledger.StoredEvent) bool {
	if e.Time.Before(which.since) {
		return false
	}
	return len(which.kinds) == 0 || which.hasKind(e.Event.Kind)
}

func (which chosen) hasKind(kind rotation.EventKind) bool {
	return slices.ContainsFunc(which.kinds, func(k string) bool {
		return string(kind) == k || strings.HasPrefix(string(kind), strings.TrimSuffix(strings.TrimSuffix(k, "*"), ".")+".")
	})
}

// eventsAtOnce bounds how many events are in memory that are not shown.
const eventsAtOnce = 1000

// each yields the chosen events after one and up to another.
func (which chosen) each(ctx context.Context, l *ledger.Ledger, after, upTo int64, yield func(ledger.StoredEvent) error) error {
	for after < upTo {
		events, err := l.Events(ctx, after, eventsAtOnce, which.ref)
		if err != nil {
			return err
		}
		for _, e := range events {
			if after = e.Seq; after > upTo || !which.has(e) {
				continue
			}
			if err := yield(e); err != nil {
				return err
			}
		}
		if len(events) < eventsAtOnce {
			return nil
		}
	}
	return nil
}

// upTo yields the chosen events up to one: the last of them, if so many were
// asked for.
func (which chosen) upTo(ctx context.Context, l *ledger.Ledger, upTo int64, yield func(ledger.StoredEvent) error) error {
	if which.last <= 0 {
		return which.each(ctx, l, 0, upTo, yield)
	}
	var last []ledger.StoredEvent
	err := which.each(ctx, l, 0, upTo, func(e ledger.StoredEvent) error {
		if last = append(last, e); len(last) > which.last {
			last = last[1:]
		}
		return nil
	})
	for _, e := range last {
		if err == nil {
			err = yield(e)
		}
	}
	return err
}

// tailEvery is how often the ledger is asked for what happened.
const tailEvery = time.Second

// tail prints events, and those that come after: a line each, or a JSON
// object each.
func (a *app) tail(ctx context.Context, l *ledger.Ledger, which chosen, events []ledger.StoredEvent, at int64) error {
	show := func(e ledger.StoredEvent) error {
		if a.output == "" || a.output == outputTable {
			_, err := fmt.Fprintln(a.stdout, strings.Join(which.historyRow(e), "  "))
			return err
		}
		text := json.NewEncoder(a.stdout)
		text.SetEscapeHTML(false)
		return text.Encode(viewOf(e))
	}
	for _, e := range events {
		if err := show(e); err != nil {
			return err
		}
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(tailEvery):
		}
		head, err := l.Head(ctx)
		if err == nil {
			err = which.each(ctx, l, at, head.Seq, show)
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		at = head.Seq
	}
}
