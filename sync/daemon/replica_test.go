package daemon_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/daemon"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/ledger/postgrestest"
)

// replica is one of several engines of a world, with a log of its own.
type replica struct {
	*engine
	log *journal
}

// replica starts an engine by a configuration that may be another's too.
func (w *world) replica(name string, yaml *atomic.Pointer[string]) *replica {
	w.t.Helper()
	return w.replicaWith(name, yaml, func(*daemon.Options) {})
}

func (w *world) replicaWith(name string, yaml *atomic.Pointer[string], change func(*daemon.Options)) *replica {
	w.t.Helper()
	l, log := w.open(), &journal{}
	o := w.options()
	o.Ledger, o.Name, o.Load = l, name, w.loading(l, yaml.Load)
	o.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	change(&o)
	r := &replica{engine: w.start(o), log: log}
	w.t.Cleanup(func() {
		if w.t.Failed() {
			w.t.Logf("the log of %s:\n%s", name, log)
		}
	})
	return r
}

// sweeps counts the sweeps that a replica made.
func (r *replica) sweeps() int { return r.log.count("msg=swept") }

// leads reports whether the replica is the one that sweeps.
func (r *replica) leads() bool {
	_, metrics := r.get("/metrics")
	return strings.Contains(metrics, "\nkeyrota_sweeper 1\n")
}

// manyAccounts is a configuration of n accounts in one store.
func manyAccounts(n int, general string) string {
	var b strings.Builder
	b.WriteString("instance: test\nledger: ledger.db\n" + general +
		"defaults: {write_deadline: 1s, overlap: 24h}\nstores: {a: {}, b: {}}\naccounts:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {name: n%d, team: ml, purpose: training, owner: ml@example.org, deliver: a:ml/n%d#KEY}\n", i, i)
	}
	return b.String()
}

func TestReplicasShareTheWork(t *testing.T) {
	t.Parallel()
	const accounts = 40
	w := newWorldAt(t, onServer(t), manyAccounts(accounts, "sweep_every: 1s\nworkers: 2\n"))
	var issued atomic.Int64
	w.platform.Intercept(func(_ context.Context, s providertest.PlatformStep) error {
		if s.Point == providertest.After && s.Op == "issue" {
			issued.Add(1)
		}
		return nil
	})
	one, two := w.replica("one", &w.yaml), w.replica("two", &w.yaml)
	beside := w.open()
	w.until("all delivered", func() bool {
		for i := range accounts {
			name := fmt.Sprintf("ml/n%d", i)
			if !w.delivered(beside, rotation.Ref(name), rotation.Destination{Store: "a", Path: name, Field: "KEY"}) {
				return false
			}
		}
		return true
	})
	if n := issued.Load(); n > accounts {
		t.Errorf("%d keys issued for %d accounts", n, accounts)
	}
	const agreed = "msg=rotation.agreed" // logged just after it is on record
	w.until("all told", func() bool { return one.log.count(agreed)+two.log.count(agreed) >= accounts })
	if a, b := one.log.count(agreed), two.log.count(agreed); a+b != accounts || a == 0 || b == 0 {
		t.Errorf("of %d accounts one did %d, the other %d", accounts, a, b)
	}
	before := one.sweeps() + two.sweeps()
	w.until("some sweeps", func() bool { return one.sweeps()+two.sweeps() >= before+3 })
	if one.sweeps() > 0 && two.sweeps() > 0 {
		t.Errorf("both sweep: %d and %d times", one.sweeps(), two.sweeps())
	}
	for _, r := range []*replica{one, two} {
		if status, body := r.get("/readyz"); status != http.StatusOK {
			t.Errorf("%s", body)
		}
	}
	engines, err := beside.Engines(t.Context())
	if err != nil || len(engines) != 2 || engines[0].Name != "one" || engines[1].Name != "two" {
		t.Errorf("%v run, %v", engines, err)
	}
	if one.log.count("replica=one") == 0 || one.log.count("replica=two") > 0 {
		t.Error("the log does not say which replica speaks")
	}
}

