package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/user"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/attempt"
	"github.com/keyrota/keyrota/sync/execute"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/ledger"
)

// loadConfig finds and checks the configuration. Its warnings are for validate
// and run to show.
func (a *app) loadConfig() (*config.Config, error) {
	path, err := a.findConfig()
	if err != nil {
		return nil, err
	}
	c, problems, err := config.Load(path, configOptions(a.env))
	if err != nil {
		return nil, err
	}
	if errs := problems.Errors(); len(errs) > 0 {
		return nil, fmt.Errorf("the configuration cannot be used:\n%s", errs)
	}
	return c, nil
}

func (a *app) findConfig() (string, error) {
	dir, _ := os.UserConfigDir()
	return config.Find(a.configPath, dir)
}

// warn tells a person something on standard error.
func (a *app) warn(format string, args ...any) {
	printLines(a.stderr, fmt.Sprintf(format, args...), widthOf(a.stderr))
}

// system is a configuration with all its parts opened.
type system struct {
	config    *config.Config
	inventory *inventory.Inventory
	ledger    *ledger.Ledger // nil where there is none yet and nothing may be written
	observer  inventory.Observer
	worker    *execute.Worker
	warnings  []string                      // of the providers
	former    map[rotation.Ref]rotation.Ref // where the records of accounts still are that moved
	freezes   []ledger.Freeze               // on record and not over, when it was opened
	warn      func(format string, args ...any)
}

type ledgerMode uint8

const (
	ledgerRead  ledgerMode = iota // an absent ledger stays absent
	ledgerWrite                   // made if absent
)

// open puts a configuration's parts together. Close the result.
func (a *app) open(ctx context.Context, mode ledgerMode) (*system, error) {
	c, err := a.loadConfig()
	if err != nil {
		return nil, err
	}
	who := actor()
	s := &system{config: c, warn: a.warn}
	if err := a.assemble(s, who); err != nil {
		return nil, err // before a ledger is made
	}
	l, err := a.openLedger(ctx, c, who, mode)
	if err != nil {
		return nil, err
	}
	if l != nil {
		if err := a.use(ctx, s, l, mode, false); err != nil {
			return nil, errors.Join(err, l.Close())
		}
	}
	if mode == ledgerWrite { // validate shows them too; who only looks knows by then
		for _, w := range s.warnings {
			a.warn("warning: %s", w)
		}
	}
	return s, nil
}

// openLedger opens a configuration's ledger: nil where there is none and none is
// to be made.
func (a *app) openLedger(ctx context.Context, c *config.Config, who string, mode ledgerMode) (*ledger.Ledger, error) {
	options := ledger.Options{Instance: c.Instance, By: who, Now: a.now, Config: c.Digest}
	if mode == ledgerRead {
		return openIfThere(ctx, c.Ledger, options)
	}
	l, err := ledger.Open(ctx, c.Ledger, options)
	if err == nil && l.Copied() != "" {
		a.warn("the ledger's schema was brought up to date; a copy from before is at %s", l.Copied())
	}
	return l, err
}

// assemble makes everything but the ledger.
func (a *app) assemble(s *system, who string) error {
	p, warnings, err := a.openProviders(s.config)
	if err != nil {
		return err
	}
	s.warnings = warnings
	if s.inventory, err = inventory.Build(s.config, p, ""); err != nil {
		return fmt.Errorf("the configuration cannot be used:\n%w", err)
	}
	call := attempt.Default()
	s.observer = inventory.Observer{Issuer: p.Issuer, Stores: p.Stores, Call: call, Now: a.now}
	s.worker = &execute.Worker{
		Issuer: p.Issuer, Stores: p.Stores, Call: call, Name: who,
		Now: a.now, Nonce: rand.Text, ValidWithin: newKeyValidWithin, Limit: s.config.RotationLimit(),
	}
	return nil
}

// use has everything worked on with a ledger. engine says that this process is
// the daemon, and runs.
func (a *app) use(ctx context.Context, s *system, l *ledger.Ledger, mode ledgerMode, engine bool) error {
	s.ledger, s.worker.Ledger, s.worker.Gate = l, l, l
	s.observer.LastUse, s.worker.LastUse, s.worker.Teams = a.lastUse(s), a.lastUse(s), s.teamsOf
	var err error
	if s.freezes, err = l.Freezes(ctx); err != nil {
		return err
	}
	for i, account := range s.inventory.Accounts {
		account.Ledger = l.ID()
		s.inventory.Accounts[i] = account.Frozen(s.freezes)
	}
	entries, err := l.List(ctx)
	if err != nil && entries == nil {
		return err
	}
	a.openLeft(s.config, s.worker.Stores, entries) // a record that cannot be read fails its own pass
	return s.move(ctx, entries, mode, engine)
}

// newKeyValidWithin is how long a new key may take until it works.
const newKeyValidWithin = 3 * time.Minute

// Close closes the ledger.
func (s *system) Close() error {
	if s.ledger == nil {
		return nil
	}
	return s.ledger.Close()
}

// records returns what is on record, by account; empty without a ledger.
func (s *system) records(ctx context.Context) (map[rotation.Ref]rotation.Record, error) {
	records := map[rotation.Ref]rotation.Record{}
	if s.ledger == nil {
		return records, nil
	}
	entries, err := s.ledger.List(ctx)
	switch {
	case err != nil && entries == nil:
		return nil, err
	case err != nil: // its pass fails, the others are made
		s.warn("warning: %s", err)
	}
	for _, e := range entries {
		if ledger.Went(e.Record) {
			if _, err := s.inventory.Find(string(e.Ref)); err != nil {
				continue // it went on under a name that is there
			}
		}
		records[e.Ref] = e.Record
	}
	for to, from := range s.former {
		records[to] = records[from]
		delete(records, from)
	}
	return records, nil
}

// actor says who acts, for people: claimed, not proven.
func actor() string {
	name := fmt.Sprintf("user %d", os.Getuid()) // in a container, say, it has no name
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if sudo := os.Getenv("SUDO_USER"); sudo != "" && sudo != name {
		name = sudo + " as " + name
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s on %s", name, host)
}
