package main

import (
	"context"
	"fmt"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/awssm"
	"github.com/keyrota/keyrota/providers/azurekv"
	"github.com/keyrota/keyrota/providers/file"
	"github.com/keyrota/keyrota/providers/vault"
	"github.com/keyrota/keyrota/providers/wandb"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/export"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/ledger"
)

// storeType is one kind of secret store.
type storeType struct {
	block func() any // a new value of the provider's own configuration type
	// identity is the physical place of a path, by the configuration alone.
	identity func(block any, path string) string
	open     func(block any, r resolver) (providers.SecretStore, error)
}

// storeTypes are all secret stores that this program has.
func storeTypes() map[string]storeType {
	return map[string]storeType{
		"aws": store(awssm.Config.Identity, func(c awssm.Config, r resolver) (providers.SecretStore, error) {
			return awssm.New(c, awssm.Options{Paces: r.paces})
		}),
		"azure": store(azurekv.Config.Identity, func(c azurekv.Config, r resolver) (providers.SecretStore, error) {
			return azurekv.New(c, azurekv.Options{Paces: r.paces})
		}),
		"vault": store(vault.Config.Identity, func(c vault.Config, r resolver) (providers.SecretStore, error) {
			return vault.New(c, vault.Options{Resolve: r.resolve, Paces: r.paces})
		}),
		"file": store(file.Config.Identity, func(c file.Config, _ resolver) (providers.SecretStore, error) {
			return file.New(c)
		}),
	}
}

// store describes a provider whose block of the configuration is a C.
func store[C any](identity func(C, string) string, open func(C, resolver) (providers.SecretStore, error)) storeType {
	return storeType{
		block: func() any { return new(C) },
		identity: func(block any, path string) string {
			c, ok := block.(*C)
			if !ok {
				return ""
			}
			return identity(*c, path)
		},
		open: func(block any, r resolver) (providers.SecretStore, error) {
			c, ok := block.(*C)
			if !ok {
				return nil, fmt.Errorf("its block is a %T", block)
			}
			return open(*c, r)
		},
	}
}

// configTypes is what config needs to know of the stores.
func configTypes() map[string]config.StoreType {
	types := map[string]config.StoreType{}
	for name, t := range storeTypes() {
		types[name] = config.StoreType{New: t.block, Identity: t.identity}
	}
	return types
}

// configOptions are what this program's configuration is judged with.
func configOptions(env func(string) (string, bool)) config.Options {
	o := config.Options{Env: env, StoreTypes: configTypes(), FindingCodes: finding.Codes()}
	for _, kind := range export.Kinds() {
		o.EventKinds = append(o.EventKinds, string(kind))
	}
	return o
}

// openProviders makes the issuer and the stores that a configuration names. It
// makes no call.
func (a *app) openProviders(c *config.Config) (inventory.Providers, []string, error) {
	var warnings []string
	r := resolver{env: a.env, stores: map[string]providers.SecretStore{}, paces: a.paces}
	types := storeTypes()
	for name, s := range c.Stores {
		store, err := types[s.Type].open(s.Config, r)
		if err != nil {
			return inventory.Providers{}, nil, fmt.Errorf("%s: stores.%s: %w", s.Pos, name, err)
		}
		r.stores[name] = store
		if s.Base == "" { // else the store that it is derived from has said it
			warnings = append(warnings, warningsOf("stores."+name, store)...)
		}
	}
	source := func(ref config.Reference) wandb.KeySource {
		if ref.IsZero() {
			return nil
		}
		return func(ctx context.Context) (providers.Secret, error) { return r.resolve(ctx, ref.String()) }
	}
	teams := map[string]wandb.KeySource{}
	for name, t := range c.Teams {
		if !t.AdminKey.IsZero() {
			teams[name] = source(t.AdminKey)
		}
	}
	issuer, err := wandb.New(wandb.Config{
		URL: c.WandB.URL, Organization: c.WandB.Organization, UserAgent: c.WandB.UserAgent,
		AdminKey: source(c.WandB.AdminKey), TeamAdminKeys: teams,
	}, wandb.Options{Version: version(), Paces: r.paces})
	if err != nil {
		return inventory.Providers{}, nil, fmt.Errorf("%s: %w", c.File, err)
	}
	warnings = append(warnings, warningsOf("", issuer)...)
	if c.WandB.AdminKey.IsZero() && len(teams) == 0 {
		warnings = append(warnings, withoutAdmin)
	}
	return inventory.Providers{
		Issuer: issuer, Stores: r.stores,
		Abilities: func(account rotation.Account) inventory.Abilities {
			able := issuer.Abilities(account)
			return inventory.Abilities{Admin: able.Admin, Provision: able.Provision, FirstKey: able.FirstKey}
		},
	}, warnings, nil
}

// openLeft opens the stores of destinations that were written once under
// overrides which the configuration does not have any more: they are still
// looked at. One whose base is gone as well, or that cannot be opened, stays
// unknown; the latter is said.
func (a *app) openLeft(c *config.Config, stores map[string]providers.SecretStore, entries []ledger.Entry) {
	failed := map[string]bool{}
	for _, e := range entries {
		for _, d := range e.Record.Dests {
			if _, open := stores[d.Store]; open || failed[d.Store] {
				continue
			}
			s, ok := c.Derived(d.Store)
			if !ok {
				continue
			}
			store, err := storeTypes()[s.Type].open(s.Config, resolver{env: a.env, stores: stores, paces: a.paces})
			if err != nil {
				failed[d.Store] = true
				a.warn("warning: %s, where %s was delivered once, cannot be opened, so no key of that account is deleted: %s", d.Store, e.Ref, err)
				continue
			}
			stores[d.Store] = store
		}
	}
}

const withoutAdmin = "wandb.admin_key: there is none: accounts rotate by their own keys; none can be created, " +
	"the first key of each is adopted by hand, and a key that no destination holds can be neither seen nor deleted"

// warningsOf returns what a provider wants a person to know at every start.
func warningsOf(name string, provider any) []string {
	w, ok := provider.(interface{ Warnings() []string })
	if !ok {
		return nil
	}
	lines := w.Warnings()
	for i := range lines {
		if name != "" {
			lines[i] = name + ": " + lines[i]
		}
	}
	return lines
}
