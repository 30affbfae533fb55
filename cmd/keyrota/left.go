package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/execute"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/ledger"
)

// enroll notes which accounts left the configuration and which came back, and
// says what a person should know of it.
func (a *app) enroll(ctx context.Context, s *system) error {
	found, err := execute.Enroll(ctx, s.ledger, s.inventory, a.now())
	if words := found.Warning(); words != "" {
		a.warn("warning: %s", words)
	}
	return err
}

// departed returns the accounts on record that are not in the configuration.
func departed(c *config.Config, records map[rotation.Ref]rotation.Record) []rotation.Ref {
	gone := maps.Clone(records)
	for _, account := range c.Accounts {
		delete(gone, rotation.Ref(account.Ref))
	}
	maps.DeleteFunc(gone, func(_ rotation.Ref, r rotation.Record) bool { return r.Blank() || ledger.Went(r) })
	return slices.Sorted(maps.Keys(gone))
}

// departedAccount is what is known of an account that left the configuration: nothing is
// wanted of it.
func (s *system) departedAccount(ref rotation.Ref) inventory.Account {
	account := rotation.Account{Ref: ref, Scope: rotation.ScopeTeam}
	if _, name, organization := strings.Cut(string(ref), "//"); organization {
		account.Scope, account.Name = rotation.ScopeOrganization, name
	} else {
		account.Team, account.Name, _ = strings.Cut(string(ref), "/")
	}
	p := rotation.DefaultPolicy()
	p.Observe, p.WriteDeadline = true, s.config.WriteDeadline
	spec := rotation.Spec{Account: account, Instance: s.config.Instance, Policy: p}
	if s.ledger != nil {
		spec.Ledger = s.ledger.ID()
	}
	return inventory.Account{Spec: spec}
}

// wantedOrFormer returns an account, whether the configuration has it or had it.
func (s *system) wantedOrFormer(ref rotation.Ref) (account inventory.Account, wanted bool) {
	i := slices.IndexFunc(s.inventory.Accounts, func(a inventory.Account) bool { return a.Ref() == ref })
	if i < 0 {
		return s.departedAccount(ref), false
	}
	return s.inventory.Accounts[i], true
}

// unseen refuses an account that left the configuration while a daemon runs
// that has not noticed yet: it would go on with it.
func (s *system) unseen(ctx context.Context, ref rotation.Ref, r rotation.Record) error {
	if _, wanted := s.wantedOrFormer(ref); wanted || !r.Left.IsZero() {
		return nil
	}
	engines, err := s.engines(ctx)
	if err == nil && len(engines) > 0 {
		err = fmt.Errorf("the daemon (%s) does not know yet that %s left the configuration: have it load it again (SIGHUP), or restart it", named(engines), ref)
	}
	return err
}

// namedOrLeft returns the accounts of these names, and all for none: those of the
// configuration, and those that left it.
func (s *system) namedOrLeft(names []string, records map[rotation.Ref]rotation.Record) (accounts []inventory.Account, gone []rotation.Ref, err error) {
	departed := departed(s.config, records)
	if len(names) == 0 {
		return s.inventory.Accounts, departed, nil
	}
	var wanted []string
	for _, name := range names {
		if ref := rotation.Ref(name); slices.Contains(departed, ref) {
			gone = append(gone, ref)
		} else {
			wanted = append(wanted, name)
		}
	}
	if len(wanted) > 0 {
		accounts, err = s.named(wanted)
	}
	return accounts, gone, err
}

