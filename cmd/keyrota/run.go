package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/keyrota/keyrota/sync/daemon"
	"github.com/keyrota/keyrota/sync/ledger"
)

func newRun(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "run",
		Short: "Run the daemon: do on schedule what sync does once",
		Long: `Keeps every account at what the configuration says, until it is told to stop:
sweeps the platform and the stores, rotates what is due, heals what was changed,
and carries out what keyrota rotate, adopt, rollback, retire and retry request.
One daemon works on one ledger; all other commands work beside it.

SIGHUP loads the configuration again; one that cannot be used is refused, and
the old one stays in force. SIGTERM lets what was begun come to its end, for up
to a minute. Health and metrics are at the address under listen: in the
configuration: /healthz, /readyz and /metrics.

What happens is logged to standard error: as text on a terminal, as JSON
elsewhere.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := a.logger(cmd.Flags().Changed("log-json"))
			if err != nil {
				return err
			}
			hangups := make(chan os.Signal, 1)
			signal.Notify(hangups, syscall.SIGHUP)
			defer signal.Stop(hangups)
			d, closeLedger, err := a.daemon(cmd.Context(), daemon.Options{Logger: log})
			if err != nil {
				return unlessAsked(cmd.Context(), err)
			}
			go func() {
				for {
					select {
					case <-hangups:
						d.Reload()
					case <-cmd.Context().Done():
						return
					}
				}
			}()
			return errors.Join(unlessAsked(cmd.Context(), d.Run(cmd.Context())), closeLedger())
		},
	}
	c.Flags().StringVar(&a.logLevel, "log-level", "info", "least level that is logged: debug, info, warn or error")
	c.Flags().BoolVar(&a.logJSON, "log-json", false, "log JSON on a terminal too; --log-json=false logs text everywhere")
	return c
}

// unlessAsked returns err, unless it is that the daemon was asked to end: before
// it was up too, that is no failure.
func unlessAsked(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// daemon makes an engine of the configuration. Close the ledger after it ran.
func (a *app) daemon(ctx context.Context, o daemon.Options) (_ *daemon.Daemon, closeLedger func() error, err error) {
	logging := *a
	logging.stderr = warnings{o.Logger}
	a = &logging
	first, err := a.open(ctx, ledgerWrite)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, first.Close())
		}
	}()
	started := false
	o.Ledger, o.Listen, o.Now, o.Version = first.ledger, first.config.Listen, a.now, version()
	o.Load = func(ctx context.Context) (*daemon.State, error) {
		s := first
		if started {
			if s, err = a.reopen(ctx, first); err != nil {
				return nil, err
			}
		}
		started = true
		return &daemon.State{
			Inventory: s.inventory, Observer: s.observer, Worker: s.worker,
			SweepEvery: s.config.SweepEvery, Workers: s.config.Workers,
		}, nil
	}
	o.Notify, o.Watchdog = a.serviceManager()
	d, err := daemon.New(o)
	return d, first.Close, err
}

// reopen puts the configuration together as it is now, on the same ledger.
func (a *app) reopen(ctx context.Context, first *system) (*system, error) {
	c, err := a.loadConfig()
	if err != nil {
		return nil, err
	}
	for _, fixed := range []struct{ name, was, is string }{
		{"instance", first.config.Instance, c.Instance},
		{"ledger", ledger.NameOf(first.config.Ledger), ledger.NameOf(c.Ledger)},
		{"listen", first.config.Listen, c.Listen},
	} {
		if fixed.was != fixed.is {
			return nil, fmt.Errorf("%s: changed from %q to %q, which takes a restart: restart keyrota, or write the old value back", fixed.name, fixed.was, fixed.is)
		}
	}
	s := &system{config: c}
	if err := a.assemble(s, actor()); err != nil {
		return nil, err
	}
	return s, a.use(ctx, s, first.ledger)
}
