package daemon_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/daemon"
	"github.com/keyrota/keyrota/sync/ledger"
)

func TestAccountsAreDeliveredAndRequestsCarriedOut(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		w := newWorldAt(t, at, twoAccounts)
		e := w.start(w.options())
		beside := w.open()
		w.until("both accounts delivered", func() bool { return w.trained(beside) && w.evaluated(beside) })
		was := w.record(beside, train).Offer
		w.request(beside, train)
		w.until("a new key delivered", func() bool {
			return w.record(beside, train).Offer.Edition > was.Edition && w.trained(beside)
		})
		if err := e.stop(); err != nil {
			t.Fatal(err)
		}
		if engines, err := beside.Engines(t.Context()); err != nil || len(engines) > 0 {
			t.Errorf("after its end %v run, %v", engines, err)
		}
	})
}

// TestWhatFallsDueBetweenSweeps: an overlap that ends long before the next
// sweep is not kept waiting for it.
func TestWhatFallsDueBetweenSweeps(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		w := newWorldAt(t, at, strings.Replace(twoAccounts, "overlap: 24h", "overlap: 1s", 1))
		w.start(w.options())
		beside := w.open()
		w.until("delivered", func() bool { return w.trained(beside) })
		w.request(beside, train)
		w.until("rotated, and the old key gone", func() bool {
			r := w.record(beside, train)
			return r.Offer.Edition > 1 && len(r.Old) == 0 && len(w.platform.LiveKeys(r.Account)) == 1
		})
		if n := w.log.count("msg=swept"); n != 1 {
			t.Errorf("%d sweeps, want the first alone", n)
		}
	})
}

func TestAStoreThatIsDownStopsOnlyItsAccounts(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		w := newWorldAt(t, at, strings.Replace(twoAccounts, "sweep_every: 1h", "sweep_every: 1s", 1))
		w.stores["b"].Unreachable(true)
		e := w.start(w.options())
		beside := w.open()
		w.until("the other account delivered", func() bool { return w.trained(beside) })
		w.until("some sweeps", func() bool { return w.log.count("msg=swept") >= 4 })
		// A pass and a sweep say it in their own words each.
		if n := w.log.count(`level=WARN msg="something is in the way" account=ml/eval`); n < 1 || n > 2 {
			t.Errorf("%d lines say that the store is down, want one each of the pass and the sweeps\n%s", n, w.log)
		}
		if status, body := e.get("/readyz"); status != http.StatusOK {
			t.Errorf("not ready for a store that is down: %s", body)
		}
		if _, metrics := e.get("/metrics"); !strings.Contains(metrics, "\nkeyrota_rotation_overdue 1\n") {
			t.Errorf("the account that waits is not counted:\n%s", metrics)
		}
		w.stores["b"].Unreachable(false)
		w.until("delivered after all", func() bool { return w.evaluated(beside) })
		w.until("the end of the trouble logged", func() bool {
			return w.log.count(`level=INFO msg="nothing is in the way any more" account=ml/eval`) == 1
		})
	})
}

// TestAFaultOfOursStopsOnlyOneAccount: a panic in the code for one store costs
// neither the engine nor the other account, and shows no key.
func TestAFaultOfOursStopsOnlyOneAccount(t *testing.T) {
	t.Parallel()
	const key = "local-CANARY-0123456789-0123456789-0123456789"
	w := newWorld(t, twoAccounts)
	w.stores["b"].Intercept(func(_ context.Context, s providertest.StoreStep) error {
		if s.Op == "put" {
			panic(key)
		}
		return nil
	})
	w.start(w.options())
	beside := w.open()
	w.until("the other account delivered", func() bool { return w.trained(beside) })
	w.until("the fault logged", func() bool { return w.log.count("a fault in keyrota: a panic with a string") > 0 })
	w.stores["b"].Intercept(nil)
	w.request(beside, eval)
	w.until("the account delivered, once the fault is gone", func() bool { return w.evaluated(beside) })
	events, err := beside.Events(t.Context(), 0, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(w.log.String()+fmt.Sprint(events), "CANARY") {
		t.Errorf("a key was told\n%s\n%v", w.log, events)
	}
}

func TestASecondEngineIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, twoAccounts)
	w.start(w.options())
	second, err := daemon.New(w.options())
	if err != nil {
		t.Fatal(err)
	}
	err = second.Run(t.Context())
	if !errors.Is(err, ledger.ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint("process ", os.Getpid())) {
		t.Fatalf("a second engine: %v, want a refusal that names the first", err)
	}
}

