// Package inventory says what is wanted and what is observed. Build turns a
// configuration and the providers made from it into accounts with their
// rotation.Spec; Observer looks at the platform and the stores. It changes
// nothing anywhere.
package inventory

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/format"
)

// Inventory is everything that one configuration wants. It does not change and
// may be used from several goroutines.
type Inventory struct {
	Accounts []Account
	Issuer   providers.Issuer
	Stores   map[string]providers.SecretStore
}

// Account is one wanted account.
type Account struct {
	rotation.Spec
	Config *config.Account
	// Lanes are what a routine rotation of the account goes over: each store by
	// its settings, with a form that it is written in. After a change one account
	// proves its lanes before others follow.
	Lanes  []string
	lanes  []string         // of each of Wants without those of former
	forms  []*format.Format // of Wants, in their order
	former []former
	own    int // Wants without any of former
}

// former is the place that a destination was at before.
type former struct {
	want rotation.Want
	form *format.Format
}

// LanesWhere returns the lanes all of whose destinations meet a condition.
func (a Account) LanesWhere(meets func(rotation.Destination) bool) []string {
	return slices.DeleteFunc(slices.Clone(a.Lanes), func(lane string) bool {
		for i, l := range a.lanes {
			if l == lane && !meets(a.Wants[i].Destination) {
				return true
			}
		}
		return false
	})
}

// For returns the account as it is wanted with this record: a place that a
// destination was at before counts as wanted for as long as it is on record as
// once written, so that readers can move from one to the other.
func (a Account) For(r rotation.Record) Account {
	if len(a.former) == 0 {
		return a
	}
	a.Wants, a.forms = slices.Clip(a.Wants[:a.own]), slices.Clip(a.forms[:a.own])
	for _, f := range a.former {
		if slices.Contains(r.Dests, f.want.Destination) {
			a.Wants, a.forms = append(a.Wants, f.want), append(a.forms, f.form)
		}
	}
	return a
}

// Former reports whether d is a place that a destination was at before.
func (a Account) Former(d rotation.Destination) bool {
	return slices.ContainsFunc(a.former, func(f former) bool { return f.want.Destination == d })
}

// Format returns the form of a wanted destination, nil of any other.
func (a Account) Format(d rotation.Destination) *format.Format {
	for i, w := range a.Wants {
		if w.Destination == d {
			return a.forms[i]
		}
	}
	return nil
}

// Ref returns how the configuration and the ledger name the account.
func (a Account) Ref() rotation.Ref { return a.Account.Ref }

// Providers are what the configuration's blocks were made into.
type Providers struct {
	Issuer providers.Issuer
	// Abilities says what the issuer can do for an account with the admin
	// credentials it has.
	Abilities func(rotation.Account) Abilities
	Stores    map[string]providers.SecretStore
}

// Abilities are what an issuer can do for an account without a key of it.
type Abilities struct {
	Admin     bool // list its keys, and delete them
	Provision bool // create it
	FirstKey  bool // show its first key
}

// Refusal says that a destination cannot be delivered to as it is written.
type Refusal struct {
	Pos config.Position
	Ref rotation.Ref
	Err error
}

// Error returns the place, the account and the reason.
func (r *Refusal) Error() string { return fmt.Sprintf("%s: %s: %v", r.Pos, r.Ref, r.Err) }

// Unwrap returns the reason.
func (r *Refusal) Unwrap() error { return r.Err }

