package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/sync/attempt"
	"github.com/keyrota/keyrota/sync/inventory"
)

// below is one part of a store that is searched.
type below struct{ store, prefix string }

func (b below) String() string { return b.store + ":" + b.prefix }

func newDiscover(a *app) *cobra.Command {
	var one below
	var from []string
	c := &cobra.Command{
		Use:   "discover (--store NAME --prefix PATH | --from STORE:PREFIX...)",
		Short: "Find the keys that secrets hold, and propose a configuration",
		Long: `Reads the secrets whose path begins with PATH, asks W&B whose key each of them
is, and writes a configuration for the accounts that it found, to be read by a
person: each with manage: observe, and with comments on dead keys, keys of
people, and keys that several secrets share. The configuration that it runs with
needs instance, stores and wandb; accounts in it are left out of the proposal.

It changes nothing: no secret, no ledger, no account. What others can see of it:

  the store   each secret is read: its audit log has that, and AWS counts it as
              an access (LastAccessedDate), so that "last read" is only right
              the first time
  W&B         each key asked about is used once by this: the audit log has a
              user:read, and the key's last use is now

Values are held in memory and never printed; a key is named by its id and its
description. What is sent to W&B is only what may be a W&B key, at least 40
letters, digits, _ and -: what stands in a field or a line whose name has wandb
in it, or the one such value of a secret. Nothing else of a secret is sent.

Without --output, and with --output yaml, the proposal is printed; table and
json are what was found. Exit codes: 0 all was seen; 3 in part.`,
		Example: `  keyrota discover --store vault --prefix secret/ml/ >> keyrota.yaml
  keyrota discover --from vault:secret/ci/ --from aws-prod:ml/ --output table`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			places, err := parts(one, cmd.Flags().Changed("prefix"), from)
			if err != nil {
				return err
			}
			return a.discover(cmd.Context(), places)
		},
	}
	c.Flags().StringVar(&one.store, "store", "", "`NAME` of the store, as under stores:")
	c.Flags().StringVar(&one.prefix, "prefix", "", "`PATH` that secrets begin with, mount and all; \"\" for all")
	c.Flags().StringArrayVar(&from, "from", nil, "`STORE:PREFIX`, the same in one; may be repeated")
	return c
}

func parts(one below, prefixed bool, from []string) ([]below, error) {
	var all []below
	if one.store != "" || prefixed {
		if one.store == "" || !prefixed {
			return nil, errors.New("--store and --prefix belong together: write both")
		}
		all = append(all, one)
	}
	for _, text := range from {
		store, prefix, ok := strings.Cut(text, ":")
		if !ok || store == "" {
			return nil, fmt.Errorf("--from %q: write STORE:PREFIX, like vault:secret/ci/", text)
		}
		all = append(all, below{store, prefix})
	}
	if len(all) == 0 {
		return nil, errors.New("say where to look: --store NAME --prefix PATH, or --from STORE:PREFIX")
	}
	slices.SortFunc(all, func(a, b below) int { return strings.Compare(a.String(), b.String()) })
	return slices.Compact(all), nil
}

// searchable is a store that can be searched.
type searchable interface {
	providers.SecretStore
	providers.Lister
	providers.Reader
}

// discovery is one discover at work.
type discovery struct {
	app        *app
	config     *config.Config
	providers  inventory.Providers
	stores     map[string]searchable // of providers, those that are searched
	identifier providers.Identifier
	call       attempt.Caller
	progress   *progress
	hide       *strings.Replacer // takes the values that were found out of a text
}

func (a *app) discover(ctx context.Context, places []below) error {
	c, err := a.loadConfig()
	if err != nil {
		return err
	}
	p, warnings, err := a.openProviders(c)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		if w != withoutAdmin { // nothing here is done as one
			a.warn("warning: %s", w)
		}
	}
	d := &discovery{app: a, config: c, providers: p, stores: map[string]searchable{}, call: attempt.Default(), progress: newProgress(a, nil)}
	var ok bool
	if d.identifier, ok = p.Issuer.(providers.Identifier); !ok {
		return errors.New("the platform cannot say whose a key is")
	}
	for _, place := range places {
		if err := d.able(place.store); err != nil {
			return err
		}
	}
	seen := d.read(ctx, places)
	d.ask(ctx, &seen)
	d.marks(ctx, &seen)
	d.progress.end()
	if err := ctx.Err(); err != nil {
		return err
	}
	view := d.judge(seen)
	if err := a.printDiscovery(view); err != nil {
		return err
	}
	return view.verdict()
}

// able takes a store to be searched, or says why it cannot be.
func (d *discovery) able(name string) error {
	store, ok := d.providers.Stores[name]
	if !ok {
		return fmt.Errorf("there is no store %q: name one of those under stores", name)
	}
	if d.stores[name], ok = store.(searchable); !ok {
		return fmt.Errorf("the store %s cannot list and read its secrets", name)
	}
	return nil
}

// tell says how far things are: as a line that is taken back where there is a
// terminal.
func (d *discovery) tell(format string, args ...any) {
	if d.progress.live {
		d.progress.say(fmt.Sprintf(format, args...))
		return
	}
	d.app.warn(format, args...)
}

// verdict is the error that the command ends with.
func (v discoveryView) verdict() error {
	none := true
	for _, s := range v.Sources {
		none = none && s.Why != "" && s.Secrets == 0
	}
	var missing []string
	for _, s := range v.Sources {
		if s.Why != "" {
			missing = append(missing, s.Store+":"+s.Prefix+" was not listed completely: "+s.Why)
		}
	}
	if n := len(v.Unread); n > 0 {
		missing = append(missing, count(n, "secret")+" could not be read")
	}
	if n := len(v.Unknown); n > 0 {
		missing = append(missing, "of "+count(n, "value")+" it is not known whose key it is")
	}
	switch {
	case none:
		return errors.New(strings.Join(missing, "; "))
	case len(missing) > 0:
		return &exitError{exitPartly, fmt.Errorf("seen in part: %s", strings.Join(missing, "; "))}
	}
	return nil
}
