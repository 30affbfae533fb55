package main

import (
	"net"
	"path/filepath"
	"testing"
	"time"
)

// TestTheServiceManagerHears: what a Type=notify unit with a watchdog waits for.
func TestTheServiceManagerHears(t *testing.T) {
	env := map[string]string{}
	a := &app{env: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}
	if notify, _ := a.serviceManager(); notify != nil {
		t.Error("someone is told where nobody listens")
	}
	env["NOTIFY_SOCKET"] = filepath.Join(t.TempDir(), "notify")
	env["WATCHDOG_USEC"] = "120000000"
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: env["NOTIFY_SOCKET"], Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	notify, watchdog := a.serviceManager()
	if watchdog != 2*time.Minute {
		t.Errorf("the watchdog wants to hear every %s", watchdog)
	}
	if err := notify("READY=1"); err != nil {
		t.Fatal(err)
	}
	heard := make([]byte, 64)
	if err := l.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	n, err := l.Read(heard)
	if err != nil || string(heard[:n]) != "READY=1" {
		t.Errorf("heard %q, %v", heard[:n], err)
	}
}
