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
		Use:   "adopt ACCOUNT (--key-file FILE | --from STORE:PATH#FIELD | --take STORE:PATH#FIELD)",
		Short: "Take on an existing key of an account, or an existing secret, by name",
		Long: `Takes on what exists and is not keyrota's yet, since a person names it:

  --key-file FILE   a key of the account, read from a file or, with -, from
                    standard input; never from an argument. It is delivered to
                    the account's destinations.
  --from DEST       a key that already sits in a store. If DEST is one of the
                    account's destinations, that secret is taken over too.
  --take DEST       only the right to overwrite the secret at DEST, which is one
                    of the account's destinations and someone else's so far.`,
		Example: `  keyrota adopt ml/nightly-eval --key-file - < key.txt
  keyrota adopt ml/nightly-eval --from vault:secret/old/wandb#key`,
		Args:              oneAccount,
		ValidArgsFunction: a.account,
		RunE:              func(cmd *cobra.Command, names []string) error { return a.adopt(cmd.Context(), names[0], what) },
	}
	c.Flags().StringVar(&what.keyFile, "key-file", "", "file with the key; - for standard input")
	c.Flags().StringVar(&what.from, "from", "", "where the key sits, as STORE:PATH#FIELD")
	c.Flags().StringArrayVar(&what.take, "take", nil, "destination to take over, as STORE:PATH#FIELD; may be repeated")
	c.Flags().StringVar(&what.reason, "reason", "", "why, for the record")
	c.MarkFlagsMutuallyExclusive("key-file", "from")
	c.MarkFlagsOneRequired("key-file", "from", "take")
	return c
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
			return nil, fmt.Errorf("%q is not a place: write STORE:PATH#FIELD, like vault:secret/ci/wandb#WANDB_API_KEY", name)
		}
		if s.inventory.Stores[d.Store] == nil {
			return nil, fmt.Errorf("there is no store %q: name one that is under stores:", d.Store)
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
	in := a.stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			// The name is not repeated: someone may have pasted the key itself.
			if named := (*fs.PathError)(nil); errors.As(err, &named) {
				err = named.Err
			}
			return "", fmt.Errorf("reading the key: %w: --key-file takes the name of a file, or - for standard input, and never a key", err)
		}
		defer func() { _ = f.Close() }()
		in = f
	} else if terminal(a.stdin) {
		a.warn("paste the key, then end with Ctrl-D:")
	}
	text, err := io.ReadAll(io.LimitReader(in, longestKey+1))
	if err != nil {
		return "", fmt.Errorf("reading the key: %w", err)
	}
	value := providers.NewSecret(strings.TrimSpace(string(text)))
	if value.Empty() || len(text) > longestKey || strings.ContainsAny(value.Expose(), " \t\r\n") {
		return "", errors.New("reading the key: there must be exactly one key and nothing else")
	}
	r, _, err := s.ledger.Load(ctx, account.Ref())
	if err != nil {
		return "", err
	}
	account.Account.ID = r.Account
	seen, err := s.inventory.Issuer.Verify(ctx, account.Account, value)
	if err != nil {
		return "", fmt.Errorf("the key cannot be adopted: %w", err)
	}
	s.worker.Hand(account.Ref(), seen.Key, value)
	return seen.Key, nil
}
