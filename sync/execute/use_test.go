package execute_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/execute"
)

// training is a platform on which runs go on.
type training struct {
	*providertest.Platform
	runs  []providers.Run
	fails error
	takes time.Duration // until it answers
	own   bool          // asked with a key of the account
	teams []string      // asked about
}

func (p *training) Projects(context.Context, string, providers.Secret, func(string) error) error {
	return nil
}

func (p *training) Runs(context.Context, string, string, providers.Secret, time.Time, func(providers.Run) error) error {
	return nil
}

func (p *training) Beating(ctx context.Context, _ rotation.Account, teams []string, auth providers.Secret, before time.Time) ([]providers.Run, error) {
	p.own, p.teams = !auth.Empty(), teams
	select {
	case <-ctx.Done():
		return nil, &providers.Error{Provider: "platform", Op: "look for runs of", Kind: providers.Transient, Err: ctx.Err()}
	case <-time.After(p.takes):
	}
	var runs []providers.Run
	for _, r := range p.runs {
		if r.Created.Before(before) {
			runs = append(runs, r)
		}
	}
	return runs, p.fails
}

func (p *training) begin(name string) {
	p.runs = append(p.runs, providers.Run{Team: "ml", Project: "eval", Name: name, State: "running", Created: time.Now()})
}

const longTraining = oneAccount + `    overlap: 1d
    max_overlap: 14d
`

// inTraining is an account whose key was just replaced while a run goes on that
// began with the old one.
func inTraining(t *testing.T) (w *world, p *training, was rotation.KeyID) {
	t.Helper()
	w = newWorld(t, longTraining, providertest.PlatformOptions{})
	p = &training{Platform: w.platform}
	w.issuer = p
	w.configure(longTraining)
	w.pass()
	was = w.reader()
	time.Sleep(29 * 24 * time.Hour)
	p.begin("k2x9")
	time.Sleep(2 * 24 * time.Hour)
	if r := w.pass(); bad(r) || w.reader() == was {
		t.Fatalf("not rotated: %+v", r)
	}
	return w, p, was
}

// A run of nine days across a rotation: its key lives until it ends.
func TestANineDayRunKeepsItsKey(t *testing.T) {
	for name, admin := range map[string]bool{"with an admin key": true, "by its own keys": false} {
		bubble(t, name, func(t *testing.T) {
			w, p, was := inTraining(t)
			if !admin {
				w.admin = false
				w.platform.Set(func(o *providertest.PlatformOptions) { o.NoAdmin = true })
				w.configure(longTraining)
			}
			for ends := p.runs[0].Created.Add(9 * 24 * time.Hour); time.Now().Before(ends); time.Sleep(6 * time.Hour) {
				r := w.pass()
				if bad(r) || !w.works(was) {
					t.Fatalf("%s after it began, the run's key is gone: %+v\n%v", time.Since(p.runs[0].Created), r, w.ledger.events)
				}
				if p.own == admin && p.teams != nil {
					t.Fatalf("asked with a key of its own: %v", p.own)
				}
			}
			if r := w.pass(); !strings.Contains(r.Wait.Why, "ml/eval/k2x9") || !strings.Contains(r.Wait.Why, "keyrota retire ml/ci-train") {
				t.Errorf("what keeps it is not told: %s", r.Wait.Why)
			}
			if n := strings.Count(strings.Join(w.ledger.events, " "), "key.in_use"); n != 1 {
				t.Errorf("told %d times", n)
			}
			p.runs = nil
			if r := w.pass(); bad(r) || w.works(was) || w.live() != 1 || len(w.record().HeldBy) > 0 {
				t.Fatalf("the run has ended: %+v", r)
			}
			w.reader()
		})
	}
}

func TestARunThatBeganWithTheNewKeyKeepsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p, was := inTraining(t)
		p.runs = nil
		time.Sleep(time.Hour)
		p.begin("later")
		time.Sleep(24 * time.Hour)
		if r := w.pass(); bad(r) || w.works(was) {
			t.Fatalf("%+v", r)
		}
	})
}

func TestWhatCannotBeToldKeepsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p, was := inTraining(t)
		p.fails = &providers.Error{Provider: "platform", Op: "runs", Kind: providers.Denied, Err: errors.New("no")}
		time.Sleep(25 * time.Hour)
		if r := w.pass(); bad(r) || w.works(was) {
			t.Fatalf("%+v", r)
		}
	})
}