// TestARequestIsCarriedOutOnce: by any replica, and what comes of it is known
// to the one that sweeps: the end of the overlap is not waited for by a sweep.
func TestARequestIsCarriedOutOnce(t *testing.T) {
	t.Parallel()
	w := newWorldAt(t, onServer(t), strings.Replace(twoAccounts, "overlap: 24h", "overlap: 1s", 1))
	one, two := w.replica("one", &w.yaml), w.replica("two", &w.yaml)
	beside := w.open()
	w.until("delivered", func() bool { return w.trained(beside) && w.evaluated(beside) })
	for n := range rotation.Edition(3) {
		w.request(beside, train)
		w.until("rotated, and the old key gone", func() bool {
			r := w.record(beside, train)
			return r.Offer.Edition == n+2 && len(r.Old) == 0 && len(w.platform.LiveKeys(r.Account)) == 1
		})
	}
	if n := one.sweeps() + two.sweeps(); n != 1 {
		t.Errorf("%d sweeps, want the first alone", n)
	}
}

// TestTheSweeperEnds: another replica sweeps at once, and knows what is due.
func TestTheSweeperEnds(t *testing.T) {
	t.Parallel()
	w := newWorldAt(t, onServer(t), strings.Replace(twoAccounts, "overlap: 24h", "overlap: 2s", 1))
	one := w.replica("one", &w.yaml)
	w.until("sweeping", one.leads)
	beside := w.open()
	w.until("delivered", func() bool { return w.trained(beside) && w.evaluated(beside) })
	two := w.replica("two", &w.yaml)
	w.request(beside, train)
	w.until("rotated", func() bool { return w.record(beside, train).Offer.Edition == 2 && w.trained(beside) })
	if err := one.stop(); err != nil {
		t.Fatal(err)
	}
	ended := time.Now()
	w.until("swept by the other", func() bool { return two.sweeps() > 0 })
	if took := time.Since(ended); took > lease {
		t.Errorf("it took %s, as long as for a dead one", took)
	}
	w.until("the old key gone", func() bool { return len(w.platform.LiveKeys(w.record(beside, train).Account)) == 1 })
}

// TestTheReplicaThatHasTheValueGoesOn: a new key that no store could take yet
// is in the memory of one replica. The others leave its account to it, and do
// not issue another, however often the account is worked on.
func TestTheReplicaThatHasTheValueGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorldAt(t, onServer(t), strings.Replace(twoAccounts, "sweep_every: 1h", "sweep_every: 1s", 1))
	one, two := w.replica("one", &w.yaml), w.replica("two", &w.yaml)
	beside := w.open()
	w.until("delivered", func() bool { return w.evaluated(beside) })
	var tries atomic.Int64
	w.stores["b"].Intercept(func(_ context.Context, s providertest.StoreStep) error {
		if s.Op == "put" {
			tries.Add(1)
			return providertest.Lost("put", "b")
		}
		return nil
	})
	w.request(beside, eval)
	w.until("several tries", func() bool { return tries.Load() >= 5 })
	issued := w.record(beside, eval).Offer
	if issued.Edition != 2 {
		t.Errorf("%d keys were issued while the store took none", issued.Edition-1)
	}
	w.stores["b"].Intercept(nil)
	w.until("delivered", func() bool { return w.evaluated(beside) })
	if now := w.record(beside, eval).Offer; now != issued {
		t.Errorf("key %s was lost, and %s made in its place", issued.Key, now.Key)
	}

	w.stores["b"].Intercept(func(_ context.Context, s providertest.StoreStep) error {
		if s.Op == "put" {
			return providertest.Lost("put", "b")
		}
		return nil
	})
	w.request(beside, eval)
	w.until("another key issued that nobody has", func() bool { return w.record(beside, eval).Offer.Edition == 3 })
	w.until("given up for now", func() bool { return one.log.count("edition=3")+two.log.count("edition=3") > 0 })
	holder, other := one, two
	if two.log.count("msg=key.offered replica=two account=ml/eval edition=3") > 0 {
		holder, other = two, one
	}
	if err := holder.stop(); err != nil {
		t.Fatal(err)
	}
	w.stores["b"].Intercept(nil)
	w.until("another issued and delivered by the other", func() bool {
		return w.record(beside, eval).Offer.Edition == 4 && w.evaluated(beside)
	})
	if other.log.count("account=ml/eval edition=4") == 0 || holder.log.count("account=ml/eval edition=4") > 0 {
		t.Error("not by the other")
	}
	if log := one.log.String() + two.log.String(); strings.Contains(log, "CANARY") {
		t.Error("a key was logged")
	}
}

