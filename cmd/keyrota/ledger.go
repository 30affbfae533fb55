package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/keyrota/keyrota/sync/ledger"
)

func newLedger(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "ledger",
		Short: "Copy the ledger to elsewhere, or make a lost one again",
		Long: `The ledger holds what keyrota did and intends, never a key. It is the file, or
the PostgreSQL database, under ledger: in the configuration.

A copy of it is kept before keyrota changes its schema: beside the file, or as
tables of the database. From one kind to the other it moves by export and
import, with the daemon stopped in between.`,
		Args: cobra.ArbitraryArgs,
		RunE: command,

		SuggestionsMinimumDistance: 2,
	}
	c.AddCommand(newLedgerExport(a), newLedgerImport(a), newLedgerRecover(a))
	return c
}

func newLedgerExport(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "export [FILE|-]",
		Short: "Write the whole ledger as lines of JSON; it holds no secret",
		Long: `Writes all records, all events with their chain, freezes and what else is on
record, as of one moment, to FILE, which must not be there yet, or to standard
output. It may run beside the daemon. An export whose chain does not hold is
not finished, and the command fails.

The head that it ends in is printed: noted elsewhere, it proves later that
nothing up to it was changed.`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) <= 1 {
				return nil
			}
			return fmt.Errorf("name one file, or none for standard output: see %s --help", c.CommandPath())
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.exportLedger(cmd.Context(), argument(args)) },
	}
}

// argument returns the only argument, - where there is none.
func argument(args []string) string {
	if len(args) == 0 {
		return "-"
	}
	return args[0]
}

// ledgerView is a ledger in the output of export and import.
type ledgerView struct {
	Ledger   string `json:"ledger"`
	File     string `json:"file,omitempty"` // of the export; absent for standard output and input
	ID       string `json:"id"`
	Instance string `json:"instance"`
	HeadSeq  int64  `json:"head_seq"`
	HeadHash string `json:"head_hash"`
}

func viewLedger(l *ledger.Ledger, file string, head ledger.Head) ledgerView {
	v := ledgerView{Ledger: l.Name(), ID: l.ID(), Instance: l.Instance(), HeadSeq: head.Seq, HeadHash: head.Hash.String()}
	if file != "-" {
		v.File = file
	}
	return v
}

func (a *app) exportLedger(ctx context.Context, file string) (err error) {
	_, l, err := a.ledgerAlone(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }()
	if file == "-" {
		head, err := l.Export(ctx, a.stdout)
		if err == nil {
			a.warn("exported up to event %d; head %[1]d:%s", head.Seq, head.Hash)
		}
		return err
	}
	f, err := newFile(file, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	if err != nil {
		return fmt.Errorf("exporting the ledger: %w: name a file that can be written, or - for standard output", err)
	}
	head, err := l.Export(ctx, f)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(file)) // a part of one is worse than none
	}
	return a.print(viewLedger(l, file, head), func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "Exported %s to %s, up to event %d\nHead %[3]d:%s\n", l.Name(), file, head.Seq, head.Hash)
	})
}

func newLedgerImport(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE|-",
		Short: "Make a ledger of an export, where there is none",
		Long: `Makes the ledger that the configuration names of what keyrota ledger export
wrote, whole or not at all; only where there is none yet, and only if the chain
of its events holds. It goes on as the ledger that was exported, under the same
id. So it is also the way from a file to PostgreSQL, or back:

  1. stop the daemon
  2. keyrota ledger export ledger.jsonl
  3. write the new place under ledger: in the configuration
  4. keyrota ledger import ledger.jsonl
  5. move the old ledger away, so that nothing goes on with it; start the daemon`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				return nil
			}
			return fmt.Errorf("name the file that keyrota ledger export wrote, or - for standard input: see %s --help", c.CommandPath())
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.importLedger(cmd.Context(), args[0]) },
	}
}

func (a *app) importLedger(ctx context.Context, file string) error {
	c, err := a.loadConfig()
	if err != nil {
		return err
	}
	in := a.stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return fmt.Errorf("importing a ledger: %w: name the file that keyrota ledger export wrote, or - for standard input", err)
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	o := ledger.Options{Instance: c.Instance, By: actor(), Now: a.now}
	head, err := ledger.Import(ctx, c.Ledger, in, o)
	if err != nil {
		return err
	}
	l, err := ledger.OpenReadOnly(ctx, c.Ledger, o)
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }()
	return a.print(viewLedger(l, file, head), func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "Imported into %s, up to event %d\nHead %[2]d:%s\nMove the ledger that was exported away: nothing may go on with it.\n",
			l.Name(), head.Seq, head.Hash)
	})
}