func TestReload(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		w := newWorldAt(t, at, twoAccounts)
		e := w.start(w.options())
		beside := w.open()
		w.until("both accounts delivered", func() bool { return w.trained(beside) && w.evaluated(beside) })

		w.configure(twoAccounts + "nonsense: 1\n")
		e.Reload()
		w.until("the bad configuration refused", func() bool {
			return w.log.count(`level=ERROR msg="the new configuration is refused`) == 1
		})
		if _, metrics := e.get("/metrics"); !strings.Contains(metrics, "\nkeyrota_config_reload_success 0\n") ||
			!strings.Contains(metrics, "\nkeyrota_config_reloads_total{result=\"refused\"} 1\n") {
			t.Errorf("the refusal is not counted:\n%s", metrics)
		}
		was := w.record(beside, train).Offer
		w.request(beside, train)
		w.until("the old configuration still worked on", func() bool {
			return w.record(beside, train).Offer.Edition > was.Edition && w.trained(beside)
		})

		w.configure(strings.Replace(twoAccounts, "sweep_every: 1h", "sweep_every: 1h\nworkers: 2", 1) +
			"  - {name: third, team: ml, purpose: more, owner: ml@example.org, deliver: a:ml/third#KEY}\n")
		e.Reload()
		w.until("the new account delivered", func() bool {
			return w.delivered(beside, "ml/third", rotation.Destination{Store: "a", Path: "ml/third", Field: "KEY"})
		})
		if _, metrics := e.get("/metrics"); !strings.Contains(metrics, "\nkeyrota_config_reload_success 1\n") {
			t.Errorf("the configuration that could be used is not counted:\n%s", metrics)
		}
		w.request(beside, train)
		w.until("carried out by the new workers", func() bool {
			return w.record(beside, train).Offer.Edition > was.Edition+1 && w.trained(beside)
		})
	})
}

// TestAReloadLosesNoKey: a new key that its store could not take yet is in
// memory alone, and the workers of the new configuration go on with it.
func TestAReloadLosesNoKey(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		w := newWorldAt(t, at, twoAccounts)
		e := w.start(w.options())
		beside := w.open()
		w.until("delivered", func() bool { return w.evaluated(beside) })
		w.stores["b"].Intercept(func(_ context.Context, s providertest.StoreStep) error {
			if s.Op == "put" {
				return providertest.Lost("put", "b")
			}
			return nil
		})
		w.request(beside, eval)
		w.until("a key issued that nobody has", func() bool { return w.record(beside, eval).Offer.Edition == 2 })
		w.until("the pass over", func() bool { return w.log.count(`level=WARN msg="something is in the way" account=ml/eval`) == 1 })
		issued := w.record(beside, eval).Offer.Key
		e.Reload()
		w.until("reloaded", func() bool { return w.log.count("the configuration was loaded again") == 1 })
		w.stores["b"].Intercept(nil)
		e.Sweep()
		w.until("delivered", func() bool { return w.evaluated(beside) })
		if now := w.record(beside, eval).Offer.Key; now != issued {
			t.Errorf("key %s was lost, and %s made in its place", issued, now)
		}
	})
}

// TestAStopInTheMiddleOfAnIssue: what was begun is finished, and delivered.
func TestAStopInTheMiddleOfAnIssue(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		w := newWorldAt(t, at, twoAccounts)
		e := w.start(w.options())
		beside := w.open()
		w.until("both accounts delivered", func() bool { return w.trained(beside) && w.evaluated(beside) })
		issuing, goOn := make(chan struct{}), make(chan struct{})
		w.platform.Intercept(func(_ context.Context, s providertest.PlatformStep) error {
			if s.Op == "issue" && s.Point == providertest.After {
				close(issuing)
				<-goOn
			}
			return nil
		})
		w.request(beside, train)
		w.receive("a key being created", issuing)
		e.cancel()
		w.until("stopping", func() bool { return w.log.count("msg=stopping") == 0 && w.log.count("stopping: passes") == 1 })
		if status, _ := e.get("/readyz"); status != http.StatusServiceUnavailable {
			t.Error("ready while stopping")
		}
		close(goOn)
		if err := e.stop(); err != nil {
			t.Fatal(err)
		}
		if r := w.record(beside, train); r.Intent.Label != "" || r.Offer.Edition != 2 || !w.trained(beside) {
			t.Errorf("left in the middle: %+v", r)
		}
	})
}

// TestAStopIsBounded: a store that never answers does not keep the engine.
func TestAStopIsBounded(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		w := newWorldAt(t, at, twoAccounts)
		writing, never := make(chan struct{}, 100), make(chan struct{})
		defer close(never)
		w.stores["a"].Intercept(func(_ context.Context, s providertest.StoreStep) error {
			if s.Op == "put" {
				writing <- struct{}{}
				<-never
			}
			return nil
		})
		o := w.options()
		o.Grace = 100 * time.Millisecond
		e := w.start(o)
		w.receive("a write under way", writing)
		if err := e.stop(); err != nil {
			t.Fatal(err)
		}
		if w.log.count("passes were left behind") != 1 {
			t.Errorf("nobody said what was left\n%s", w.log)
		}
	})
}

