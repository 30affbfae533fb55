package daemon

import (
	"context"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/execute"
)

// enroll notes, once for each configuration that was loaded, which accounts left
// it and which came back. Where the ledger fails, the next sweep tries again.
func (d *Daemon) enroll(ctx context.Context, state *State) error {
	if state.enrolled {
		return nil
	}
	var l execute.Lister = d.o.Ledger
	if state.Config != "" {
		l = d.o.Ledger.ForConfig(state.Config)
	}
	found, err := execute.Enroll(ctx, l, state.Inventory, d.now())
	for _, ref := range found.Left {
		d.saved(ref, rotation.Event{Kind: rotation.EventLeft})
	}
	for _, ref := range found.Returned {
		d.saved(ref, rotation.Event{Kind: rotation.EventReturned})
	}
	if words := found.Warning(); words != "" {
		d.log.Warn(words)
	}
	state.enrolled = err == nil
	return err
}
