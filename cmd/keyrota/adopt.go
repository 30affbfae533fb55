package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
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
	reason  string
}

func newAdopt(a *app) *cobra.Command {
	var what adoption
	c := &cobra.Command{
		Use:   "adopt ACCOUNT (--key-file FILE | --from DEST | --take DEST)",
		Short: "Take on an existing key of an account, or an existing secret, by name",
		Long: `Takes on what exists and is not keyrota's yet, since a person names it:

  --key-file FILE   a key of the account, read from a file or, with -, from
                    standard input; never from an argument. It is delivered to
                    the account's destinations.
  --from DEST       a key that already sits in a store. If DEST is one of the
                    account's destinations, that secret is taken over too.
  --take DEST       only the right to overwrite the secret at DEST, which is one
                    of the account's destinations and someone else's so far.

DEST is STORE:PATH or STORE:PATH#FIELD, as under deliver: in the configuration.`,
		Example: `  keyrota adopt ml/nightly-eval --key-file - < key.txt
  keyrota adopt ml/nightly-eval --from vault:secret/old/wandb#key`,
		Args:              oneAccount,
		ValidArgsFunction: a.account,
		RunE: func(cmd *cobra.Command, names []string) error {
			if err := what.check(); err != nil {
				return err
			}
			return a.adopt(cmd.Context(), names[0], what)
		},
	}
	c.Flags().StringVar(&what.keyFile, "key-file", "", "`FILE` with the key; - for standard input")
	c.Flags().StringVar(&what.from, "from", "", "`DEST` where the key sits")
	c.Flags().StringArrayVar(&what.take, "take", nil, "`DEST` to take over; may be repeated")
	c.Flags().StringVar(&what.reason, "reason", "", "`TEXT` for the record")
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

func (a *app) adopt(ctx context.Context, name string, what adoption) error {
	s, err := a.open(ctx, ledgerWrite)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	account, err := s.inventory.Find(name)
	if err != nil {
		return err
	}
	if err := writable(account); err != nil {
		return err
	}
	q := rotation.Request{Kind: rotation.RequestAdopt, At: a.now(), By: actor(), Reason: what.reason}
	take, err := taken(s, account, what)
	if err != nil {
		return err
	}
	switch {
	case what.from != "":
		q.From, _ = rotation.ParseDestination(what.from)
	case what.keyFile != "":
		if q.Key, err = a.handIn(ctx, s, account, what.keyFile); err != nil {
			return err
		}
	default:
		q.Kind = rotation.RequestRetry
	}
	if err := s.request(ctx, account.Ref(), q, take); err != nil {
		return err
	}
	if what.keyFile != "" {
		if engines, err := s.engines(ctx); err == nil && len(engines) > 0 {
			account.Policy.Schedule = nil // what is due then is the daemon's
		}
		return a.work(ctx, s, []inventory.Account{account}) // only this process has the key
	}
	return a.carryOut(ctx, s, []inventory.Account{account})
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

// longestKey bounds what is read as a key, in bytes.
const longestKey = 4 << 10

// handIn reads a key, asks the platform whose it is, and gives it to the
// worker.
func (a *app) handIn(ctx context.Context, s *system, account inventory.Account, path string) (rotation.KeyID, error) {
	value, err := a.readKey(path)
	if err != nil {
		return "", fmt.Errorf("reading the key: %w", err)
	}
	r, _, err := s.ledger.Load(ctx, account.Ref())
	if err != nil {
		return "", err
	}
	account.Account.ID = r.Account
	var seen providers.Verified
	err = s.observer.Call.Read(ctx, inventory.IssuerService, "verify", func(ctx context.Context) (err error) {
		seen, err = s.inventory.Issuer.Verify(ctx, account.Account, value)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("the key cannot be adopted: %w", err)
	}
	s.worker.Hand(account.Ref(), seen.Key, value)
	return seen.Key, nil
}

// readKey reads exactly one key from a file, or with - from standard input.
func (a *app) readKey(path string) (providers.Secret, error) {
	in, name := a.stdin, "standard input"
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			// The name is not repeated: someone may have pasted the key itself.
			if named := (*fs.PathError)(nil); errors.As(err, &named) {
				err = named.Err
			}
			return providers.Secret{}, fmt.Errorf("%w: --key-file takes the name of a file, or - for standard input, and never a key", err)
		}
		defer func() { _ = f.Close() }()
		in, name = f, path
	} else if terminal(a.stdin) {
		a.warn("paste the key, then end with Ctrl-D:")
	}
	text, err := io.ReadAll(io.LimitReader(in, longestKey+1))
	if err != nil {
		return providers.Secret{}, err
	}
	value := providers.NewSecret(strings.TrimSpace(string(text)))
	switch {
	case value.Empty():
		return providers.Secret{}, fmt.Errorf("there is nothing in %s: write the key, and nothing else, into it", name)
	case len(text) > longestKey || strings.ContainsAny(value.Expose(), " \t\r\n"):
		return providers.Secret{}, fmt.Errorf("there is more than a key in %s: write one key, and nothing else, into it", name)
	}
	return value, nil
}
