// Package findings holds what keyrota finds against what is true: years of use of
// many accounts on a sandbox (package history), gathered over HTTP, judged, and
// counted as precision and recall of each finding. It is
//
//	go run ./cmd/keyrota/bench findings
package findings

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/keyrota/keyrota/providers/wandb/sandbox/history"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/survey"
	"github.com/keyrota/keyrota/sync/usage"
)

// Run is the command.
func Run(ctx context.Context, w io.Writer, args []string) error {
	flags := flag.NewFlagSet("bench findings", flag.ExitOnError)
	accounts := flags.Int("accounts", 500, "how many accounts there are")
	seed := flags.Uint64("seed", 1, "the number that everything follows from")
	if err := flags.Parse(args); err != nil {
		return err
	}
	// A day that stands still, so that the same numbers make the same table.
	h := history.Make(*seed, time.Date(2026, 8, 3, 12, 0, 0, 0, time.UTC), *accounts)
	return compare(ctx, w, h)
}

// compare prints what was found of a history, first with all that there is to
// see, then with less.
func compare(ctx context.Context, w io.Writer, h *history.History) error {
	write := func(format string, a ...any) { _, _ = fmt.Fprintf(w, format, a...) }
	write("%d accounts, %d years of use: %d runs, %d entries of the audit log\n", len(h.Truths), history.Years, len(h.Seed.Runs), len(h.Seed.AuditLog))
	for i, s := range sights() {
		found, err := find(ctx, h, s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		write("\n## %s\n\n", s.name)
		all := scores(h.Truths, found.Findings)
		if i > 0 {
			printScores(w, ofUse(all))
			continue
		}
		printScores(w, all)
		printMistakes(w, all)
		write("\n### What is judged of use\n\n")
		printVerdicts(w, found.verdicts())
	}
	return nil
}

// found is what came of one look.
type found struct {
	survey.Survey
	truths map[rotation.Ref]history.Truth
}

func find(ctx context.Context, h *history.History, s sight) (f found, err error) {
	dir, err := os.MkdirTemp("", "keyrota-findings-")
	if err != nil {
		return f, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	e, err := newEstate(ctx, dir, h, s)
	if err != nil {
		return f, err
	}
	defer e.close()
	f.truths = e.truths
	f.Survey, err = e.look(ctx)
	if err == nil && s.later > 0 {
		e.setClock(h.Now.Add(s.later))
		f.Survey, err = e.look(ctx)
	}
	return f, err
}

// verdicts are what is judged of the use of each account of the configuration.
func (f found) verdicts() verdicts {
	v := verdicts{}
	for _, a := range f.Accounts {
		j := usage.Judge(a.Evidence, usage.Policy{UnusedAfter: a.UnusedAfter, Rhythm: a.Rhythm, Weave: a.Weave}, f.Now)
		v.count(f.truths[a.Spec.Account.Ref], j.Verdict)
	}
	return v
}
