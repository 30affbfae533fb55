package daemon

import (
	"context"
	"time"
)

// notify tells the service manager; one that does not listen is no trouble.
func (d *Daemon) notify(state string) {
	if d.o.Notify == nil {
		return
	}
	if err := d.o.Notify(state); err != nil {
		d.log.Debug("the service manager was not told", "state", state, "error", err.Error())
	}
}

// watching tells the service manager that all is well for as long as it is.
func (d *Daemon) watching(ctx context.Context) {
	every := time.Minute
	if d.o.Watchdog > 0 {
		every = d.o.Watchdog / 2
	}
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		err := d.alive()
		d.notices.about(noticeWatchdog, err)
		if err == nil && d.o.Watchdog > 0 {
			d.notify("WATCHDOG=1")
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
	}
}
