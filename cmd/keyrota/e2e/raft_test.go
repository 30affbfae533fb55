package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/vault/vaulttest"
	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

// balancer is what clients of a cluster go through: it passes connections on to
// one of the nodes that run, leader or not.
type balancer struct {
	*toxic
	cluster *vaulttest.Cluster
	node    int
}

// to has all connections go to another node from now on.
func (b *balancer) to(node int) {
	b.t.Helper()
	b.proxy.Stop()
	b.node = node
	b.proxy.Upstream = strings.TrimPrefix(b.cluster.Nodes[node].Address, "http://")
	if err := b.proxy.Start(); err != nil {
		b.t.Fatal(err)
	}
}

// TestTheLeaderOfAClusterIsLost kills and seals the leader of three real Vaults
// before, during and after a write of a rotation, while the program goes through
// a follower or through the leader itself, and brings it back. Whatever came of
// the write: no reader has a dead key, no key is lost, what another store holds
// is rotated meanwhile, and once there is a leader all goes on by itself.
func TestTheLeaderOfAClusterIsLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.KeysShown)
	cluster := vaulttest.StartCluster(t)
	b := &balancer{cluster: cluster, toxic: newToxic(t, cluster.Nodes[0].Address)}
	writes := &strikes{} // to the cluster alone
	front := newGate(t, forward(t, b.URL), writes)
	w.env = append(w.env, "OTHER="+front.URL)
	k := &killer{
		t: t, world: w, command: "run", random: seeded(t), accounts: onACluster, settings: w.configure,
		moments: map[string]int{}, labels: map[string]bool{},
	}
	r := &raft{cluster: cluster, world: w}
	k.places = []place{inVault("sound", "sound", field("WANDB_API_KEY"))}
	for account, secret := range map[string]string{"on-raft": "raft", "half-on-raft": "half"} {
		k.places = append(k.places, place{account: account, secret: "raft " + secret, find: func() (string, error) { return r.read(secret) }})
	}
	k.places = append(k.places, inVault("half-on-raft", "half-elsewhere", field("WANDB_API_KEY")))
	w.gate.look.set(k.watch)
	w.configure("overlap: 1s, every: 1s", onACluster)
	daemon := w.start(nil, "run")
	readers := w.readEvery(50*time.Millisecond, time.Second, k.places...)
	turned := func(when string, than map[string]int, accounts ...string) {
		t.Helper()
		poll(t, 90*time.Second, when, func() bool {
			if ended(daemon) {
				t.Fatalf("the daemon ended:\n%s", daemon.text())
			}
			now := readers.different()
			return !slices.ContainsFunc(k.places, func(p place) bool {
				return slices.Contains(accounts, p.account) && now[p.secret] <= than[p.secret]
			})
		})
	}
	turned("all to be delivered", map[string]int{}, "sound", "on-raft", "half-on-raft")

	losses := 4
	if os.Getenv("KEYROTA_SOAK") != "" {
		losses *= 10
	}
	var told []string
	for n := range losses {
		leader := cluster.Leader(t)
		by := leader // or a follower, which passes requests on to the leader
		if n%2 == 0 {
			by = (leader + 1) % len(cluster.Nodes)
		}
		b.to(by)
		lose, back := func() { cluster.Kill(leader) }, func() { cluster.Return(t, leader) }
		if n == losses-1 {
			lose, back = func() { cluster.Nodes[leader].Seal(t) }, func() { cluster.Unseal(t, leader) }
		}
		lost := make(chan struct{})
		s := &strike{
			n: 1 + k.random.IntN(4), changes: true, moment: []moment{before, during, after, later}[n%4],
			later: time.Duration(k.random.IntN(8000)) * time.Microsecond,
			hit: func() {
				r.lost.Lock()
				lose()
				close(lost)
			},
		}
		writes.set(s)
		select {
		case <-lost:
		case <-time.After(endsWithin):
			t.Fatalf("nothing is written\n%s", daemon.text())
		}
		begun, than := time.Now(), readers.different()
		if by == leader { // as one does that asks for health
			b.to((leader + 1) % len(cluster.Nodes))
		}
		turned("what is elsewhere to be rotated", than, "sound")
		cluster.Leader(t)
		r.lost.Unlock()
		again, than := time.Since(begun), readers.different()
		turned("all to be rotated by two of three", than, "sound", "on-raft", "half-on-raft")
		back()
		told = append(told, fmt.Sprintf("%s, through node %d, led by %d: another led within %s, all rotated within %s",
			s, by, leader, again.Round(10*time.Millisecond), time.Since(begun).Round(10*time.Millisecond)))
		if n < losses-1 {
			kills.add("leader of a Vault cluster")
		}
	}
	_ = daemon.cmd.Process.Signal(syscall.SIGTERM)
	daemon.wait(t)
	k.ended(daemon)
	took := k.converge()
	readers.end(t)
	counts := k.accounted()
	t.Logf("%s\nconverged in %s; %d reads, different keys %v\n%v", strings.Join(told, "\n"), took.Round(time.Millisecond), readers.reads, readers.different(), counts)
}

const onACluster = `
  - {name: sound, team: ml-platform, purpose: training, deliver: "vault:${PREFIX}/sound#WANDB_API_KEY"}
  - {name: on-raft, team: ml-platform, purpose: training, deliver: "other:${PREFIX}/raft#WANDB_API_KEY"}
  - name: half-on-raft
    team: ml-platform
    purpose: training
    deliver: ["vault:${PREFIX}/half-elsewhere#WANDB_API_KEY", "other:${PREFIX}/half#WANDB_API_KEY"]
`

// raft is a cluster as its readers see it: while there is no leader they wait,
// as they go on with what they have read before.
type raft struct {
	cluster *vaulttest.Cluster
	world   *world
	lost    sync.RWMutex // held while nobody can be asked
}

func (r *raft) read(secret string) (string, error) {
	r.lost.RLock()
	defer r.lost.RUnlock()
	var last error
	for range 100 { // whoever answers
		for _, node := range r.cluster.Nodes {
			text, err := get(node.Address + "/v1/secret/data/" + r.world.prefix + "/" + secret)
			if err == nil {
				return text, nil
			}
			last = err
		}
		time.Sleep(50 * time.Millisecond)
	}
	return "", last
}

// get reads the key in a secret of a Vault; "" where there is none.
func get(url string) (string, error) {
	q, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	q.Header.Set("X-Vault-Token", vaulttest.Root)
	status, body, err := send(q)
	switch {
	case err != nil:
		return "", err
	case status == http.StatusNotFound:
		return "", nil
	case status != http.StatusOK:
		return "", fmt.Errorf("reading %s: status %d", url, status)
	}
	var answer struct {
		Data struct{ Data map[string]json.RawMessage }
	}
	err = json.Unmarshal(body, &answer)
	return field("WANDB_API_KEY")(answer.Data.Data), err
}
