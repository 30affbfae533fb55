package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/keyrota/keyrota/sync/ledger"
)

// headView is where the chain of events ends. Whoever has it can later prove
// that nothing up to it was changed.
type headView struct {
	Seq      int64      `json:"seq"`
	Hash     string     `json:"hash"`
	Time     *time.Time `json:"time,omitempty"` // of the last event; absent: there is none
	Ledger   string     `json:"ledger"`
	Instance string     `json:"instance"`
}

// note is what a person notes elsewhere.
func (h headView) note() string { return fmt.Sprintf("%d:%s", h.Seq, h.Hash) }

func headOf(ctx context.Context, l *ledger.Ledger) (headView, error) {
	h, err := l.Head(ctx)
	if err != nil {
		return headView{}, err
	}
	return headAt(ctx, l, h)
}

func headAt(ctx context.Context, l *ledger.Ledger, h ledger.Head) (headView, error) {
	v := headView{Seq: h.Seq, Hash: h.Hash.String(), Ledger: l.ID(), Instance: l.Instance()}
	if h.Seq == 0 {
		return v, nil
	}
	events, err := l.Events(ctx, h.Seq-1, 1, "")
	for _, e := range events {
		v.Time = moment(e.Time)
	}
	return v, err
}

// verify proves the chain of events unbroken, and that heads noted earlier are
// part of it.
func (a *app) verify(ctx context.Context, l *ledger.Ledger, noted []string) error {
	var earlier []ledger.Head
	for _, s := range noted {
		h, err := ledger.ParseHead(s)
		if err != nil {
			return fmt.Errorf("--head: %w", err)
		}
		earlier = append(earlier, h)
	}
	proven, err := l.Verify(ctx, earlier...)
	if err != nil && !errors.Is(err, ledger.ErrBroken) {
		return err
	}
	head, at := headAt(ctx, l, proven)
	if err == nil && at != nil {
		return at
	}
	words := ""
	if err != nil {
		words = err.Error()
	}
	shown := a.print(struct {
		Unbroken bool     `json:"unbroken"`
		Head     headView `json:"head"` // up to where it is proven
		Broken   string   `json:"broken,omitempty"`
	}{err == nil, head, words}, func(w io.Writer) {
		if err != nil {
			_, _ = fmt.Fprintf(w, "What holds ends at %s\n", head.note())
			return
		}
		at := ""
		if head.Time != nil {
			at = ", " + localTime(*head.Time)
		}
		_, _ = fmt.Fprintf(w, "The chain of %s is unbroken.\nLedger %s, instance %s%s\nHead %s\n",
			count(int(head.Seq), "event"), head.Ledger, head.Instance, at, head.note())
		for _, h := range earlier {
			_, _ = fmt.Fprintf(w, "Up to event %d nothing was changed since its head was noted.\n", h.Seq)
		}
		if len(earlier) == 0 {
			_, _ = fmt.Fprintf(w, "Note the head elsewhere: keyrota history --verify --head %s proves later that nothing up to it was changed.\n", head.note())
		}
	})
	return errors.Join(shown, err)
}
