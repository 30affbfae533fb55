package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"
)

func newObserve(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "observe",
		Short: "See who uses what, once: for those without the daemon",
		Long: `Does once what the daemon does beside its passes: reads the runs of accounts,
the platform's audit log, and what stores know of reads, each from where it came
to last time; checks who is in which team, and what accounts may see; keeps the
JWTs of external accounts fresh; makes the reports that are due; and tells
people what is news. It creates, delivers and deletes no key.

Run it from a CronJob beside keyrota sync, every few hours. What it finds stands
in keyrota report.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.observe(cmd.Context()) },
	}
}

func (a *app) observe(ctx context.Context) error {
	s, err := a.open(ctx, ledgerWrite)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	n, err := a.notifier(s)
	if err != nil {
		return err
	}
	chores, err := a.chores(s, n)
	if err != nil {
		return err
	}
	var errs []error
	for i, c := range chores {
		if i == 0 { // who asks for it has it now
			c.Due = func(time.Time) time.Time { return a.now() }
		}
		_, err := c.DoIfDue(ctx, s.ledger, a.now())
		errs = append(errs, err)
	}
	errs = append(errs, a.tellNow(ctx, s, n))
	return errors.Join(errs...)
}
