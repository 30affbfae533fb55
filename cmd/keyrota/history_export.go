package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/sync/export"
	"github.com/keyrota/keyrota/sync/ledger"
)

// exportHistory writes the chosen events as JSON lines, and where the ledger
// ends.
func (a *app) exportHistory(ctx context.Context, c *config.Config, l *ledger.Ledger, which chosen, f historyFlags) (err error) {
	format := export.Format(f.export)
	if format != export.ECS && format != export.CloudEvents {
		return fmt.Errorf("--export %s: write %s or %s", f.export, export.ECS, export.CloudEvents)
	}
	out := a.stdout
	if f.to != "" {
		file, failed := newFile(f.to, 0o600)
		if failed != nil {
			return fmt.Errorf("--to: %w", failed)
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		out = file
	}
	head, err := l.Head(ctx)
	if err != nil {
		return err
	}
	e := encoder(c, l)
	w := bufio.NewWriter(out)
	write := func(item export.Item, err error) error {
		if err == nil {
			_, err = w.Write(append(item.Body, '\n'))
		}
		return err
	}
	if err := which.upTo(ctx, l, head.Seq, func(s ledger.StoredEvent) error { return write(e.Event(s, format)) }); err != nil {
		return err
	}
	v, err := headAt(ctx, l, head)
	if err != nil {
		return err
	}
	var last time.Time
	if v.Time != nil {
		last = *v.Time
	}
	if err := write(e.Head(head, last, a.now(), format)); err != nil {
		return err
	}
	return w.Flush()
}
