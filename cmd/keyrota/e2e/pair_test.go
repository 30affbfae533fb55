package e2e

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/keyrota/keyrota/sync/ledger/postgrestest"
)

// takenOverWithin is how long what a replica was at may lie still once that
// replica is no more.
const takenOverWithin = 2 * time.Minute

// pair is two daemons on one ledger in PostgreSQL, each with a network of
// its own to the database.
type pair struct {
	*shared
	networks [2]*toxic
	daemons  [2]*process
	takeover string // how long they wait for one another
}

func newPair(t *testing.T, server *postgrestest.Server, takeover string) *pair {
	t.Helper()
	r := &pair{takeover: takeover, shared: newSharedOn(t, server, "run", threeAccounts, threePlaces)}
	for i := range r.networks {
		r.networks[i] = newToxic(t, r.direct)
	}
	return r
}

// begin starts one of the two.
func (r *pair) begin(i int) {
	r.t.Helper()
	r.daemons[i] = r.startWith("LEDGER="+r.networks[i].URL, "run", "--takeover", r.takeover)
	d := r.daemons[i]
	poll(r.t, endsWithin, "a replica to run", func() bool { return strings.Contains(d.stderr.String(), "the engine runs") })
}

// end asks both to end, which they do without a fault.
func (r *pair) end() {
	r.t.Helper()
	for _, d := range r.daemons {
		_ = d.cmd.Process.Signal(syscall.SIGTERM)
	}
	for _, d := range r.daemons {
		d.wait(r.t)
		if d.exitCode() != 0 {
			r.t.Errorf("exit code %d:\n%s", d.exitCode(), d.text())
		}
	}
}

// atWork has one replica create a key for an account, and returns which of them
// it is, while the platform's answer is held back.
func (r *pair) atWork(account string) (worker int, answer func()) {
	r.t.Helper()
	come, free := make(chan struct{}), make(chan struct{})
	var once atomic.Bool
	r.gate.answer.set(func(_ *http.Request, q graphRequest) {
		if q.Operation == "GenerateApiKey" && once.CompareAndSwap(false, true) {
			close(come)
			<-free
		}
	})
	answer = sync.OnceFunc(func() { close(free) })
	r.t.Cleanup(answer)
	r.startWith("LEDGER="+r.direct, "rotate", "--yes", account).wait(r.t)
	select {
	case <-come:
	case <-time.After(takenOverWithin):
		r.t.Fatalf("nobody creates a key:\n%s\n%s", r.daemons[0].text(), r.daemons[1].text())
	}
	for i, d := range r.daemons {
		for line := range strings.Lines(d.stderr.String()) {
			if strings.Contains(line, `"key.issuing"`) && strings.Contains(line, "/"+account+`"`) {
				return i, answer
			}
		}
	}
	r.t.Fatalf("neither says that it creates a key:\n%s\n%s", r.daemons[0].text(), r.daemons[1].text())
	return 0, nil
}

// takenOver waits until the other replica has brought a new key of an account to
// its reader, and returns how long that took.
func (r *pair) takenOver(other int, at place, before string) time.Duration {
	r.t.Helper()
	begun := time.Now()
	poll(r.t, takenOverWithin+10*time.Second, "the other replica to go on", func() bool {
		if ended(r.daemons[other]) {
			r.t.Fatalf("it ended:\n%s", r.daemons[other].text())
		}
		key, err := r.finds(at)
		id, _ := r.platform.KeyID(key)
		return err == nil && id != before
	})
	took := time.Since(begun)
	if took > takenOverWithin {
		r.t.Errorf("what was left behind lay still for %s", took)
	}
	return took
}

