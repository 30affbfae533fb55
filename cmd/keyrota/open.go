package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"
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
	dir, _ := os.UserConfigDir()
	path, err := config.Find(a.configPath, dir)
	if err != nil {
		return nil, err
	}
	c, problems, err := config.Load(path, config.Options{Env: a.env, StoreTypes: configTypes()})
	if err != nil {
		return nil, err
	}
	if errs := problems.Errors(); len(errs) > 0 {
		return nil, fmt.Errorf("the configuration cannot be used:\n%s", errs)
	}
	return c, nil
}

// warn tells a person something on standard error; each of its lines keeps its
// indentation where a terminal is too narrow for it.
func (a *app) warn(format string, args ...any) {
	for line := range strings.SplitSeq(fmt.Sprintf(format, args...), "\n") {
		text := strings.TrimLeft(line, " ")
		indent := line[:len(line)-len(text)]
		for _, part := range wrap(text, widthOf(a.stderr)-len(indent)) {
			_, _ = fmt.Fprintln(a.stderr, indent+part)
		}
	}
}

// system is a configuration with all its parts opened.
type system struct {
	config    *config.Config
	inventory *inventory.Inventory
	ledger    *ledger.Ledger // nil where there is none yet and nothing may be written
	observer  inventory.Observer
	worker    *execute.Worker
	freezes   []ledger.Freeze // on record and not over, when it was opened
	warnings  []string        // of the providers
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
	options := ledger.Options{Instance: c.Instance, By: who, Now: a.now}
	var l *ledger.Ledger
	if mode == ledgerWrite {
		l, err = ledger.Open(ctx, c.Ledger, options)
	} else {
		l, err = openIfThere(ctx, c.Ledger, options)
	}
	if err != nil {
		return nil, err
	}
	if l != nil {
		if l.Copied() != "" {
			a.warn("the ledger's schema was brought up to date; a copy from before is at %s", l.Copied())
		}
		if err := a.use(ctx, s, l); err != nil {
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
		Now: a.now, Nonce: rand.Text, ValidWithin: newKeyValidWithin,
	}
	return nil
}

// use has everything worked on with a ledger.
func (a *app) use(ctx context.Context, s *system, l *ledger.Ledger) error {
	s.ledger, s.worker.Ledger = l, l
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
	return nil
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

// engines returns the daemons that run on the ledger now.
func (s *system) engines(ctx context.Context) ([]ledger.Engine, error) {
	if s.ledger == nil {
		return nil, nil
	}
	return s.ledger.Engines(ctx)
}

// named names daemons for people.
func named(engines []ledger.Engine) string {
	names := make([]string, 0, len(engines))
	for _, e := range engines {
		names = append(names, e.Name)
	}
	return strings.Join(names, "; ")
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
		records[e.Ref] = e.Record
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
