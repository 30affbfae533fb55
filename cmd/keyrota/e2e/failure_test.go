package e2e

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/vault/vaulttest"
	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

// fiveAccounts: two that nothing is wrong with, one whose only store will be
// down, one of whose two stores will be, and one that may create no key.
const fiveAccounts = `
  - name: sound-training
    team: ml-platform
    purpose: training
    deliver: vault:${PREFIX}/sound#WANDB_API_KEY
  - name: sound-eval
    team: ml-platform
    purpose: evaluation
    deliver: {store: vault, path: "${PREFIX}/sound-eval", format: json}
  - name: store-down
    team: ml-platform
    purpose: its only store is down
    deliver: other:${PREFIX}/down#WANDB_API_KEY
  - name: half-down
    team: ml-platform
    purpose: one of its stores is down
    deliver: ["vault:${PREFIX}/half#WANDB_API_KEY", "other:${PREFIX}/half-other#WANDB_API_KEY"]
  - name: creation-disabled
    team: ml-platform
    purpose: may create no key
    deliver: vault:${PREFIX}/disabled#WANDB_API_KEY
`

var fivePlaces = []place{
	inVault("sound-training", "sound", field("WANDB_API_KEY")),
	inVault("sound-eval", "sound-eval", field("WANDB_API_KEY")),
	inVault("store-down", "down", field("WANDB_API_KEY")),
	inVault("half-down", "half", field("WANDB_API_KEY")),
	inVault("half-down", "half-other", field("WANDB_API_KEY")),
	inVault("creation-disabled", "disabled", field("WANDB_API_KEY")),
}

// TestOneFailureStopsOneThing: a store that is down and an account that may
// create no key hold up themselves, and say why; the others rotate. What heals
// goes on by itself, what cannot is parked until a person says so; no try
// costs a key.
func TestOneFailureStopsOneThing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.KeysShown)
	const overlap = time.Second
	w.configure("overlap: 1s, every: 90d", fiveAccounts)
	w.run(0, "sync")
	first := map[string]string{}
	for _, p := range fivePlaces {
		first[p.account] = w.live(p.account)[0]
	}
	readers := w.read(overlap, fivePlaces...)

	down := vaulttest.Fault{Refuse: true, Times: math.MaxInt}
	disabled := sandbox.Fault{
		Kind: sandbox.FaultRefused, Operation: "generateApiKey", Account: "creation-disabled",
		Message: "API key creation is disabled for users and team service accounts; ask an administrator",
	}
	w.other.Inject(down)
	if err := w.platform.AddFault(disabled); err != nil {
		t.Fatal(err)
	}
	gone := func(accounts ...string) bool {
		w.run(3, "sync")
		return !slices.ContainsFunc(accounts, func(a string) bool { return slices.Contains(w.live(a), first[a]) })
	}
	w.configure("overlap: 1s, every: 1s", fiveAccounts) // all are due now
	poll(t, 30*time.Second, "the sound accounts to rotate", func() bool { return gone("sound-training", "sound-eval") })
	w.run(3, "rotate", "--yes", "half-down") // a person may ask for it all the same
	for range 5 {                            // however often it is tried
		w.run(3, "sync")
	}
	pass := w.run(3, "sync", "-o", "json")
	says := map[string]string{}
	for _, a := range decode[passJSON](t, pass).Accounts {
		_, name, _ := strings.Cut(a.Account, "/")
		says[name] = a.Result + ": " + a.Why
	}
	status := w.status()
	for _, c := range []struct {
		account string
		result  string
		words   []string
		keys    int
	}{
		{"store-down", "waiting", []string{"other:secret/", "/down#WANDB_API_KEY", "the connection ended"}, 1},
		{"half-down", "waiting", []string{"other:secret/", "/half-other#WANDB_API_KEY", "the connection ended"}, 2},
		{"creation-disabled", "parked", []string{"API key creation is disabled", "organization settings", "keyrota rotate " + team + "/creation-disabled"}, 1},
	} {
		live, s := w.live(c.account), status[team+"/"+c.account]
		for _, word := range append(c.words, c.result+": ") {
			if !strings.Contains(says[c.account], word) {
				t.Errorf("%s: sync does not say %q: %s", c.account, word, says[c.account])
			}
		}
		for _, word := range c.words {
			if !strings.Contains(s.Next+s.Parked+fmt.Sprint(s.Destinations), word) {
				t.Errorf("%s: status does not say %q: %+v", c.account, word, s)
			}
		}
		if len(live) != c.keys || !slices.Contains(live, first[c.account]) {
			t.Errorf("%s: keys %v, the first was %s", c.account, live, first[c.account])
		}
		if s.Overdue != (c.result == "waiting") || (s.Parked != "") != (c.result == "parked") {
			t.Errorf("%s: status says %+v", c.account, s)
		}
	}

	// Both are repaired. What waited goes on; what is parked waits for a word.
	w.other.Reset()
	w.platform.ClearFaults()
	poll(t, 30*time.Second, "the stores' accounts to go on", func() bool { return gone("store-down", "half-down") })
	if s := w.status()[team+"/creation-disabled"]; s.Parked == "" || s.Key != first["creation-disabled"] {
		t.Errorf("what is parked waits for a person: %+v", s)
	}
	w.configure("overlap: 1s, every: 90d", fiveAccounts)
	w.run(0, "rotate", "--yes", "creation-disabled")
	w.settle(t)
	for _, p := range fivePlaces {
		if live := w.live(p.account); len(live) != 1 || live[0] == first[p.account] {
			t.Errorf("%s: keys %v, the first was %s", p.account, live, first[p.account])
		}
	}
	readers.end(t)
	t.Logf("%d reads, %d late, different keys %v", readers.reads, readers.late, readers.different())
}

// TestThePlatformIsDown: nothing is known of any key then, so nothing is due
// that could be done, and everybody is told.
func TestThePlatformIsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.KeysShown)
	w.configure("overlap: 1s, every: 90d", threeAccounts)
	w.run(0, "sync")
	readers := w.read(time.Second, threePlaces...)
	for _, operation := range []string{"viewer", "users", "entity", "generateApiKey", "deleteApiKey"} {
		err := w.platform.AddFault(sandbox.Fault{Kind: sandbox.FaultServerError, Operation: operation, Status: http.StatusBadGateway})
		if err != nil {
			t.Fatal(err)
		}
	}
	w.configure("overlap: 1s, every: 1s", threeAccounts)
	time.Sleep(time.Second)
	for _, r := range []*process{w.run(3, "sync"), w.run(3, append([]string{"rotate", "--yes"}, threeRefs...)...), w.run(0, "status"), w.run(0, "plan")} {
		if !strings.Contains(r.text(), "502") {
			t.Errorf("nobody is told:\n%s", r.text())
		}
	}
	w.platform.ClearFaults()
	w.run(0, "sync")
	w.configure("overlap: 1s, every: 90d", threeAccounts)
	w.settle(t)
	w.delivered(t)
	readers.end(t)
}
