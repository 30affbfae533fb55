package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/report"
	"github.com/keyrota/keyrota/sync/survey"
)

// reportFlags say what a report holds, and how it is written.
type reportFlags struct {
	parts  []string
	format string
	from   string
	until  string
	to     string
}

func newReport(a *app) *cobra.Command {
	var f reportFlags
	c := &cobra.Command{
		Use:   "report",
		Short: "A document: findings, unused accounts, the inventory, rotations",
		Long: `Writes a document for people, of all accounts:
  findings   what a person should act on, the most urgent first
  unused     accounts that nobody uses, and those of which it is not known
  inventory  which accounts there are, why, which systems use each, whom to
             contact; what is managed against all there are, and the exceptions
  rotations  for auditors: how keys were rotated over a period, and the head of
             the chain of events, with which history --verify proves later that
             nothing of it was changed

As HTML it is one file that loads nothing and runs nothing, for the screen and
for paper. As CSV each part is a file. No key is in it. What could not be looked
at is named, and what is said of use is as of the last time it was observed.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.report(cmd.Context(), f) },
	}
	flags := c.Flags()
	flags.StringSliceVar(&f.parts, "part", nil, "only this `PART`: "+names(report.Parts())+"; may be repeated")
	flags.StringVar(&f.from, "from", "90d", "the rotation record begins `WHEN`: 90d ago, a day like 2026-07-01, or a time like 2026-07-01T09:00:00Z")
	flags.StringVar(&f.until, "until", "", "and ends `WHEN`; without it, now")
	flags.StringVar(&f.to, "to", "", "write to `PATH`: a file, or a directory, in which files get names of their own")
	flags.StringVarP(&f.format, "output", "o", string(report.Markdown), "`FORMAT`: "+names(report.Formats()))
	_ = c.RegisterFlagCompletionFunc("part", cobra.FixedCompletions(completions(report.Parts()), cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(completions(report.Formats()), cobra.ShellCompDirectiveNoFileComp))
	return c
}

// names lists what there is to choose from.
func names[T ~string](all []T) string {
	texts := completions(all)
	return strings.Join(texts[:len(texts)-1], ", ") + " or " + texts[len(texts)-1]
}

func completions[T ~string](all []T) []cobra.Completion {
	var texts []cobra.Completion
	for _, s := range all {
		texts = append(texts, string(s))
	}
	return texts
}

// chosen reads what a person wrote.
func (f reportFlags) chosen(now time.Time) (format report.Format, parts []report.Part, from, until time.Time, err error) {
	if format = report.Format(f.format); !slices.Contains(report.Formats(), format) {
		return "", nil, from, until, fmt.Errorf("--output %s: write %s", f.format, names(report.Formats()))
	}
	for _, name := range f.parts {
		if !slices.Contains(report.Parts(), report.Part(name)) {
			return "", nil, from, until, fmt.Errorf("--part %s: write %s", name, names(report.Parts()))
		}
		parts = append(parts, report.Part(name))
	}
	if len(parts) == 0 {
		parts = report.Parts()
	}
	if from, err = whenIs("--from", f.from, now); err != nil {
		return "", nil, from, until, err
	}
	until = now
	if f.until != "" {
		if until, err = whenIs("--until", f.until, now); err != nil {
			return "", nil, from, until, err
		}
	}
	switch {
	case !from.Before(until):
		err = errors.New("--from is not before --until: the rotation record would be of no time at all")
	case format == report.CSV && len(parts) > 1 && (f.to == "" || !directory(f.to)):
		err = errors.New("as CSV each part is a file: write one --part, or a directory with --to")
	}
	return format, parts, from, until, err
}

func (a *app) report(ctx context.Context, f reportFlags) error {
	format, parts, from, until, err := f.chosen(a.now())
	if err != nil {
		return err
	}
	s, err := a.open(ctx, ledgerRead)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	d, err := a.reported(ctx, s, from, until, slices.Contains(parts, report.Rotations))
	if err != nil {
		return err
	}
	files, err := report.Files(d, format, parts...)
	if err != nil {
		return err
	}
	if err := a.hand(files, f.to); err != nil {
		return err
	}
	if d.Chain.Broken != "" {
		return fmt.Errorf("the report is written, but the chain of events in the ledger does not hold: %s", d.Chain.Broken)
	}
	return nil
}

// reported puts together what a report is made of.
func (a *app) reported(ctx context.Context, s *system, from, until time.Time, record bool) (report.Data, error) {
	known, err := a.survey(ctx, s)
	if err != nil {
		return report.Data{}, err
	}
	d := a.reportData(s, known)
	d.From, d.Until = from, until
	if record {
		err = recordedOver(ctx, s.ledger, &d)
	}
	return d, err
}

// reportData is what a report says of a survey, without a record of rotations.
func (a *app) reportData(s *system, known survey.Survey) report.Data {
	return report.Data{
		Input: known.Input, Findings: known.Findings, Checked: known.Checked, Catalogue: finding.Catalogue(),
		Zone: time.Local, Instance: s.config.Instance, Version: version(), From: known.Now, Until: known.Now, Describe: describe,
		Unseen: unseenOf(known.Input),
	}
}

// unseenOf says which services did not answer.
func unseenOf(in finding.Input) []string {
	var all []string
	if !in.Issuer.FailingSince.IsZero() {
		all = append(all, "The platform did not answer: "+in.Issuer.Words)
	}
	for _, store := range in.Stores {
		if !store.FailingSince.IsZero() {
			all = append(all, store.Name+" did not answer: "+store.Words)
		}
	}
	for _, source := range in.Sources {
		if !source.FailingSince.IsZero() {
			all = append(all, "Evidence of use from "+source.Name+" could not be read: "+source.Words)
		}
	}
	return all
}

// earlier is how much of the ledger before a period says how what ended in it
// began.
const earlier = 120 * 24 * time.Hour

// recordedOver adds the events of the period, and the chain that they are in.
func recordedOver(ctx context.Context, l *ledger.Ledger, d *report.Data) error {
	head, err := l.Verify(ctx)
	switch {
	case errors.Is(err, ledger.ErrBroken):
		d.Chain.Broken = err.Error()
	case err != nil:
		return err
	}
	at, err := headAt(ctx, l, head)
	if err != nil {
		return err
	}
	d.Chain.Ledger, d.Chain.Head, d.Chain.Verified = l.ID(), head, d.Chain.Broken == ""
	if at.Time != nil {
		d.Chain.Time = *at.Time
	}
	return chosen{since: d.From.Add(-earlier)}.each(ctx, l, 0, head.Seq, func(e ledger.StoredEvent) error {
		if !e.Time.After(d.Until) {
			d.Events = append(d.Events, e)
		}
		return nil
	})
}

// hand gives the files to a person: on standard output, or at a path.
func (a *app) hand(files []report.File, to string) error {
	for _, file := range files {
		path := to
		switch {
		case to == "":
			if _, err := a.stdout.Write(file.Body); err != nil {
				return fmt.Errorf("printing the report: %w", err)
			}
			continue
		case directory(to):
			path = filepath.Join(to, file.Name)
		}
		if err := os.WriteFile(path, file.Body, 0o600); err != nil {
			return fmt.Errorf("--to: %w", err)
		}
		if _, err := fmt.Fprintln(a.stdout, path); err != nil {
			return fmt.Errorf("printing where the report is: %w", err)
		}
	}
	return nil
}

// directory reports whether a path is a directory, or is written like one.
func directory(path string) bool {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return strings.HasSuffix(path, string(filepath.Separator))
	}
	return err == nil && info.IsDir()
}