// left shows accounts that are not in the configuration any more: since when,
// where their keys are, and what can be done.
func (a *app) left(ctx context.Context, s *system, records map[rotation.Ref]rotation.Record, gone []rotation.Ref, offline bool) []accountView {
	accounts := make([]inventory.Account, 0, len(gone))
	for _, ref := range gone {
		accounts = append(accounts, s.departedAccount(ref))
	}
	seen := map[rotation.Ref]rotation.Observed{}
	if !offline && len(accounts) > 0 {
		seen = s.observer.Sweep(ctx, accounts, records)
	}
	var views []accountView
	for i, ref := range gone {
		r := records[ref]
		emergency := ""
		if emergent(r) {
			emergency = "others may know keys of this account, and none is replaced or deleted before it is put back; "
		}
		v := accountView{
			Account: string(ref), Phase: string(r.Phase()), Key: string(r.Offer.Key), Edition: uint64(r.Offer.Edition),
			Issued: moment(r.Offer.Issued), Left: moment(r.Left), Overdue: true, Parked: r.Parked,
			Next: "left the configuration" + since(r.Left) + ": " + emergency + "its keys keep working and are not rotated. Put it back; or take it over by hand (keyrota forget " +
				string(ref) + "); or, once its keys are deleted at the platform, delete its secrets (keyrota prune " + string(ref) + ")",
		}
		for _, o := range r.Old {
			v.Old = append(v.Old, oldView{string(o.Key), uint64(o.Edition), o.Condemned})
		}
		v.destinations(r.Dests)
		if !offline {
			now := seen[ref].AsFresh()
			v.Agree = r.Offer.Key != ""
			for n, d := range r.Dests {
				h := now.Holding(d)
				standing := accounts[i].Standing(r, h, d)
				v.Agree = v.Agree && standing == rotation.StandsHolds
				v.Destinations[n] = destinationView{d.String(), standing.String(), whyStands(standing, h)}
			}
		}
		views = append(views, v)
	}
	return views
}

func since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return " on " + t.UTC().Format(time.RFC3339)
}

// deliversTo returns the account of the configuration that delivers to a place, or
// to something that contains it or is in it, under whatever name.
func deliversTo(c *config.Config, d rotation.Destination) (rotation.Ref, bool) {
	identity := func(store, path string) string {
		s, ok := c.Derived(store)
		if !ok {
			return store + ":" + path
		}
		return s.Identity(path)
	}
	at := identity(d.Store, d.Path)
	for _, account := range c.Accounts {
		for _, to := range account.Deliver {
			overlap := to.Field == d.Field || to.Field == "" || d.Field == ""
			if overlap && identity(to.Store, to.Path) == at {
				return rotation.Ref(account.Ref), true
			}
		}
	}
	return "", false
}

// lastRead returns when anybody last read a secret, where its store can tell.
func (s *system) lastRead(ctx context.Context, d rotation.Destination) time.Time {
	lister, ok := s.worker.Stores[d.Store].(providers.Lister)
	if !ok {
		return time.Time{}
	}
	var read time.Time
	_ = s.observer.Call.Once(ctx, d.Store, "list", func(ctx context.Context) error {
		return lister.List(ctx, d.Path, func(l providers.Listed) error {
			if l.Path == d.Path {
				read = l.LastRead
			}
			return nil
		})
	})
	return read
}

// whenRead says who is known to read a destination.
func whenRead(last time.Time) string {
	if last.IsZero() {
		return "when it was last read is not known"
	}
	return "last read on " + last.UTC().Format(time.DateOnly)
}

// onRecord completes the names of accounts that are on record, with those of the
// configuration.
func (a *app) onRecord(c *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	names, directive := a.accounts(c, args, begun)
	loaded, l, err := a.ledgerAlone(c.Context())
	if err != nil {
		return names, directive
	}
	defer func() { _ = l.Close() }()
	s := &system{config: loaded, inventory: &inventory.Inventory{}, ledger: l, warn: func(string, ...any) {}}
	records, err := s.records(c.Context())
	if err != nil {
		return names, directive
	}
	for _, ref := range departed(loaded, records) {
		names = append(names, cobra.CompletionWithDesc(string(ref), fmt.Sprintf("left the configuration%s", since(records[ref].Left))))
	}
	return names, directive
}
