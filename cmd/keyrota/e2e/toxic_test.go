package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
)

// toxic is the network before one server: Toxiproxy's proxy, in this process.
// It is well until it is told what ails it.
type toxic struct {
	URL string

	t     testing.TB
	proxy *toxiproxy.Proxy
}

// ailment is what can be wrong with a network.
type ailment struct {
	name string
	slow bool   // all comes through, in the end
	kind string // Toxiproxy's name of it; empty: nobody answers at the port
	// towards is "upstream" for what the program sends, so that the server
	// hears nothing, or not all; "downstream" for what it is answered: what it
	// asked for comes to pass, and it does not hear so.
	towards    string
	attributes map[string]any
}

func ailments() []ailment {
	const up, down = "upstream", "downstream"
	type set = map[string]any
	return []ailment{
		{"latency and jitter", true, "latency", down, set{"latency": 120, "jitter": 100}},
		{"little bandwidth", true, "bandwidth", down, set{"rate": 100}},
		{"slices", true, "slicer", down, set{"average_size": 64, "size_variation": 32, "delay": 200}},
		{"requests reset", false, "reset_peer", up, set{"timeout": 0}},
		{"answers reset", false, "reset_peer", down, set{"timeout": 0}},
		{"half-open, requests lost", false, "timeout", up, set{"timeout": 0}},
		{"half-open, answers lost", false, "timeout", down, set{"timeout": 0}},
		{"a request cut short", false, "limit_data", up, set{"bytes": 300}},
		{"an answer cut short", false, "limit_data", down, set{"bytes": 40}},
		{"a later answer cut short", false, "limit_data", down, set{"bytes": 2500}},
		{"nobody answers", false, "", "", nil},
	}
}

// newToxic puts a network before the server at an address.
func newToxic(t testing.TB, address string) *toxic {
	t.Helper()
	target, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	server := &toxiproxy.ApiServer{Metrics: toxiproxy.NewMetricsContainer(nil)}
	zero(&server.Logger) // which logs nothing
	x := &toxic{t: t, proxy: toxiproxy.NewProxy(server, address, "127.0.0.1:0", target.Host)}
	if err := x.proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.proxy.Stop)
	target.Host = x.proxy.Listen
	x.URL = target.String()
	return x
}

func zero[T any](p **T) { *p = new(T) }

// ail makes the network sick, for connections that are open already too.
func (x *toxic) ail(a ailment) {
	x.t.Helper()
	if a.kind == "" {
		x.proxy.Stop()
		return
	}
	text, err := json.Marshal(map[string]any{"type": a.kind, "stream": a.towards, "attributes": a.attributes})
	if err != nil {
		x.t.Fatal(err)
	}
	x.change(func() error {
		_, err := x.proxy.Toxics.AddToxicJson(bytes.NewReader(text))
		return err
	})
}

// heal makes the network well again.
func (x *toxic) heal() {
	x.t.Helper()
	if !x.proxy.Enabled {
		if err := x.proxy.Start(); err != nil {
			x.t.Fatal(err)
		}
	}
	x.change(func() error {
		x.proxy.Toxics.ResetToxics(context.Background())
		return nil
	})
}

// change waits for a change to come through: Toxiproxy has each connection take
// it up, and one whose end went away in that moment may never do so.
func (x *toxic) change(f func() error) {
	x.t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		if err != nil {
			x.t.Fatal(err)
		}
	case <-time.After(20 * time.Second):
		x.t.Fatal("Toxiproxy takes no change any more")
	}
}
