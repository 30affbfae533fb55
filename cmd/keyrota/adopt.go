package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
)

// adoption is what a person wants taken on.
type adoption struct {
	keyFile string
	from    string
	take    []string
}

func newAdopt(a *app) *cobra.Command {
	var what adoption
	var k consent
	c := &cobra.Command{
		Use:   "adopt ACCOUNT (--key-file FILE | --from DEST | --take DEST)",
		Short: "Take on an existing key of an account, or a secret, by name",
		Long: `Takes on what exists and is not keyrota's yet, since a person names it:

  --key-file FILE   a key of the account, read from a file or, with -, from
                    standard input; never from an argument. It is delivered to
                    the account's destinations.
  --from DEST       a key that already sits in a store. If DEST is one of the
                    account's destinations, that secret is taken over too.
  --take DEST       only the right to overwrite the secret at DEST, which is one
                    of the account's destinations and someone else's so far.

DEST is STORE:PATH or STORE:PATH#FIELD, as under deliver: in the configuration.`,
		Example: `  keyrota adopt ml/nightly-eval --key-file -
  keyrota adopt ml/nightly-eval --key-file - --yes < key.txt
  keyrota adopt ml/nightly-eval --from vault:secret/old/wandb#key`,
		Args:              oneAccount,
		ValidArgsFunction: a.account,
		RunE: func(cmd *cobra.Command, names []string) error {
			if err := what.check(); err != nil {
				return err
			}
			return a.adopt(cmd.Context(), names[0], what, k)
		},
	}
	c.Flags().StringVar(&what.keyFile, "key-file", "", "`FILE` with the key; - for standard input")
	c.Flags().StringVar(&what.from, "from", "", "`DEST` where the key sits")
	c.Flags().StringArrayVar(&what.take, "take", nil, "`DEST` to take over; may be repeated")
	k.flags(c)
	return c
}

func (what adoption) check() error {
	switch {
	case what.keyFile == "" && what.from == "" && len(what.take) == 0:
		return errors.New("say what to adopt: --key-file for a key that you have, --from for one that sits in a store, or --take for a secret that may be overwritten: see keyrota adopt --help")
	case what.keyFile != "" && what.from != "":
		return errors.New("--key-file and --from both name a key: write one of them")
	}
	return nil
}

func (a *app) adopt(ctx context.Context, name string, what adoption, k consent) error {
	s, err := a.open(ctx, a.ledgerFor(k))
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	accounts, err := s.rotated(ctx, []string{name})
	if err != nil {
		return err
	}
	account := accounts[0]
	w := a.newWish(account, rotation.RequestAdopt, k)
	if w.take, err = taken(s, account, what); err != nil {
		return err
	}
	var value providers.Secret
	agreed := change{}
	to := "is taken on as the key of " + string(account.Ref()) + " and delivered to " + places(destinations(account))
	switch {
	case what.from != "":
		w.request.From, _ = rotation.ParseDestination(what.from)
		agreed.does = "The key at " + what.from + " " + to + "."
	case what.keyFile != "":
		if w.request.Key, value, err = a.handedIn(ctx, s, account, what.keyFile); err != nil {
			return err
		}
		agreed.does = "Key " + string(w.request.Key) + " " + to + "."
	default:
		w.request.Kind = rotation.RequestRetry
	}
	if len(what.take) > 0 {
		agreed.word = string(account.Ref())
		agreed.does += "\nWhatever is there now is overwritten: " + strings.Join(what.take, ", ") + ". Who reads it gets the key of " + string(account.Ref()) + "."
	}
	agreed.does = strings.TrimSpace(agreed.does)
	if err := a.confirm(ctx, k, agreed); err != nil {
		return err
	}
	if what.keyFile == "" {
		return a.grant(ctx, s, w)
	}
	s.worker.Hand(account.Ref(), w.request.Key, value)
	if err := s.request(ctx, w); err != nil {
		return err
	}
	if engines, err := s.engines(ctx); err == nil && len(engines) > 0 {
		account.Policy.Schedule = nil // what is due then is the daemon's
	}
	return a.work(ctx, s, []inventory.Account{account}) // only this process has the key
}

func destinations(account inventory.Account) []rotation.Destination {
	return account.Destinations(rotation.Record{})
}

// taken returns the destinations that may be taken over.
func taken(s *system, account inventory.Account, what adoption) ([]rotation.Destination, error) {
	var take []rotation.Destination
	names := what.take
	if what.from != "" {
		names = append(slices.Clone(names), what.from)
	}
	for _, name := range names {
		d, ok := rotation.ParseDestination(name)
		if !ok {
			return nil, fmt.Errorf("%q is not a place: write STORE:PATH or STORE:PATH#FIELD, like vault:secret/ci/wandb#WANDB_API_KEY", name)
		}
		if s.inventory.Stores[d.Store] == nil {
			return nil, fmt.Errorf("there is no store %q: name one of those under stores", d.Store)
		}
		wanted := slices.ContainsFunc(account.Wants, func(w rotation.Want) bool { return w.Destination == d })
		if wanted {
			take = append(take, d)
		} else if name != what.from {
			return nil, fmt.Errorf("%s is not a destination of %s: add it under deliver: first", d, account.Ref())
		}
	}
	return take, nil
}

// handedIn reads a key and asks the platform whether it is the account's.
func (a *app) handedIn(ctx context.Context, s *system, account inventory.Account, path string) (rotation.KeyID, providers.Secret, error) {
	value, err := a.readKey(ctx, path)
	if err != nil {
		return "", value, fmt.Errorf("reading the key: %w", err)
	}
	r, err := s.record(ctx, account.Ref())
	if err != nil {
		return "", value, err
	}
	account.Account.ID = r.Account
	var seen providers.Verified
	err = s.observer.Call.Read(ctx, inventory.IssuerService, "verify", func(ctx context.Context) (err error) {
		seen, err = s.inventory.Issuer.Verify(ctx, account.Account, value)
		return err
	})
	if err != nil {
		return "", value, fmt.Errorf("the key cannot be adopted: %w", err)
	}
	return seen.Key, value, nil
}
