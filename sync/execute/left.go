package execute

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/ledger"
)

// Lister is a Ledger that tells of all accounts; *ledger.Ledger is one.
type Lister interface {
	Ledger
	List(ctx context.Context) ([]ledger.Entry, error)
}

// Departures are the accounts that a configuration was found to be without, and
// those that it has again, each told once.
type Departures struct {
	Left, Returned []rotation.Ref
	// Stayed is how many accounts of the configuration are on record, Before how
	// many were before this one.
	Stayed, Before int
}

// Enroll compares the accounts on record with a configuration that was loaded as
// a whole, and marks those that left it and those that came back. That is all:
// their keys keep working, nothing is deleted. Records that cannot be read are
// left out; the error names them.
func Enroll(ctx context.Context, l Lister, inv *inventory.Inventory, now time.Time) (Departures, error) {
	var d Departures
	entries, unread := l.List(ctx)
	if unread != nil && entries == nil {
		return d, unread
	}
	wanted := make(map[rotation.Ref]bool, len(inv.Accounts))
	for _, a := range inv.Accounts {
		wanted[a.Ref()] = true
	}
	for _, e := range entries {
		if e.Record.Blank() {
			continue
		}
		in := wanted[e.Ref]
		if in {
			d.Stayed++
		}
		if e.Record.Left.IsZero() {
			d.Before++
		}
		changed, err := enroll(ctx, l, e, in, now)
		switch {
		case err != nil:
			return d, err
		case changed && in:
			d.Returned = append(d.Returned, e.Ref)
		case changed:
			d.Left = append(d.Left, e.Ref)
		}
	}
	return d, unread
}

// enroll saves what Enrolled says of one account, whoever else saves its record
// meanwhile.
func enroll(ctx context.Context, l Ledger, e ledger.Entry, in bool, now time.Time) (bool, error) {
	for {
		r, events := e.Record.Enrolled(in, now)
		if len(events) == 0 {
			return false, nil
		}
		_, err := l.Save(ctx, e.Ref, r, e.Revision, events...)
		if err == nil || !errors.Is(err, ledger.ErrConflict) {
			return err == nil, err
		}
		if e.Record, e.Revision, err = l.Load(ctx, e.Ref); err != nil {
			return false, err
		}
	}
}

// Warning says what a person should know at once, empty if nothing: who left,
// and loudly if that is most of all, which is a mistake more often than not.
func (d Departures) Warning() string {
	if len(d.Left) == 0 {
		return ""
	}
	const named = 5
	names := make([]string, 0, named)
	for _, ref := range d.Left[:min(len(d.Left), named)] {
		names = append(names, string(ref))
	}
	who := strings.Join(names, ", ")
	if more := len(d.Left) - len(names); more > 0 {
		who += fmt.Sprintf(" and %d more", more)
	}
	if 2*len(d.Left) > d.Before && d.Before > 1 || d.Stayed == 0 {
		return fmt.Sprintf("%d OF %d ACCOUNTS ON RECORD LEFT THE CONFIGURATION AT ONCE (%s): is it the right file, and whole? "+
			"Their keys keep working and nothing is deleted, but none of them is rotated or healed until it is back", len(d.Left), d.Before, who)
	}
	return fmt.Sprintf("no longer in the configuration: %s: their keys keep working, and are not rotated; keyrota status says what can be done", who)
}
