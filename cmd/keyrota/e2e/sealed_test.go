package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/vault/vaulttest"
	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

// TestAVaultSealedAndATokenEnded: before, during and after a write of a rotation
// a Vault is sealed, or the program's token ends. What is in another Vault is
// rotated meanwhile; what is in this one goes on by itself once it is unsealed,
// or a new token is where the old one was.
func TestAVaultSealedAndATokenEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.KeysShown)
	own := vaulttest.Start(t)
	writes := &strikes{}
	front := newGate(t, forward(t, own.Address), writes)
	w.env = append(w.env, "OTHER="+front.URL)
	token := func() string {
		made, _ := own.Call(t, http.MethodPost, "auth/token/create", map[string]any{"policies": []string{"root"}, "ttl": "1h"})["client_token"].(string)
		if err := os.WriteFile(filepath.Join(w.dir, "token"), []byte(made), 0o600); err != nil {
			t.Fatal(err)
		}
		return made
	}
	configure := func(defaults, accounts string) {
		w.configure(defaults, accounts)
		w.write("keyrota.yaml", strings.Replace(w.program.read(t, "keyrota.yaml"),
			`address: "${OTHER}"`, `address: "${OTHER}", auth: {token: "file:token"}`, 1))
	}
	k := &killer{
		t: t, world: w, command: "run", random: seeded(t), accounts: onACluster, settings: configure,
		moments: map[string]int{}, labels: map[string]bool{},
	}
	at := func(account, secret string) place {
		return place{account: account, secret: "own " + secret, find: func() (string, error) {
			for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) { // while it is sealed, nobody can tell
				key, err := get(own.Address + "/v1/secret/data/" + w.prefix + "/" + secret)
				if err == nil || time.Since(begun) > endsWithin/2 {
					return key, err
				}
			}
		}}
	}
	elsewhere := []place{
		inVault("sound", "sound", field("WANDB_API_KEY")), inVault("half-on-raft", "half-elsewhere", field("WANDB_API_KEY")),
	}
	k.places = append(slices.Clone(elsewhere), at("on-raft", "raft"), at("half-on-raft", "half"))
	w.gate.look.set(k.watch)
	now := token()
	configure("overlap: 1s, every: 1s", onACluster)
	daemon := w.start(nil, "run")
	readers := w.readEvery(50*time.Millisecond, time.Second, elsewhere...)
	turned := func(what string, than map[string]int, places ...place) {
		t.Helper()
		poll(t, endsWithin, what+" to be rotated", func() bool {
			if ended(daemon) {
				t.Fatalf("the daemon ended:\n%s", daemon.text())
			}
			seen := readers.different()
			return !slices.ContainsFunc(places, func(p place) bool { return seen[p.secret] <= than[p.secret] })
		})
	}
	// The first rotation into each store was proven by one account.
	turned("all", map[string]int{}, elsewhere...)
	turned("all", readers.different(), elsewhere...)
	for _, c := range []struct {
		name       string
		lose, back func()
	}{
		{"sealed", func() { own.Seal(t) }, func() { own.Unseal(t) }},
		{"its token ended", func() {
			own.Call(t, http.MethodPost, "auth/token/revoke", map[string]string{"token": now})
		}, func() { now = token() }},
	} {
		for _, m := range []moment{before, during, after, later} {
			lost := make(chan struct{})
			s := &strike{n: 1 + k.random.IntN(4), changes: true, moment: m, later: time.Duration(k.random.IntN(4000)) * time.Microsecond, hit: func() {
				c.lose()
				close(lost)
			}}
			writes.set(s)
			select {
			case <-lost:
			case <-time.After(endsWithin):
				t.Fatalf("nothing is written\n%s", daemon.text())
			}
			turned("what is elsewhere", readers.different(), elsewhere[0])
			c.back()
			begun := time.Now()
			turned("all, after "+c.name, readers.different(), elsewhere...)
			t.Logf("%s %s: all rotated %s after it was over", c.name, s, time.Since(begun).Round(10*time.Millisecond))
		}
	}
	_ = daemon.cmd.Process.Signal(syscall.SIGTERM)
	daemon.wait(t)
	k.ended(daemon)
	took := k.converge()
	readers.end(t)
	t.Logf("converged in %s; %d reads, different keys %v\n%v", took.Round(time.Millisecond), readers.reads, readers.different(), k.accounted())
}
