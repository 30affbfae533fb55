package main

import (
	"net"
	"strconv"
	"time"
)

// serviceManager returns how to tell systemd how the daemon is, and how often
// it wants to hear it: sd_notify(3) and sd_watchdog_enabled(3). Nil where
// nobody listens.
func (a *app) serviceManager() (notify func(state string) error, watchdog time.Duration) {
	path, _ := a.env("NOTIFY_SOCKET")
	if path == "" {
		return nil, 0
	}
	if every, _ := a.env("WATCHDOG_USEC"); every != "" {
		if n, err := strconv.ParseInt(every, 10, 64); err == nil && n > 0 {
			watchdog = time.Duration(n) * time.Microsecond
		}
	}
	return func(state string) error {
		c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
		if err != nil {
			return err
		}
		defer func() { _ = c.Close() }()
		_, err = c.Write([]byte(state))
		return err
	}, watchdog
}
