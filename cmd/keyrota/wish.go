package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/ledger"
)

// wish is what a person wants done for one account. It is put on record, and a
// running daemon carries it out; where none runs, the command does.
type wish struct {
	account inventory.Account
	request rotation.Request
	take    []rotation.Destination // secrets that may be taken over
	all     bool                   // of an emergency of every account
}

// newWish is a wish of whoever runs this program.
func (a *app) newWish(account inventory.Account, kind rotation.RequestKind, k consent) wish {
	return wish{account: account, request: rotation.Request{Kind: kind, At: a.now(), By: actor(), Reason: k.reason}}
}

// grant puts wishes on record and has them carried out.
func (a *app) grant(ctx context.Context, s *system, wishes ...wish) error {
	accounts := make([]inventory.Account, 0, len(wishes))
	for _, w := range wishes {
		if err := s.request(ctx, w); err != nil {
			return err
		}
		accounts = append(accounts, w.account)
	}
	return a.carryOut(ctx, s, accounts)
}

// displaces says that a wish takes the place of one that is not carried out yet:
// a record holds one.
func displaces(r rotation.Record, kind rotation.RequestKind) []string {
	q := r.Request
	if q.Kind == rotation.RequestNone || q.Kind == kind {
		return nil
	}
	return []string{fmt.Sprintf("  in place of what %s asked for and is not done yet: %s", q.By, q.Kind)}
}

// request puts a person's wish on record. An emergency that nobody has taken up
// yet is not overwritten by a lesser wish.
func (s *system) request(ctx context.Context, w wish) error {
	ref, q := w.account.Ref(), w.request
	return s.ledger.Update(ctx, ref, func(r rotation.Record) (rotation.Record, []rotation.Event, error) {
		if r.Request.Kind == rotation.RequestLeaked && q.Kind != rotation.RequestLeaked {
			return r, nil, fmt.Errorf("%s: what %s asked for, rotate --leaked, is not begun yet and goes first: see keyrota status %[1]s", ref, r.Request.By)
		}
		if ledger.Went(r) {
			return r, nil, fmt.Errorf("%s: %s; what is asked for under the old name would begin a second record: ask with the configuration that has the new name", ref, r.Parked)
		}
		r = r.Requesting(q)
		r.Adopt = append(r.Adopt, w.take...)
		words := string(q.Kind)
		if w.all {
			words = everyAccount
		}
		if len(w.take) > 0 {
			words += ", taking over " + places(w.take)
		}
		if q.Reason != "" {
			words += ": " + q.Reason
		}
		return r, []rotation.Event{{Kind: rotation.EventRequested, Key: q.Key, Words: words}}, nil
	})
}

// carryOut lets the running engine do what was requested, or does it here.
func (a *app) carryOut(ctx context.Context, s *system, accounts []inventory.Account) error {
	engines, err := s.engines(ctx)
	if err != nil {
		return err
	}
	if len(engines) > 0 {
		views := make([]passView, 0, len(accounts))
		for _, account := range accounts {
			r, err := s.record(ctx, account.Ref())
			if err != nil {
				return err
			}
			v := passView{
				Account: string(account.Ref()), Result: resultRequested,
				Why: fmt.Sprintf("the daemon (%s) carries it out: keyrota history %s", named(engines), account.Ref()),
			}
			if !r.Left.IsZero() {
				v.Why = carriedOutByNobody(engines)
			}
			views = append(views, v)
		}
		return a.printPasses(views)
	}
	return a.work(ctx, s, accounts)
}

// carriedOutByNobody is what becomes of a request for an account that is on
// record as having left the configuration.
func carriedOutByNobody(engines []ledger.Engine) string {
	return fmt.Sprintf("nobody carries it out: the daemon (%s) has a configuration without this account: "+
		"have it load its configuration again (SIGHUP), or stop it and run this again", named(engines))
}

// work makes one pass over each account, here, and prints what came of it.
func (a *app) work(ctx context.Context, s *system, accounts []inventory.Account) error {
	views, err := a.passes(ctx, s, accounts)
	a.exportNow(ctx, s)
	if err != nil {
		return err
	}
	return errors.Join(a.printPasses(views), verdict(views))
}

func (a *app) printPasses(views []passView) error {
	return a.print(struct {
		Accounts []passView `json:"accounts"`
	}{views}, func(w io.Writer) {
		rows := make([][]string, 0, len(views))
		for _, v := range views {
			rows = append(rows, []string{v.Account, string(v.Result), until(v.Why, v.Until)})
		}
		a.columns(w, []string{"ACCOUNT", "RESULT", "WHY"}, rows)
	})
}

// writable refuses what keyrota was told to leave alone.
func writable(account inventory.Account) error {
	switch {
	case account.Config.Scope == config.ScopeExternal:
		return fmt.Errorf("%s is an external account, which owns no key: nothing can be rotated or adopted", account.Ref())
	case account.Policy.Observe:
		return fmt.Errorf("%s is under manage: observe: write manage: rotate in the configuration first", account.Ref())
	}
	return nil
}

// rotated returns the accounts of these names, all of which may be changed.
func (s *system) rotated(ctx context.Context, names []string) ([]inventory.Account, error) {
	accounts, err := s.named(names)
	if err != nil {
		for _, name := range names {
			_, unwanted := s.inventory.Find(name)
			if r, unread := s.record(ctx, rotation.Ref(name)); unwanted != nil && unread == nil && r.Offer.Key != "" {
				err = fmt.Errorf("%s left the configuration, and its keys still work: put it back there, and run this again", name)
			}
		}
		return nil, err
	}
	for _, account := range accounts {
		if err := writable(account); err != nil {
			return nil, err
		}
	}
	return accounts, nil
}

// record returns what is on record of an account: nothing where there is no
// ledger yet.
func (s *system) record(ctx context.Context, ref rotation.Ref) (rotation.Record, error) {
	if s.ledger == nil {
		return rotation.Record{}, nil
	}
	r, _, err := s.ledger.Load(ctx, ref)
	return r, err
}

// places names the destinations of an account, for people.
func places[D fmt.Stringer](all []D) string {
	names := make([]string, 0, len(all))
	for _, d := range all {
		names = append(names, d.String())
	}
	if len(names) == 0 {
		return "no destination"
	}
	return strings.Join(names, ", ")
}

// emergent reports whether an emergency is under way, or about to be.
func emergent(r rotation.Record) bool {
	return r.Request.Kind == rotation.RequestLeaked || r.Emergency()
}
