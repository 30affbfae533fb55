package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/rotation"
)

// demoOutcome is what came of a demo, and what is where at its end.
type demoOutcome struct {
	result demoResult
	rows   [][]string // account, destination, edition, key
	live   [][]string // account, its live keys
}

// examine asks the ledger, the sandbox and the files, after everything has
// stopped, and holds against each other what they say.
func (d *demo) examine(ctx context.Context) (demoOutcome, error) {
	if _, err := d.journal.read(ctx); err != nil {
		return demoOutcome{}, err
	}
	var o demoOutcome
	var problems []string
	problem := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	agreeing := 0
	for _, account := range d.stage.config.Accounts {
		r := d.journal.record(account)
		if !d.journal.steady(account) {
			problem("%s is not done: %s", account.Ref, r.Phase())
		}
		holding := 0
		for _, at := range account.Deliver {
			key, where := d.keyAt(at)
			if key == r.Offer.Key {
				holding++
			} else {
				problem("%s: %s", at, where)
			}
			o.rows = append(o.rows, []string{account.Ref, at.String(), strconv.FormatUint(uint64(r.Offer.Edition), 10), string(key)})
		}
		if holding == len(account.Deliver) {
			agreeing++
		}
		var live []string
		for _, k := range d.stage.sandbox.Keys(account.Name) {
			live = append(live, k.ID)
		}
		if len(live) != 1 || live[0] != string(r.Offer.Key) {
			problem("%s has the live keys %s, and should have %s alone", account.Ref, strings.Join(live, ", "), r.Offer.Key)
		}
		o.live = append(o.live, []string{account.Ref, strings.Join(live, ", ")})
	}
	reads, failures, first := d.readers.count()
	if first != nil {
		problem("%d of %d reads failed; the first: %v", failures, reads, first)
	}
	o.result = demoResult{
		Accounts:    agreeing,
		Provisioned: len(d.journal.provisioned()),
		Adopted:     len(d.journal.adopted()),
		Deliveries:  d.journal.count(rotation.EventDelivered),
		Rotations:   d.journal.count(rotation.EventOffered),
		Healed:      d.journal.count(rotation.EventHealed),
		Revoked:     d.journal.count(rotation.EventRevoked),
		Reads:       reads, Failures: failures,
		Seconds: math.Round(d.now().Sub(d.screen.begun).Seconds()*10) / 10, Dir: d.dir,
	}
	accounts := len(d.stage.config.Accounts)
	for _, c := range []struct {
		what      string
		is, least int
	}{
		{"accounts", o.result.Accounts, accounts},
		{"rotations", o.result.Rotations, accounts},
		{"old keys deleted", o.result.Revoked, accounts},
		{"hand edits healed", o.result.Healed, 1},
		{"readers", len(d.readers.running), len(o.rows)},
	} {
		if c.is < c.least {
			problem("%d %s, and there should be at least %d", c.is, c.what, c.least)
		}
	}
	o.result.Problems = problems
	return o, nil
}

// keyAt returns the id of the live key that a destination holds, or why there
// is none.
func (d *demo) keyAt(at config.Destination) (rotation.KeyID, string) {
	text, err := os.ReadFile(d.stage.secret(at))
	if err != nil {
		return "", err.Error()
	}
	value, err := keyIn(at, text)
	if err != nil {
		return "", err.Error()
	}
	id, live := d.stage.sandbox.KeyID(value.Expose())
	if !live {
		return "", "the key that it holds does not work"
	}
	return rotation.KeyID(id), "it holds the key " + id
}

// summary is the end of the story.
func (d *demo) summary(w io.Writer, o demoOutcome) {
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	say("")
	d.columns(w, []string{"ACCOUNT", "DESTINATION", "EDITION", "KEY"}, o.rows)
	say("")
	d.columns(w, []string{"ACCOUNT", "LIVE KEYS AT W&B"}, o.live)
	say("")
	r := o.result
	say("%s, %d deliveries, %s, %s healed, %s deleted", count(r.Accounts, "account"), r.Deliveries,
		count(r.Rotations, "rotation"), count(r.Healed, "hand edit"), count(r.Revoked, "old key"))
	say("%d reads, %d failures, in %.0f seconds", r.Reads, r.Failures, r.Seconds)
	for _, p := range r.Problems {
		say("not as promised: %s", p)
	}
	seed, file := d.stage.path(demoSandbox), d.stage.path(demoConfig)
	say("\nEverything is in %s. To play on:", d.dir)
	for _, args := range [][]string{
		{"sandbox", "--listen", d.stage.address, "--seed", seed, "--state", seed},
		{"run", "--config", file},
		{"status", "--config", file},
	} {
		say("  %s %s", programName(), commandLine(args...))
	}
}

// programName is how this program was called.
func programName() string {
	if self, err := os.Executable(); err == nil && strings.Contains(filepath.ToSlash(self), "/go-build") {
		return "go run ./cmd/keyrota"
	}
	return filepath.Base(os.Args[0])
}
