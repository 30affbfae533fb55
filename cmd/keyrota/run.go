package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/keyrota/keyrota/sync/daemon"
	"github.com/keyrota/keyrota/sync/ledger"
)

func newRun(a *app) *cobra.Command {
	var o daemon.Options
	c := &cobra.Command{
		Use:   "run",
		Short: "Run the daemon: do on schedule what sync does once",
		Long: `Keeps every account at what the configuration says, until it is told to stop:
sweeps the platform and the stores, rotates what is due, heals what was changed,
and carries out what keyrota rotate, adopt, rollback, retire and retry request.
One daemon works on a ledger in a file, any number on one in PostgreSQL, and
share the accounts; all other commands work beside them.

SIGHUP loads the configuration again, with the files that it includes; one that
cannot be used is refused, and the old one stays in force. SIGTERM lets what was
begun come to its end, for up to a minute. Health and metrics are at the address
under listen: in the configuration: /healthz, /readyz and /metrics.

What happens is logged to standard error: as text on a terminal, as JSON
elsewhere.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := a.logger(cmd.Flags().Changed("log-json"))
			if err != nil {
				return err
			}
			if o.Lease < time.Second {
				return fmt.Errorf("--takeover %s: write a second or longer", o.Lease)
			}
			o.Logger = log
			hangups := make(chan os.Signal, 1)
			signal.Notify(hangups, syscall.SIGHUP)
			defer signal.Stop(hangups)
			d, closeLedger, err := a.daemon(cmd.Context(), o)
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
	c.Flags().BoolVar(&a.logJSON, "log-json", false, "log JSON on a terminal too; with =false, text everywhere")
	c.Flags().DurationVar(&o.Lease, "takeover", time.Minute, "of several daemons on one ledger: how long the others wait for one of which nothing is heard, before they take its work over")
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
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	out, err := newExports(o.Logger, o.Registry)
	if err != nil {
		return nil, nil, err
	}
	hear, err := newPeople(o.Registry)
	if err != nil {
		return nil, nil, err
	}
	started := false
	o.Ledger, o.Listen, o.Now, o.Version = first.ledger, first.config.Listen, a.now, version()
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	o.Name = ledger.Holder{PID: os.Getpid(), Host: host}.String()
	o.Load = func(ctx context.Context) (*daemon.State, error) {
		s := first
		if started {
			if s, err = a.reopen(ctx, first); err != nil {
				return nil, err
			}
		}
		x, err := a.exporter(s)
		if err != nil {
			return nil, err
		}
		n, err := a.notifier(s)
		if err != nil {
			return nil, err
		}
		chores, err := a.chores(s, n)
		if err != nil {
			return nil, err
		}
		if err := out.use(ctx, x); err != nil {
			a.warn("warning: %s", err)
		}
		n.Log, n.Metrics = o.Logger, hear.messages
		hear.use(ctx, n.Run)
		started = true
		return &daemon.State{
			Inventory: s.inventory, Observer: s.observer, Worker: s.worker,
			SweepEvery: s.config.SweepEvery, Workers: s.config.Workers, Config: s.config.Digest,
			Chores: chores, Swept: a.swept(s, n, hear.findings),
		}, nil
	}
	o.Notify, o.Watchdog = a.serviceManager()
	d, err := daemon.New(o)
	return d, func() error { hear.stop(); return errors.Join(out.end(ctx), first.Close()) }, err
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
	s := &system{config: c, warn: a.warn}
	if err := a.assemble(s, actor()); err != nil {
		return nil, err
	}
	for _, w := range s.warnings {
		if !slices.Contains(first.warnings, w) {
			a.warn("warning: %s", w)
		}
	}
	return s, a.use(ctx, s, first.ledger.ForConfig(c.Digest), ledgerWrite, true)
}
