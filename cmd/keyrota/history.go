package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/rotation"
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
	Hash        string    `json:"hash"`
}

func newHistory(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "history [ACCOUNT]",
		Short:             "What happened to an account, or to all, newest last",
		Args:              atMostOneAccount,
		ValidArgsFunction: a.account,
		RunE:              func(cmd *cobra.Command, names []string) error { return a.history(cmd.Context(), names) },
	}
}

// history needs the ledger alone: it works while stores and platform are down.
func (a *app) history(ctx context.Context, names []string) error {
	c, err := a.loadConfig()
	if err != nil {
		return err
	}
	l, err := ledger.OpenReadOnly(ctx, c.Ledger, ledger.Options{Instance: c.Instance, Now: a.now})
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }()
	ref := rotation.Ref("")
	if len(names) == 1 {
		if ref, err = recordedRef(ctx, c, l, names[0]); err != nil {
			return err
		}
	}
	events, err := l.Events(ctx, 0, 0, ref)
	if err != nil {
		return err
	}
	views := make([]eventView, 0, len(events))
	for _, e := range events {
		v := eventView{
			Seq: e.Seq, Time: e.Time, Account: string(e.Ref), Event: string(e.Event.Kind), Edition: uint64(e.Event.Edition),
			Key: string(e.Event.Key), Label: string(e.Event.Label), Words: e.Event.Words, By: e.By, Hash: e.Hash.String(),
		}
		if e.Event.Destination != (rotation.Destination{}) {
			v.Destination = e.Event.Destination.String()
		}
		views = append(views, v)
	}
	return a.print(struct {
		Events []eventView `json:"events"`
	}{views}, func(w io.Writer) {
		rows := make([][]string, 0, len(events))
		for _, e := range events {
			row := []string{localTime(e.Time), string(e.Ref), describe(e.Event)}
			if ref != "" {
				row = []string{localTime(e.Time), describe(e.Event)}
			}
			rows = append(rows, row)
		}
		header := []string{"TIME", "ACCOUNT", "WHAT"}
		if ref != "" {
			header = []string{"TIME", "WHAT"}
		}
		a.columns(w, header, rows)
	})
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

// openIfThere opens a ledger for reading, and none where there is none.
func openIfThere(ctx context.Context, path string, o ledger.Options) (*ledger.Ledger, error) {
	l, err := ledger.OpenReadOnly(ctx, path, o)
	if errors.Is(err, ledger.ErrMissing) || errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return l, err
}
