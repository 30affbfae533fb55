package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// store looks at what may be done in one store, without doing it.
func (e *examination) store(ctx context.Context, name string) checks {
	var found checks
	of, store := "store "+name, e.s.worker.Stores[name]
	ds := e.destinations(name)
	if len(ds) == 0 {
		found.add(checkUnknown, of, "log in and list", "nothing is delivered there, so there is nothing to ask for", "")
		return found
	}
	seen := 0
	err := e.s.observer.Call.Read(ctx, name, "observe", func(ctx context.Context) error {
		seen = 0
		return store.Observe(ctx, ds, func(rotation.Destination, rotation.Holding) error {
			seen++
			return nil
		})
	})
	if !found.judge(of, "log in and list", err, fmt.Sprintf("%d of %s can be seen", seen, count(len(ds), "destination"))) && seen == 0 {
		return found
	}
	if login, ok := store.(providers.LoginReporter); ok {
		ends, err := login.LoginEnds(ctx)
		switch {
		case err != nil:
			found.judge(of, "ask when the login ends", err, "")
		case !ends.IsZero():
			found.add(checkWarning, of, "ask when the login ends", "its token ends at "+ends.UTC().Format(time.RFC3339)+", and nothing renews it", "log in by a way that gives another one, or replace the token before")
		}
	}
	reporter, ok := store.(providers.RightsReporter)
	if !ok {
		found.add(checkUnknown, of, "write", "this type of store cannot tell without writing: the first delivery shows it", "")
		found.add(checkUnknown, of, "read back", "it cannot tell without reading a secret, which would count as a use of it: the first rotation shows it", "")
		return found
	}
	rights := map[rotation.Destination]providers.Rights{}
	err = e.s.observer.Call.Read(ctx, name, "rights", func(ctx context.Context) error {
		return reporter.Rights(ctx, ds, func(d rotation.Destination, r providers.Rights) error {
			rights[d] = r
			return nil
		})
	})
	if err != nil {
		found.judge(of, "ask for its rights", err, "")
	}
	e.lock.Lock()
	for d, r := range rights {
		e.rights[d] = r
	}
	e.lock.Unlock()
	right(&found, of, "write", checkFailed, ds, rights, func(r providers.Rights) providers.Right { return r.Write })
	right(&found, of, "read back", checkWarning, ds, rights, func(r providers.Rights) providers.Right { return r.Read })
	return found
}

// destinations are all of one store that the configuration or a record names.
func (e *examination) destinations(store string) []rotation.Destination {
	var all []rotation.Destination
	add := func(d rotation.Destination) {
		if d.Store == store && !slices.Contains(all, d) {
			all = append(all, d)
		}
	}
	for _, a := range e.s.inventory.Accounts {
		for _, w := range a.For(e.records[a.Ref()]).Wants {
			add(w.Destination)
		}
		if i := a.Config.Identity; i != nil {
			for _, d := range i.Keep {
				add(rotation.Destination{Store: d.Store, Path: d.Path, Field: d.Field})
			}
		}
	}
	return all
}

// mostNamed is how many destinations a check names.
const mostNamed = 3

// right adds what is known of one right.
func right(found *checks, of, check, denial string, ds []rotation.Destination, all map[rotation.Destination]providers.Rights, is func(providers.Rights) providers.Right) {
	var denied []string
	granted, needs := 0, ""
	for _, d := range ds {
		switch r := all[d]; is(r) {
		case providers.RightGranted:
			granted++
		case providers.RightDenied:
			denied = append(denied, d.String())
			if needs == "" {
				needs = r.Missing
			}
		default:
			if needs == "" {
				needs = r.Missing
			}
		}
	}
	switch {
	case len(denied) > 0:
		names := strings.Join(denied[:min(len(denied), mostNamed)], ", ")
		if n := len(denied) - mostNamed; n > 0 {
			names += fmt.Sprintf(" and %d more", n)
		}
		found.add(denial, of, check, "denied at "+names, needs)
	case granted == len(ds):
		found.add(checkOK, of, check, "allowed at "+count(len(ds), "destination"), "")
	case granted == 0:
		found.add(checkUnknown, of, check, "not known at "+count(len(ds), "destination"), needs)
	default:
		found.add(checkUnknown, of, check, fmt.Sprintf("allowed at %d of %s, not known of the others", granted, count(len(ds), "destination")), needs)
	}
}

// readable finds accounts whose key is known to be nowhere that it may be read
// back from: they cannot make their next key.
func (e *examination) readable() checks {
	var found checks
	for _, a := range e.s.inventory.Accounts {
		if a.Policy.Observe || len(a.Wants) == 0 {
			continue
		}
		possible := slices.ContainsFunc(a.Wants, func(w rotation.Want) bool {
			return w.Readable && e.rights[w.Destination].Read != providers.RightDenied
		})
		if !possible {
			found.add(checkFailed, "account "+string(a.Ref()), "read its key back", "none of its destinations may be read by keyrota, and an account makes its next key with its own live key", "grant reading at one of them")
		}
	}
	return found
}
