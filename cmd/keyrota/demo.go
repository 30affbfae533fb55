package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

func newDemo(a *app) *cobra.Command {
	d := demo{app: a, pace: 2 * time.Second}
	c := &cobra.Command{
		Use:   "demo",
		Short: "Show the main job on a sandbox, with nothing else installed",
		Long: `Runs a sandbox in place of W&B, files in place of a secrets manager, and the
daemon, in one process and on this machine alone: accounts are provisioned and
adopted, keys delivered, rotated and deleted, and a hand edit is healed, while
readers log runs with whatever the files hold. It takes a quarter of a minute.
What it made stays in a directory to play on with.

Fails if any read fails, or if anything else does not come out as promised.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return d.run(cmd.Context()) },
	}
	c.Flags().StringVar(&d.dir, "dir", "", "directory to make everything in, empty or not there yet (default a new temporary one)")
	return c
}

// demo shows the main job. Its steps are those of perform, in order; what it
// prints and counts is what the ledger says.
type demo struct {
	*app
	dir       string
	pace      time.Duration // how long readers go on between the steps
	keyMarker string        // of the sandbox: for tests

	screen  *screen
	stage   *stage
	journal *journal
	readers *readers
}

// demoResult is the output of demo. What can be counted from events is.
type demoResult struct {
	Accounts    int      `json:"accounts"`    // whose destinations all hold their key
	Provisioned int      `json:"provisioned"` // accounts created
	Adopted     int      `json:"adopted"`     // accounts that others had created
	Deliveries  int      `json:"deliveries"`
	Rotations   int      `json:"rotations"` // keys created and offered
	Healed      int      `json:"healed"`
	Revoked     int      `json:"revoked"` // old keys deleted
	Reads       int      `json:"reads"`
	Failures    int      `json:"failures"` // reads that found no key that works
	Seconds     float64  `json:"seconds"`
	Dir         string   `json:"dir"`
	Problems    []string `json:"problems,omitempty"` // what did not come out as promised
}

func (d *demo) run(ctx context.Context) (err error) {
	d.screen = newScreen(d.app)
	if d.stage, err = openStage(ctx, d.app, d.dir, d.keyMarker); err != nil {
		return err
	}
	d.dir = d.stage.dir
	d.journal = &journal{ledger: d.stage.ledger}
	d.readers = newReaders(d.stage)
	err = d.perform(ctx)
	d.screen.clear()
	d.readers.stop()
	err = errors.Join(err, d.stage.stop())
	var outcome demoOutcome
	if err == nil {
		outcome, err = d.examine(ctx)
	}
	err = errors.Join(err, d.stage.close())
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted: what there is so far is in %s", d.dir)
	case err != nil:
		return fmt.Errorf("the demo stopped: %w\nwhat there is so far is in %s; the daemon's own words are in %s there", err, d.dir, demoLog)
	}
	return d.conclude(outcome)
}

// perform is the story.
func (d *demo) perform(ctx context.Context) error {
	accounts, byHand := d.stage.split()
	d.screen.heading("A sandbox in place of W&B, files in place of a secrets manager, and the daemon, all in this process:")
	d.screen.line("demo", "everything is in "+d.dir)
	d.screen.line("sandbox", "listening on "+d.stage.url+"; its admin's key is in "+demoAdminKey)
	d.stage.startDaemon(ctx)
	d.screen.line("daemon", "keyrota run")

	d.screen.heading("W&B knows none of the accounts. Those of a team are provisioned, and their first keys delivered:")
	if err := d.until(ctx, "the first deliveries", func() bool { return d.journal.agree(1, accounts...) }); err != nil {
		return err
	}
	d.screen.line("readers", "start: for each destination a job logs runs with what it finds there, ten times a second")
	if err := d.linger(ctx); err != nil {
		return err
	}
	for _, account := range byHand {
		if err := d.playAdmin(ctx, account); err != nil {
			return err
		}
	}
	if err := d.rotate(ctx, accounts); err != nil {
		return err
	}
	if err := d.edit(ctx, accounts); err != nil {
		return err
	}
	all := d.stage.config.Accounts
	d.screen.heading("Old keys are deleted once all destinations have been seen to hold the new one for the overlap, here " +
		config.FormatDuration(all[0].Overlap) + ":")
	if err := d.until(ctx, "the overlaps to end", func() bool { return d.journal.steady(all...) }); err != nil {
		return err
	}
	d.screen.line("readers", "go on with the new keys alone")
	return d.linger(ctx)
}

// playAdmin does what W&B has no public API for.
func (d *demo) playAdmin(ctx context.Context, account config.Account) error {
	parked := func() bool { return d.journal.record(account).Parked != "" }
	if err := d.until(ctx, "word of "+account.Ref, parked); err != nil {
		return err
	}
	d.screen.heading("The demo plays that admin, and someone who typed the key into a secret. A key of unknown age is replaced at once:")
	key, err := d.stage.clickKey(account)
	if err != nil {
		return err
	}
	d.screen.line("admin", fmt.Sprintf("creates %q and a key of it in W&B's pages", account.Name))
	at := account.Deliver[0]
	if err := d.stage.typeIn(at, key); err != nil {
		return err
	}
	d.screen.line("someone", "writes the key to "+at.String()+"; a reader starts")
	d.readers.start(ctx, account, at)
	if err := d.types(ctx, "someone", "adopt", "--yes", account.Ref, "--from", at.String()); err != nil {
		return err
	}
	if err := d.until(ctx, "the adopted key to be replaced", func() bool { return d.journal.agree(2, account) }); err != nil {
		return err
	}
	return d.linger(ctx)
}

// rotate asks for new keys.
func (d *demo) rotate(ctx context.Context, accounts []config.Account) error {
	d.screen.heading("Someone asks for new keys of the other accounts. The old ones go on working for now:")
	rotate := []string{"rotate", "--yes", "--reason", "the demo"}
	for _, account := range accounts {
		rotate = append(rotate, account.Ref)
	}
	if err := d.types(ctx, "someone", rotate...); err != nil {
		return err
	}
	return d.until(ctx, "the new keys", func() bool { return d.journal.agree(2, accounts...) })
}

// types runs a command line and shows it.
func (d *demo) types(ctx context.Context, who string, args ...string) error {
	d.screen.line(who, "types: keyrota "+commandLine(args...))
	return d.stage.command(ctx, args...)
}

// edit overwrites a secret as a person would, of an account that has another
// destination to heal it from.
func (d *demo) edit(ctx context.Context, accounts []config.Account) error {
	at := slices.IndexFunc(accounts, func(a config.Account) bool { return len(a.Deliver) > 1 })
	if at < 0 {
		return errors.New("no account has two destinations")
	}
	account := accounts[at]
	target := account.Deliver[len(account.Deliver)-1]
	d.screen.heading("A person overwrites a secret. Its reader waits, since what it would find now is not our doing:")
	defer d.readers.pause(target)()
	before := d.journal.deliveries(target)
	if err := d.stage.typeIn(target, providers.NewSecret("oops")); err != nil {
		return err
	}
	d.screen.line("someone", "writes text that is no key to "+target.String())
	healed := func() bool { return d.journal.deliveries(target) > before && d.journal.agree(2, account) }
	return d.until(ctx, "the edit to be healed", healed)
}

// patience is how long one step may take.
const patience = 30 * time.Second

// linger gives the readers time.
func (d *demo) linger(ctx context.Context) error {
	end := d.now().Add(d.pace)
	return d.until(ctx, "more reads", func() bool { return d.now().After(end) })
}

// until shows what happens until something has.
func (d *demo) until(ctx context.Context, what string, happened func() bool) error {
	const poll = 50 * time.Millisecond
	limit := d.now().Add(patience)
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		if err := d.follow(ctx); err != nil {
			return err
		}
		reads, failures, _ := d.readers.count()
		d.screen.progress(fmt.Sprintf("%d reads, %d failures; waiting for %s", reads, failures, what))
		if happened() {
			return nil
		}
		if d.now().After(limit) {
			return fmt.Errorf("waited %s in vain for %s", patience, what)
		}
		select {
		case <-tick.C:
		case <-d.stage.daemon.ended:
			return errors.New("the daemon ended by itself")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// follow tells what was saved since the last time. Where a key was delivered, a
// reader starts.
func (d *demo) follow(ctx context.Context) error {
	events, err := d.journal.read(ctx)
	if err != nil {
		return err
	}
	for _, e := range events {
		switch e.Event.Kind {
		case rotation.EventProvisioning, rotation.EventIssuing, rotation.EventDelivering, rotation.EventCondemned:
			continue // on record before it is done; told when it is
		case rotation.EventDelivered:
			d.startReader(ctx, e.Event.Destination)
		}
		d.screen.line(string(e.Ref), describe(e.Event))
	}
	return nil
}

func (d *demo) startReader(ctx context.Context, at rotation.Destination) {
	for _, account := range d.stage.config.Accounts {
		for _, to := range account.Deliver {
			if to.String() == at.String() {
				d.readers.start(ctx, account, to)
			}
		}
	}
}

// conclude says what is where and what to try.
func (d *demo) conclude(o demoOutcome) (err error) {
	if d.output == outputJSON {
		var text []byte
		if text, err = json.Marshal(o.result); err == nil {
			_, err = fmt.Fprintln(d.stdout, string(text)) // one line: the last
		}
	} else {
		err = d.print(o.result, func(w io.Writer) { d.summary(w, o) })
	}
	if n := len(o.result.Problems); err == nil && n > 0 {
		err = fmt.Errorf("not as promised: %s", strings.Join(o.result.Problems, "; "))
	}
	return err
}