// TestAfterACrashWorkGoesOnAtOnce: the jobs that a killed engine was at are
// not waited for.
func TestAfterACrashWorkGoesOnAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, twoAccounts)
	working, goOn := make(chan struct{}), make(chan struct{})
	w.stores["a"].Intercept(func(_ context.Context, s providertest.StoreStep) error {
		if s.Op == "put" {
			select {
			case working <- struct{}{}:
				<-goOn
			case <-goOn:
			}
			return errDown
		}
		return nil
	})
	first := w.start(w.options())
	w.receive("a write under way", working)
	// What a crash now would leave on the disk.
	left := filepath.Join(t.TempDir(), "ledger.db")
	if _, err := w.open().DB().ExecContext(t.Context(), `VACUUM INTO ?`, left); err != nil {
		t.Fatal(err)
	}
	close(goOn)
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	w.stores["a"].Intercept(nil)
	w.path = left
	beside := w.open()
	var running int
	if err := beside.DB().QueryRowContext(t.Context(), `SELECT count(*) FROM river_job WHERE state = 'running'`).Scan(&running); err != nil || running == 0 {
		t.Fatalf("%d jobs were left running, %v: the crash is none", running, err)
	}
	w.start(w.options())
	w.until("delivered", func() bool { return w.trained(beside) && w.evaluated(beside) })
}

func TestHealthAndMetrics(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		w := newWorldAt(t, at, twoAccounts)
		sweeping, goOn := make(chan struct{}, 100), make(chan struct{})
		w.platform.Intercept(func(_ context.Context, s providertest.PlatformStep) error {
			sweeping <- struct{}{}
			<-goOn
			return nil
		})
		e := w.start(w.options())
		w.receive("a sweep", sweeping)
		if status, body := e.get("/healthz"); status != http.StatusOK || body != "ok\n" {
			t.Errorf("/healthz in the first sweep: %d %s", status, body)
		}
		if status, body := e.get("/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, "first sweep") {
			t.Errorf("/readyz in the first sweep: %d %s", status, body)
		}
		close(goOn)
		beside := w.open()
		w.until("both accounts delivered", func() bool { return w.trained(beside) && w.evaluated(beside) })
		w.until("ready", func() bool { status, _ := e.get("/readyz"); return status == http.StatusOK })
		w.until("the passes counted", func() bool {
			_, metrics := e.get("/metrics")
			return strings.Contains(metrics, "\nkeyrota_pass_total{result=\"changed\"} 2\n") &&
				strings.Contains(metrics, "\nkeyrota_accounts{phase=\"steady\"} 2\n")
		})
		_, metrics := e.get("/metrics")
		for _, line := range []string{
			`keyrota_accounts{phase="parked"} 0`,
			`keyrota_rotation_overdue 0`,
			`keyrota_account_parked 0`,
			`keyrota_config_reload_success 1`,
			`keyrota_sweep_duration_seconds_count 1`,
			`keyrota_provider_calls_total{op="put",result="ok",service="a"} 1`,
			`keyrota_provider_call_duration_seconds_count{op="put",service="a"} 1`,
		} {
			if !strings.Contains(metrics, "\n"+line+"\n") {
				t.Errorf("/metrics has no line %s", line)
			}
		}
		for _, name := range []string{"keyrota_sweep_last_success_timestamp_seconds 1", `keyrota_build_info{goversion="go`} {
			if !strings.Contains(metrics, "\n"+name) {
				t.Errorf("/metrics has no %s", name)
			}
		}
		for _, never := range []string{"CANARY", "ml/", "train"} {
			if strings.Contains(metrics, never) {
				t.Errorf("/metrics shows %q", never)
			}
		}
		if beside.Shared() {
			return
		}
		if err := os.Rename(w.path, w.path+".moved"); err != nil {
			t.Fatal(err)
		}
		if status, body := e.get("/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, "moved") {
			t.Errorf("/readyz without a ledger: %d %s", status, body)
		}
	})
}

// TestTheServiceManagerIsTold: what systemd waits for, and restarts for.
func TestTheServiceManagerIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, twoAccounts)
	var told journal
	o := w.options()
	o.Watchdog = 10 * time.Millisecond
	o.Notify = func(state string) error {
		_, err := told.Write([]byte(state + "\n"))
		return err
	}
	e := w.start(o)
	w.until("fed the watchdog", func() bool { return told.count("READY=1\n") == 1 && told.count("WATCHDOG=1\n") > 2 })
	if err := e.stop(); err != nil || told.count("STOPPING=1\n") != 1 {
		t.Errorf("%v, told %q", err, told.String())
	}
}
