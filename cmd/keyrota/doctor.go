package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// doctorView is what doctor found: see OUTPUT.md.
type doctorView struct {
	Account string       `json:"account,omitempty"`
	Healthy bool         `json:"healthy"` // nothing failed
	Checks  []checkView  `json:"checks"`
	Servers []serverView `json:"servers,omitempty"` // what has to be let through
}

// checkView is one thing that was looked at.
type checkView struct {
	Of     string `json:"of"`     // the part, such as a store, or for an account the trouble
	Check  string `json:"check"`  // what was tried
	Result string `json:"result"` // ok, failed, warning or unknown
	Words  string `json:"words"`  // what was seen
	Hint   string `json:"hint,omitempty"`
}

// What a check can come to.
const (
	checkOK      = "ok"
	checkFailed  = "failed"
	checkWarning = "warning" // it works, and something is less than it could be
	checkUnknown = "unknown" // nobody can tell without doing it
)

func newDoctor(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor [ACCOUNT]",
		Short: "What is wrong with the installation, or with one account",
		Long: `Looks at everything that keyrota needs, and changes nothing: the ledger; names,
networks and certificates, with the hosts and ports that egress rules must let
through; at W&B its own roles, what it can list, and whether it may read the
audit log; at each store whether it may log in, list, write and read back, where
the store can tell without doing it; and the sign-in of external accounts.

With ACCOUNT, looks at W&B from that account's own point of view, with the live
key read back from its destinations, for what W&B's documentation names:
unauthorized, runs that do not appear, attribution that does not work, access
denied to a restricted project. It says what it tried, what it saw and what to
change. The key is used to ask, and is never printed; that keyrota used it today
is noted in the ledger, so that it does not count as the account's own use.

Exit codes: 0 nothing failed, also where something cannot be told; 1 otherwise.`,
		Example: `  keyrota doctor
  keyrota doctor ml-platform/nightly-eval --output json`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) <= 1 {
				return nil
			}
			return fmt.Errorf("name one account, or none for the installation: see %s --help", c.CommandPath())
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.doctor(cmd.Context())
			}
			return a.doctorOf(cmd.Context(), args[0])
		},
	}
}

// examination is one doctor at work.
type examination struct {
	app     *app
	s       *system
	records map[rotation.Ref]rotation.Record

	lock   sync.Mutex
	rights map[rotation.Destination]providers.Rights // as far as stores told
}

// checks are what a part of an examination found.
type checks []checkView

func (c *checks) add(result, of, check, words, hint string) {
	*c = append(*c, checkView{of, check, result, words, hint})
}

// judge adds what came of a call: fine is what is said of one that worked.
func (c *checks) judge(of, check string, err error, fine string) bool {
	if err == nil {
		c.add(checkOK, of, check, fine, "")
		return true
	}
	words, hint := err.Error(), ""
	var e *providers.Error
	if errors.As(err, &e) && e.Hint != "" {
		words, hint = strings.ReplaceAll(words, " ("+e.Hint+")", ""), e.Hint
	}
	c.add(checkFailed, of, check, words, hint)
	return false
}

// doctor examines the installation.
func (a *app) doctor(ctx context.Context) error {
	e, ledgerChecks, err := a.examine(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = e.s.Close() }()
	var servers []serverView
	parts := []func(context.Context) checks{
		func(context.Context) checks { return ledgerChecks },
		func(ctx context.Context) (found checks) {
			found, servers = e.network(ctx)
			return found
		},
		e.credentials, e.platform,
	}
	for _, name := range e.storeNames() {
		parts = append(parts, func(ctx context.Context) checks { return e.store(ctx, name) })
	}
	parts = append(parts, e.federations)
	found := make([]checks, len(parts))
	var g errgroup.Group
	g.SetLimit(readsAtOnce)
	for i, part := range parts {
		g.Go(func() (err error) {
			defer providers.Guard(&err)
			found[i] = part(ctx)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	v := doctorView{Servers: servers}
	for _, c := range append(found, e.readable()) {
		v.Checks = append(v.Checks, c...)
	}
	return a.diagnose(v)
}

// examine opens what there is to look at. That there is something wrong with the
// ledger is a finding like any other.
func (a *app) examine(ctx context.Context) (*examination, checks, error) {
	c, err := a.loadConfig()
	if err != nil {
		return nil, nil, err
	}
	s := &system{config: c, warn: a.warn}
	if err := a.assemble(s, actor()); err != nil {
		return nil, nil, err
	}
	e := &examination{app: a, s: s, rights: map[rotation.Destination]providers.Rights{}}
	var found checks
	const of = "ledger"
	l, err := a.openLedger(ctx, c, actor(), ledgerRead)
	switch {
	case err != nil:
		found.judge(of, "open", err, "")
	case l == nil:
		found.add(checkOK, of, "open", "there is none yet: the first keyrota sync or keyrota run makes it", "")
	default:
		if found.judge(of, "open", a.use(ctx, s, l, ledgerRead, false), "it can be read: "+l.Name()) {
			engines, err := s.engines(ctx)
			if err == nil && len(engines) > 0 {
				found.add(checkOK, of, "daemon", "runs: "+named(engines), "")
			} else {
				found.judge(of, "daemon", err, "none runs on this ledger")
			}
		}
	}
	if e.records, err = s.records(ctx); err != nil {
		found.judge(of, "read what is on record", err, "")
	}
	for _, w := range s.warnings {
		found.add(checkWarning, "configuration", "judge", w, "")
	}
	return e, found, nil
}

// storeNames are all stores, those derived for destinations among them.
func (e *examination) storeNames() []string {
	var names []string
	for name := range e.s.worker.Stores {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// diagnose prints what was found. What failed is the command's failure.
func (a *app) diagnose(v doctorView) error {
	counts := map[string]int{}
	for _, c := range v.Checks {
		counts[c.Result]++
	}
	v.Healthy = counts[checkFailed] == 0
	err := a.print(v, func(w io.Writer) {
		rows := make([][]string, 0, len(v.Checks))
		for _, c := range v.Checks {
			words := local(c.Words)
			if c.Hint != "" {
				words += ". To change: " + c.Hint
			}
			rows = append(rows, []string{shownResult(c.Result), c.Of, c.Check, words})
		}
		a.columns(w, []string{"RESULT", "OF", "TRIED", "SEEN"}, rows)
		if len(v.Servers) > 0 {
			rows = rows[:0]
			for _, s := range v.Servers {
				rows = append(rows, []string{s.Host, fmt.Sprint(s.Port), shownResult(s.Result), strings.Join(s.For, ", ")})
			}
			_, _ = fmt.Fprintln(w, "\nServers that keyrota calls, for egress rules:")
			a.columns(w, []string{"HOST", "PORT", "REACHED", "FOR"}, rows)
		}
		_, _ = fmt.Fprintln(w)
		if v.Healthy && counts[checkWarning]+counts[checkUnknown] == 0 {
			_, _ = fmt.Fprintln(w, "Nothing is wrong.")
			return
		}
		_, _ = fmt.Fprintf(w, "%s, %s, %d unknown.\n", countOf(counts[checkFailed], "check failed", "checks failed"), count(counts[checkWarning], "warning"), counts[checkUnknown])
	})
	if err == nil && !v.Healthy {
		return &exitError{code: exitFailed}
	}
	return err
}

func countOf(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// shownResult makes what failed stand out.
func shownResult(result string) string {
	if result == checkFailed {
		return "FAILED"
	}
	return result
}