// TestOneOfTwoReplicasIsLost: of two daemons on one ledger in PostgreSQL, the one that is just
// creating a key is killed, paused, or cut off from the database. The other goes
// on with the account within two minutes; when a paused one wakes, or one that
// was cut off is heard again, it harms nothing: what it made is deleted, and it
// takes part as before.
func TestOneOfTwoReplicasIsLost(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	for _, c := range []struct {
		name     string
		takeover string
		lose     func(r *pair, i int)
		back     func(r *pair, i int)
	}{
		{"killed, as configured by itself", "1m", func(r *pair, i int) {
			r.daemons[i].kill()
			kills.add("replica")
		}, func(r *pair, i int) { r.begin(i) }},
		{"paused", "3s", func(r *pair, i int) {
			_ = r.daemons[i].cmd.Process.Signal(syscall.SIGSTOP)
		}, func(r *pair, i int) {
			_ = r.daemons[i].cmd.Process.Signal(syscall.SIGCONT)
		}},
		{"cut off", "3s", func(r *pair, i int) {
			r.networks[i].ail(called("half-open, requests lost"))
		}, func(r *pair, i int) {
			r.networks[i].heal()
		}},
		{"refused", "3s", func(r *pair, i int) {
			r.networks[i].ail(called("nobody answers"))
		}, func(r *pair, i int) {
			r.networks[i].heal()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newPair(t, server, c.takeover)
			r.settings("overlap: 1s, every: 90d", r.accounts)
			r.deliver()
			r.gate.look.set(r.watch)
			readers := r.readEvery(30*time.Millisecond, time.Second, r.places...)
			r.begin(0)
			r.begin(1)
			before := r.live("nightly-eval")[0]
			worker, answer := r.atWork("nightly-eval")
			c.lose(r, worker)
			if c.name == "cut off" || c.name == "refused" {
				answer() // it has the key, and can put nothing on record
			}
			took := r.takenOver(1-worker, r.places[0], before)
			c.back(r, worker)
			answer()
			t.Logf("the other had gone on after %s", took.Round(100*time.Millisecond))
			poll(t, takenOverWithin, "everything to be settled", func() bool {
				for i, d := range r.daemons {
					if ended(d) {
						t.Fatalf("replica %d ended:\n%s", i, d.text())
					}
				}
				return len(r.wrong()) == 0
			})
			// Whoever was away takes part again.
			other := r.live("ci-training")[0]
			_ = r.daemons[1-worker].cmd.Process.Signal(syscall.SIGTERM)
			r.daemons[1-worker].wait(t)
			r.startWith("LEDGER="+r.direct, "rotate", "--yes", "ci-training").wait(t)
			r.takenOver(worker, r.places[1], other)
			r.begin(1 - worker)
			r.end()
			r.converge()
			readers.end(t)
			t.Log(r.accounted())
			if how, _ := holdsCanary(r.everythingPrinted()); how != "" {
				t.Errorf("a key was printed (%s)", how)
			}
		})
	}
}

// called is the ailment of a name.
func called(name string) ailment {
	all := ailments()
	return all[slices.IndexFunc(all, func(a ailment) bool { return a.name == name })]
}

// TestTheDatabaseIsKilled kills PostgreSQL, all of it, before, during and after a
// change that two daemons make, and starts it again: what it answered is on its
// disk. The daemons live on, and everything is rotated as before.
func TestTheDatabaseIsKilled(t *testing.T) {
	t.Parallel()
	r := newPair(t, postgrestest.Start(t), "3s")
	r.settings("overlap: 1s, every: 1s", r.accounts)
	r.deliver()
	r.gate.look.set(r.watch)
	readers := r.readEvery(30*time.Millisecond, time.Second, r.places...)
	r.begin(0)
	r.begin(1)
	turned := func(what string) time.Duration {
		begun, than := time.Now(), readers.different()
		poll(t, takenOverWithin, what, func() bool {
			for i, d := range r.daemons {
				if ended(d) {
					t.Fatalf("replica %d ended:\n%s", i, d.text())
				}
			}
			now := readers.different()
			return !slices.ContainsFunc(r.places, func(p place) bool { return now[p.secret] <= than[p.secret] })
		})
		return time.Since(begun)
	}
	turned("all to be rotated at first")
	for _, m := range []moment{before, during, after, later} {
		down := make(chan struct{})
		s := &strike{n: 1 + r.random.IntN(6), changes: true, moment: m, later: time.Duration(r.random.IntN(4000)) * time.Microsecond, hit: func() {
			r.up.Lock()
			if err := r.server.Kill(); err != nil {
				t.Error(err)
			}
			close(down)
		}}
		r.strikes.set(s)
		select {
		case <-down:
		case <-time.After(takenOverWithin):
			t.Fatalf("nothing changes:\n%s", r.daemons[0].text())
		}
		r.daemons[0].said(t, "the database")
		if err := r.server.Start(); err != nil {
			t.Fatal(err)
		}
		r.up.Unlock()
		kills.add("database")
		t.Logf("killed %s: all rotated again within %s", s, turned("all to be rotated again").Round(100*time.Millisecond))
	}
	r.end()
	took := r.converge()
	readers.end(t)
	t.Logf("converged in %s; %v", took.Round(time.Millisecond), r.accounted())
}

// said waits until a process has written something since.
func (r *process) said(t testing.TB, of string) {
	t.Helper()
	was := len(r.stderr.String())
	poll(t, endsWithin, "a word about "+of, func() bool { return len(r.stderr.String()) > was })
}
