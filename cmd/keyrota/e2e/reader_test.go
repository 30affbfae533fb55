package e2e

import (
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"
)

// place is one destination as its reader knows it.
type place struct {
	account string
	secret  string
	key     func(map[string]json.RawMessage) string
}

// readers read every place again and again from Vault and use at once, at the
// platform, what they found: what a job does that starts now.
type readers struct {
	w       *world
	overlap time.Duration
	stop    chan struct{}
	done    sync.WaitGroup

	mu    sync.Mutex
	reads int
	late  int // uses that a busy machine delayed for longer than the overlap
	dead  []string
	keys  map[string][]string // ids of the keys that were found, by secret
}

// read starts a reader of each place. They trust a key no longer than the
// overlap: what a machine under load delays longer than that is not counted.
func (w *world) read(overlap time.Duration, places ...place) *readers {
	r := &readers{w: w, overlap: overlap, stop: make(chan struct{}), keys: map[string][]string{}}
	for _, p := range places {
		r.done.Go(func() { r.follow(p) })
	}
	return r
}

const readEvery = 15 * time.Millisecond

func (r *readers) follow(p place) {
	found := false // once there, it must stay there
	for {
		select {
		case <-r.stop:
			return
		case <-time.After(readEvery):
		}
		begun := time.Now()
		fields, err := r.w.secret(p.secret)
		if err != nil {
			r.fail(p, err.Error())
			continue
		}
		key := p.key(fields)
		if key == "" {
			if found {
				r.fail(p, "the key went away")
			}
			continue
		}
		found = true
		works, err := r.w.works(key, p.account+"-"+p.secret)
		if err != nil {
			r.fail(p, err.Error())
			continue
		}
		id, _ := r.w.platform.KeyID(key)
		r.note(p, id, works, time.Since(begun))
	}
}

func (r *readers) fail(p place, words string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dead = append(r.dead, time.Now().Format("15:04:05.000 ")+p.secret+": "+words)
}

func (r *readers) note(p place, id string, works bool, took time.Duration) {
	r.mu.Lock()
	r.reads++
	if id != "" && !slices.Contains(r.keys[p.secret], id) {
		r.keys[p.secret] = append(r.keys[p.secret], id)
	}
	slow := !works && took >= r.overlap
	if slow {
		r.late++
	}
	r.mu.Unlock()
	if !works && !slow {
		r.fail(p, "a dead key")
	}
}

// different is how many different keys were found in each secret.
func (r *readers) different() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	counts := map[string]int{}
	for secret, ids := range maps.All(r.keys) {
		counts[secret] = len(ids)
	}
	return counts
}

// end stops reading, and fails the test if a reader ever had a dead key.
func (r *readers) end(t testing.TB) {
	t.Helper()
	close(r.stop)
	r.done.Wait()
	for i, words := range r.dead {
		if i == 20 {
			t.Errorf("and %d more", len(r.dead)-i)
			break
		}
		t.Errorf("a reader: %s", words)
	}
	if r.reads == 0 {
		t.Error("nobody read anything")
	}
}
