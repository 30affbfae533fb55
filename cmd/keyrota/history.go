package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/export"
	"github.com/keyrota/keyrota/sync/ledger"
)

// eventView is one event in the output of history.
type eventView struct {
	Seq         int64     `json:"seq"`
	Time        time.Time `json:"time"`
	Account     string    `json:"account"`
	Event       string    `json:"event"`
	Edition     uint64    `json:"edition,omitempty"`
	Key         string    `json:"key,omitempty"`
	Label       string    `json:"label,omitempty"`
	Destination string    `json:"destination,omitempty"`
	Words       string    `json:"words,omitempty"`
	By          string    `json:"by"`
	Config      string    `json:"config,omitempty"` // digest of the configuration that was acted by
	Hash        string    `json:"hash"`
}

// historyFlags say which events are shown, and how.
type historyFlags struct {
	since  string
	events []string
	last   int
	follow bool
	verify bool
	heads  []string
	export string
	to     string
}

func newHistory(a *app) *cobra.Command {
	var f historyFlags
	c := &cobra.Command{
		Use:   "history [ACCOUNT]",
		Short: "What happened to an account, or to all, newest last",
		Long: `Shows what is on record. It needs the ledger alone: it works while stores and
platform are down.

Every event bears a hash over itself and all before it. --verify walks that
chain from the first event, names the first one that does not fit, and prints
the head: where the chain ends. Someone who can write the ledger can also write
a chain that holds; so note the head elsewhere, and have --head prove later that
nothing up to it was changed. Heads are also in every export, and in
status -o json.

--export writes events as JSON lines for a SIEM: documents of the Elastic Common
Schema (ecs), or the same in envelopes of CloudEvents (cloudevents), and the
head at the end. events: in the configuration sends them by itself.`,
		Args:              atMostOneAccount,
		ValidArgsFunction: a.account,
		RunE:              func(cmd *cobra.Command, names []string) error { return a.history(cmd.Context(), names, f) },
	}
	flags := c.Flags()
	flags.StringVar(&f.since, "since", "", "only events since `WHEN`: 7d ago, a day like 2026-05-01, or a time like 2026-05-01T09:00:00Z")
	flags.StringSliceVar(&f.events, "event", nil, "only events of this `KIND`, like key.offered, or key for all that begin so; may be repeated")
	flags.IntVar(&f.last, "last", 0, "only the last `N` events")
	flags.BoolVarP(&f.follow, "follow", "f", false, "go on with what happens, until interrupted")
	flags.BoolVar(&f.verify, "verify", false, "prove that no event was changed, removed or added, and print the head")
	flags.StringSliceVar(&f.heads, "head", nil, "of --verify: prove that `SEQ:HASH`, noted earlier, is part of the chain; may be repeated")
	flags.StringVar(&f.export, "export", "", "write JSON lines for a SIEM: `FORMAT` ecs or cloudevents")
	flags.StringVar(&f.to, "to", "", "of --export: write to `FILE` instead of standard output")
	_ = c.RegisterFlagCompletionFunc("export", cobra.FixedCompletions(
		[]cobra.Completion{string(export.ECS), string(export.CloudEvents)}, cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("event", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		var kinds []cobra.Completion
		for _, k := range export.Kinds() {
			kinds = append(kinds, string(k))
		}
		return kinds, cobra.ShellCompDirectiveNoFileComp
	})
	return c
}

// check refuses flags that do not go together, and what no event can be.
func (f historyFlags) check(names []string) error {
	several := 0
	for _, set := range []bool{f.verify, f.follow, f.export != ""} {
		if set {
			several++
		}
	}
	switch {
	case several > 1:
		return errors.New("--verify, --export and --follow are three different things: write one of them")
	case f.verify && (len(names) > 0 || len(f.events) > 0 || f.since != "" || f.last != 0):
		return errors.New("--verify is about the chain of all events: leave out the account, --event, --since and --last")
	case len(f.heads) > 0 && !f.verify:
		return errors.New("--head belongs to --verify: write both, or leave it out")
	case f.to != "" && f.export == "":
		return errors.New("--to belongs to --export: write both, or leave it out")
	case f.last < 0:
		return fmt.Errorf("--last %d: write how many events, like 20", f.last)
	}
	for _, kind := range f.events {
		if one := (chosen{kinds: []string{kind}}); !slices.ContainsFunc(export.Kinds(), one.hasKind) {
			return fmt.Errorf("--event %s: there is no such event: write one like key.offered, or key for all that begin so", kind)
		}
	}
	return nil
}

func (a *app) history(ctx context.Context, names []string, f historyFlags) error {
	if err := f.check(names); err != nil {
		return err
	}
	c, l, err := a.ledgerAlone(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }()
	if f.verify {
		return a.verify(ctx, l, f.heads)
	}
	which, err := a.chosen(ctx, c, l, names, f)
	if err != nil {
		return err
	}
	if f.export != "" {
		return a.exportHistory(ctx, c, l, which, f)
	}
	head, err := headOf(ctx, l)
	if err != nil {
		return err
	}
	var events []ledger.StoredEvent
	err = which.upTo(ctx, l, head.Seq, func(e ledger.StoredEvent) error {
		events = append(events, e)
		return nil
	})
	if err != nil {
		return err
	}
	if f.follow {
		return a.tail(ctx, l, which, events, head.Seq)
	}
	views := make([]eventView, 0, len(events))
	for _, e := range events {
		views = append(views, viewOf(e))
	}
	return a.print(struct {
		Head   headView    `json:"head"`
		Events []eventView `json:"events"`
	}{head, views}, func(w io.Writer) { a.historyTable(w, which, events) })
}

func viewOf(e ledger.StoredEvent) eventView {
	v := eventView{
		Seq: e.Seq, Time: e.Time, Account: string(e.Ref), Event: string(e.Event.Kind), Edition: uint64(e.Event.Edition),
		Key: string(e.Event.Key), Label: string(e.Event.Label), Words: e.Event.Words, By: e.By, Config: e.Config, Hash: e.Hash.String(),
	}
	if e.Event.Destination != (rotation.Destination{}) {
		v.Destination = e.Event.Destination.String()
	}
	return v
}

// historyRow is one event for a person; of one account, without its name.
func (which chosen) historyRow(e ledger.StoredEvent) []string {
	text := describe(e.Event)
	if bySomeone(e.Event.Kind) && e.By != "" {
		text += " (" + e.By + ")"
	}
	if which.ref != "" {
		return []string{localTime(e.Time), text}
	}
	return []string{localTime(e.Time), string(e.Ref), text}
}

// bySomeone reports whether an event is the word of a person, who is named.
func bySomeone(kind rotation.EventKind) bool {
	switch kind {
	case rotation.EventRequested, rotation.EventFrozen, rotation.EventUnfrozen, rotation.EventForgotten,
		rotation.EventReleased, rotation.EventPruning, rotation.EventUnmarking:
		return true
	}
	return false
}

func (a *app) historyTable(w io.Writer, which chosen, events []ledger.StoredEvent) {
	rows := make([][]string, 0, len(events))
	for _, e := range events {
		rows = append(rows, which.historyRow(e))
	}
	header := []string{"TIME", "ACCOUNT", "WHAT"}
	if which.ref != "" {
		header = []string{"TIME", "WHAT"}
	}
	a.columns(w, header, rows)
}

// recordedRef finds the account that a person named, also one that left the
// configuration and is still on record.
func recordedRef(ctx context.Context, c *config.Config, l *ledger.Ledger, name string) (rotation.Ref, error) {
	var found []rotation.Ref
	for _, account := range c.Accounts {
		if account.Ref == name || account.Formerly == name {
			return rotation.Ref(name), nil
		}
		if account.Name == name {
			found = append(found, rotation.Ref(account.Ref))
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	if len(found) > 1 {
		return "", fmt.Errorf("%d accounts are named %q: write team/name, like %s", len(found), name, found[0])
	}
	entries, err := l.List(ctx)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if string(e.Ref) == name {
			return e.Ref, nil
		}
	}
	return "", fmt.Errorf("there is no account %q in the configuration or on record: keyrota status lists them", name)
}

// ledgerAlone opens the configuration's ledger for reading, and nothing else:
// no store and no credential is needed for that.
func (a *app) ledgerAlone(ctx context.Context) (*config.Config, *ledger.Ledger, error) {
	c, err := a.loadConfig()
	if err != nil {
		return nil, nil, err
	}
	l, err := ledger.OpenReadOnly(ctx, c.Ledger, ledger.Options{Instance: c.Instance, Now: a.now})
	return c, l, err
}

// openIfThere opens a ledger for reading, and none where there is none.
func openIfThere(ctx context.Context, path string, o ledger.Options) (*ledger.Ledger, error) {
	l, err := ledger.OpenReadOnly(ctx, path, o)
	if errors.Is(err, ledger.ErrMissing) || errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return l, err
}