// What asking again may tell is waited for, and asked in every pass.
func TestAnAnswerThatDidNotComeKeepsTheKey(t *testing.T) {
	fails := func(k providers.Kind) func(*training) {
		return func(p *training) {
			p.fails = &providers.Error{Provider: "platform", Op: "runs", Kind: k, Err: errors.New("slow down"), RetryAfter: time.Minute}
		}
	}
	for name, fault := range map[string]func(*training){
		"too many calls": fails(providers.Limited),
		"unwell":         fails(providers.Transient),
		"no answer":      func(p *training) { p.takes = time.Hour },
		"broken off":     func(p *training) { p.takes, p.fails = 4*time.Minute, errors.New("broken off") },
	} {
		bubble(t, name, func(t *testing.T) {
			w, p, was := inTraining(t)
			fault(p)
			time.Sleep(25 * time.Hour)
			began := time.Now()
			r := w.pass()
			if took := time.Since(began); took > 6*time.Minute {
				t.Errorf("the pass took %s, and others wait", took)
			}
			if !w.works(was) || r.Result(nil) != execute.Waiting || r.Record.Parked != "" || !strings.Contains(r.Wait.Why, "could not be told (") {
				t.Fatalf("the run's key: works %v; %+v", w.works(was), r)
			}
			p.takes, p.fails = 0, nil
			if r := w.pass(); bad(r) || !w.works(was) || len(w.record().HeldBy) != 1 {
				t.Fatalf("it answers: %+v", r)
			}
			p.runs = nil
			if r := w.pass(); bad(r) || w.works(was) {
				t.Fatalf("the run has ended: %+v", r)
			}
		})
	}
}

func TestAnAnswerThatNeverComesKeepsNothingForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p, was := inTraining(t)
		p.takes = time.Hour
		for range 13 {
			time.Sleep(24 * time.Hour)
			w.pass()
		}
		if !w.works(was) {
			t.Fatal("it is gone before max_overlap")
		}
		time.Sleep(2 * 24 * time.Hour)
		if r := w.pass(); bad(r) || w.works(was) {
			t.Fatalf("%+v", r)
		}
	})
}

// A large team has many projects, each of which is asked about.
func TestALongAnswerAboutRunsIsHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p, was := inTraining(t)
		p.takes = 4 * time.Minute
		w.worker.Call.Calling = func(string) func(bool) {
			begun := time.Now()
			return func(bool) {
				if time.Since(begun) > 30*time.Second {
					t.Error("the platform counts as silent because it has much to say")
				}
			}
		}
		time.Sleep(25 * time.Hour)
		if r := w.pass(); bad(r) || !w.works(was) || len(w.record().HeldBy) != 1 {
			t.Fatalf("%+v", r)
		}
	})
}

// A run that was seen counts until an answer says otherwise; and in the end a
// person does.
func TestARunThatNeverEndsCallsAPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p, was := inTraining(t)
		time.Sleep(2 * 24 * time.Hour)
		w.pass()
		p.fails = &providers.Error{Provider: "platform", Op: "runs", Kind: providers.Denied, Err: errors.New("no")}
		if r := w.pass(); bad(r) || !w.works(was) {
			t.Fatalf("forgotten once it cannot be told: %+v", r)
		}
		p.fails = nil
		time.Sleep(13 * 24 * time.Hour)
		r := w.pass()
		if !w.works(was) || !strings.Contains(w.record().Parked, "run ml/eval/k2x9 (created 2000-01-30T00:00:00Z) goes on") ||
			!strings.Contains(w.record().Parked, "keyrota retire ml/ci-train") {
			t.Fatalf("%+v", r)
		}
		w.request(rotation.Request{Kind: rotation.RequestRetire, Keys: []rotation.KeyID{was}})
		if r := w.pass(); bad(r) || w.works(was) {
			t.Fatalf("a person gave it up: %+v", r)
		}
		if words := w.condemned(was); !strings.Contains(words, "ml/eval/k2x9") {
			t.Errorf("what breaks is not on record: %q", words)
		}
	})
}

func TestALeakWaitsForNoRunAndNamesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, was := inTraining(t)
		w.request(rotation.Request{Kind: rotation.RequestLeaked})
		w.pass()
		time.Sleep(time.Hour)
		if r := w.pass(); bad(r) || w.works(was) || w.record().Emergency() {
			t.Fatalf("%+v", r)
		}
		if words := w.condemned(was); !strings.Contains(words, "ml/eval/k2x9") {
			t.Errorf("what breaks is not on record: %q", words)
		}
	})
}

// condemned is what was put on record before a key was deleted.
func (w *world) condemned(k rotation.KeyID) string {
	for _, e := range w.ledger.told {
		if e.Kind == rotation.EventCondemned && e.Key == k {
			return e.Words
		}
	}
	return ""
}