// TestOneConfigurationIsInForce: of replicas with different ones, those with
// the one that is in force work, and the others wait.
func TestOneConfigurationIsInForce(t *testing.T) {
	t.Parallel()
	short := strings.Replace(twoAccounts, "overlap: 24h", "overlap: 1s", 1)
	w := newWorldAt(t, onServer(t), short)
	var newer atomic.Pointer[string]
	more := short + "  - {name: third, team: ml, purpose: more, owner: ml@example.org, deliver: a:ml/third#KEY}\n"
	newer.Store(&more)
	third := rotation.Destination{Store: "a", Path: "ml/third", Field: "KEY"}
	one := w.replica("one", &w.yaml)
	beside := w.open()
	w.until("delivered", func() bool { return w.trained(beside) && w.evaluated(beside) })
	two := w.replica("two", &newer)
	w.until("the other waits", func() bool { return two.log.count("other replicas have another configuration") == 1 })
	if status, body := two.get("/readyz"); status != http.StatusOK {
		t.Errorf("one that waits keeps a rollout from going on: %s", body)
	}
	for n := range rotation.Edition(3) {
		w.request(beside, train)
		w.until("rotated", func() bool { return w.record(beside, train).Offer.Edition == n+2 && w.trained(beside) })
	}
	if n := two.log.count("account="); n > 0 {
		t.Errorf("one that waits worked\n%s", two.log)
	}
	if w.delivered(beside, "ml/third", third) {
		t.Error("two configurations at work")
	}
	w.yaml.Store(&more)
	one.Reload()
	w.until("the new one in force", func() bool { return w.delivered(beside, "ml/third", third) })
	w.until("the other works too", func() bool {
		_, metrics := two.get("/metrics")
		return strings.Contains(metrics, "\nkeyrota_config_in_force 1\n")
	})
	if err := one.stop(); err != nil {
		t.Fatal(err)
	}
	w.request(beside, train)
	w.until("carried out by the other", func() bool {
		return w.record(beside, train).Offer.Edition == 5 && w.trained(beside)
	})
}

// TestAReplicaThatEndsLetsOthersGoOn: at once, also with what it could not end.
func TestAReplicaThatEndsLetsOthersGoOn(t *testing.T) {
	t.Parallel()
	w := newWorldAt(t, onServer(t), strings.Replace(twoAccounts, "sweep_every: 1h", "sweep_every: 1h\nworkers: 1", 1))
	one := w.replicaWith("one", &w.yaml, func(o *daemon.Options) { o.Grace = 200 * time.Millisecond })
	beside := w.open()
	w.until("delivered", func() bool { return w.trained(beside) && w.evaluated(beside) })
	writing, never := make(chan struct{}, 100), make(chan struct{})
	defer close(never)
	var hangs atomic.Bool
	hangs.Store(true)
	w.stores["a"].Intercept(func(_ context.Context, s providertest.StoreStep) error {
		if s.Op == "put" && hangs.Load() {
			writing <- struct{}{}
			<-never
		}
		return nil
	})
	w.request(beside, train)
	w.receive("a write under way", writing)
	w.request(beside, eval) // behind it, in the queue
	w.until("queued", func() bool { return w.record(beside, eval).Request.Kind != rotation.RequestNone })
	w.replica("two", &w.yaml)
	hangs.Store(false)
	if err := one.stop(); err != nil {
		t.Fatal(err)
	}
	ended := time.Now()
	w.until("the other went on", func() bool {
		return w.record(beside, eval).Offer.Edition == 2 && w.evaluated(beside) &&
			w.record(beside, train).Offer.Edition >= 2 && w.trained(beside)
	})
	if took := time.Since(ended); took > lease {
		t.Errorf("it took %s, as long as for a dead one", took)
	}
}