// Build returns the inventory of a configuration. The error joins a *Refusal
// for every destination that its store or its form refuses.
func Build(c *config.Config, p Providers, ledgerID string) (*Inventory, error) {
	inv := &Inventory{Issuer: p.Issuer, Stores: p.Stores, Accounts: make([]Account, 0, len(c.Accounts))}
	_, beats := p.Issuer.(providers.RunReporter)
	places := physical{}
	var faults []error
	for n := range c.Accounts {
		from := &c.Accounts[n]
		account := rotation.Account{
			Ref: rotation.Ref(from.Ref), Name: from.Name,
			Scope: rotation.Scope(from.Scope), Team: from.Team,
		}
		if from.Scope == config.ScopeOrganization {
			account.Team = from.DefaultTeam
		}
		able := p.Abilities(account)
		a := Account{
			Config: from,
			forms:  make([]*format.Format, 0, len(from.Deliver)),
			Spec: rotation.Spec{
				Wants:     make([]rotation.Want, 0, len(from.Deliver)),
				Account:   account,
				Instance:  c.Instance,
				Ledger:    ledgerID,
				Policy:    policy(c, *from),
				Admin:     able.Admin,
				Provision: able.Provision,
				Renamed:   from.Formerly != "",
				FirstKey:  able.FirstKey,
				Beats:     beats,
				State:     state(*from),
				Force:     from.Force, QuarantineWait: from.QuarantineWait,
			},
		}
		settle := func(d *config.Destination) (rotation.Want, *format.Format, bool) {
			dest := rotation.Destination{Store: d.Store, Path: d.Path, Field: d.Field}
			f, readable, err := Form(p.Stores, dest, d, from.Env)
			if err == nil {
				err = places.take(p.Stores[dest.Store].Identity(dest), d)
			}
			if err != nil {
				faults = append(faults, &Refusal{Pos: d.Pos, Ref: account.Ref, Err: err})
				return rotation.Want{}, nil, false
			}
			return rotation.Want{Destination: dest, Shape: f.Shape(), Readable: readable}, f, true
		}
		for i := range from.Deliver {
			if want, f, ok := settle(&from.Deliver[i]); ok {
				a.Wants, a.forms = append(a.Wants, want), append(a.forms, f)
				a.lanes = append(a.lanes, lane(c.Stores[from.Deliver[i].Store], &from.Deliver[i]))
			}
		}
		for i := range from.Former {
			if want, f, ok := settle(&from.Former[i]); ok {
				a.former = append(a.former, former{want, f})
				a.Before = append(a.Before, want.Destination)
			}
		}
		a.Lanes, a.own = slices.Compact(slices.Sorted(slices.Values(a.lanes))), len(a.Wants)
		inv.Accounts = append(inv.Accounts, a)
	}
	return inv, errors.Join(faults...)
}

// physical tells which configured destination took a secret, by its identity.
type physical map[string][]*config.Destination

// take refuses a secret, or a field of one, that is taken already, under
// whatever name.
func (p physical) take(identity string, d *config.Destination) error {
	for _, other := range p[identity] {
		if other.Field == d.Field || other.Field == "" || d.Field == "" {
			return fmt.Errorf("%s is the same secret as %s at %s: deliver to another one, or each to a field of its own", d, other, other.Pos)
		}
	}
	p[identity] = append(p[identity], d)
	return nil
}

// Form prepares one destination and lets its store judge a dummy payload. It
// says whether what is written there can be read back.
func Form(stores map[string]providers.SecretStore, dest rotation.Destination, d *config.Destination, env map[string]string) (*format.Format, bool, error) {
	store, ok := stores[dest.Store]
	if !ok {
		return nil, false, fmt.Errorf("there is no store %q: name one of those under stores", dest.Store)
	}
	describer, keeps := store.(providers.Describer)
	if !keeps {
		if d.OwnTags {
			return nil, false, fmt.Errorf("%s has tags, and its store keeps none: remove tags: here; those of defaults, teams and accounts are left out by themselves", d)
		}
		// What is not kept must not make a difference to the form.
		bare := *d
		bare.Tags, bare.Description = nil, ""
		if len(d.Tags) > 0 || d.Description != "" {
			d = &bare
		}
	}
	f, err := format.New(d, env)
	if err != nil {
		return nil, false, err
	}
	dummy, err := f.Dummy()
	if err != nil {
		return nil, false, err
	}
	if err := store.Check(dest, dummy); err != nil {
		return nil, false, err
	}
	if keeps {
		if err := describer.CheckTags(dest, dummy.Tags); err != nil {
			return nil, false, err
		}
	}
	_, reads := store.(providers.Reader)
	return f, reads && d.Readable(), nil
}

func state(a config.Account) rotation.AccountState {
	if a.State == "" {
		return rotation.Active
	}
	return rotation.AccountState(a.State)
}

func policy(c *config.Config, a config.Account) rotation.Policy {
	p := rotation.DefaultPolicy()
	p.Observe = a.Manage == config.Observe
	p.Schedule = a.Schedule
	p.Window = a.Window
	p.Freeze = a.Freezes
	p.Overlap = a.Overlap
	p.MaxOverlap = a.MaxOverlap
	p.Forever = a.LongestJob.Forever
	p.WriteDeadline = c.WriteDeadline
	p.RetryBase = min(p.RetryBase, max(c.WriteDeadline, time.Second))
	return p
}

// Find returns the account that a person named: by its ref, or by its name
// alone where only one account bears it.
func (inv *Inventory) Find(name string) (Account, error) {
	var found []Account
	for _, a := range inv.Accounts {
		if string(a.Ref()) == name {
			return a, nil
		}
		if a.Account.Name == name {
			found = append(found, a)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return Account{}, fmt.Errorf("there is no account %q in the configuration: keyrota status lists them", name)
	}
	return Account{}, fmt.Errorf("%d accounts are named %q: write team/name, like %s", len(found), name, found[0].Ref())
}