// TestTheDatabaseGoesAndComesBack: meanwhile nothing is begun, and a new key
// that no store has yet is not lost with it, however long it takes.
func TestTheDatabaseGoesAndComesBack(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	w := newWorldAt(t, server.Fresh(t), strings.Replace(twoAccounts, "sweep_every: 1h", "sweep_every: 1s", 1))
	const lease = 4 * time.Second
	short := func(o *daemon.Options) { o.Lease = lease }
	all := []*replica{w.replicaWith("one", &w.yaml, short), w.replicaWith("two", &w.yaml, short)}
	beside := w.open()
	w.until("delivered", func() bool { return w.trained(beside) && w.evaluated(beside) })
	w.stores["b"].Intercept(func(_ context.Context, s providertest.StoreStep) error {
		if s.Op == "put" {
			return providertest.Lost("put", "b")
		}
		return nil
	})
	w.request(beside, eval)
	w.until("a key that nobody has", func() bool { return w.record(beside, eval).Offer.Edition == 2 })
	issued := w.record(beside, eval).Offer
	w.until("the pass over", func() bool {
		return all[0].log.count("something is in the way")+all[1].log.count("something is in the way") > 0
	})
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	down := time.Now()
	var effects atomic.Int64
	for _, r := range all {
		w.until("not ready", func() bool { status, _ := r.get("/readyz"); return status == http.StatusServiceUnavailable })
		if status, body := r.get("/healthz"); status != http.StatusOK {
			t.Errorf("to be restarted for a database that is down: %s", body)
		}
	}
	w.platform.Intercept(func(context.Context, providertest.PlatformStep) error { effects.Add(1); return nil })
	w.stores["b"].Intercept(nil)
	w.until("leases to run out", func() bool { return time.Since(down) > 2*lease })
	if n := effects.Load(); n > 0 {
		t.Errorf("%d calls to the platform without a ledger", n)
	}
	lines := all[0].log.count("\n")
	t.Logf("%d lines were logged in %s", lines, time.Since(down))
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	w.until("delivered", func() bool { return w.evaluated(beside) })
	if now := w.record(beside, eval).Offer; now != issued {
		t.Errorf("key %s was lost, and %s made in its place", issued.Key, now.Key)
	}
	for _, r := range all {
		w.until("ready", func() bool { status, _ := r.get("/readyz"); return status == http.StatusOK })
	}
	w.request(beside, train)
	w.until("requests carried out", func() bool { return w.record(beside, train).Offer.Edition == 2 && w.trained(beside) })
}

// TestANewerProgramBesideThisOne: what it makes of its queue, and of the ledger, does
// not trouble one that runs; one that starts refuses a ledger that it does not
// know.
func TestANewerProgramBesideThisOne(t *testing.T) {
	t.Parallel()
	w := newWorldAt(t, onServer(t), twoAccounts)
	w.replica("older", &w.yaml)
	beside := w.open()
	w.until("delivered", func() bool { return w.trained(beside) && w.evaluated(beside) })
	for _, step := range []string{
		`ALTER TABLE ledger_record ADD COLUMN of_the_future TEXT`,
		`INSERT INTO ledger_schema (version_id, is_applied) SELECT max(version_id) + 1, true FROM ledger_schema`,
		`CREATE SCHEMA public_river9`,
		`CREATE TABLE public_river9.river_job (id BIGINT)`,
	} {
		if _, err := beside.DB().ExecContext(t.Context(), step); err != nil {
			t.Fatalf("%s: %v", step, err)
		}
	}
	w.request(beside, train)
	w.until("the older one works on", func() bool { return w.record(beside, train).Offer.Edition == 2 && w.trained(beside) })
	_, err := ledger.Open(t.Context(), w.path, ledger.Options{Instance: "test"})
	if !errors.Is(err, ledger.ErrNewer) {
		t.Errorf("an older program that starts: %v", err)
	}
}
