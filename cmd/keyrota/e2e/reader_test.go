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
	find    func() (string, error) // what the reader finds; nil: the key in Vault's secret
	parse   func(string) string    // the key in what find reads
}

// inVault is a place in Vault.
func inVault(account, secret string, key func(map[string]json.RawMessage) string) place {
	return place{account: account, secret: secret, key: key}
}

// finds is the key that the reader of a place finds, or "".
func (w *world) finds(p place) (string, error) {
	if p.find != nil {
		return p.find()
	}
	fields, err := w.secret(p.secret)
	if err != nil {
		return "", err
	}
	return p.key(fields), nil
}

// readers read every place again and again from its store and use at once, at
// the platform, what they found: what a job does that starts now.
type readers struct {
	w       *world
	overlap time.Duration
	every   time.Duration // from one use to the next
	stop    chan struct{}
	done    sync.WaitGroup

	mu    sync.Mutex
	reads int
	late  int // uses that a busy machine delayed for longer than the overlap
	hand  int // uses of a dead key that a person had put there
	dead  []string
	keys  map[string][]string // ids of the keys that were found, by secret
}

// read starts a reader of each place. They trust a key no longer than the
// overlap: what a machine under load delays longer than that is not counted.
func (w *world) read(overlap time.Duration, places ...place) *readers {
	return w.readEvery(15*time.Millisecond, overlap, places...)
}

func (w *world) readEvery(every, overlap time.Duration, places ...place) *readers {
	r := &readers{w: w, overlap: overlap, every: every, stop: make(chan struct{}), keys: map[string][]string{}}
	for _, p := range places {
		r.done.Go(func() { r.follow(p) })
	}
	return r
}

func (r *readers) follow(p place) {
	found := false // once there, it must stay there
	for {
		select {
		case <-r.stop:
			return
		case <-time.After(r.every):
		}
		begun := time.Now()
		emptied := r.w.people.emptied(p)
		key, err := r.w.finds(p)
		if err != nil {
			r.fail(p, err.Error())
			continue
		}
		if key == "" {
			if found && !emptied && !r.w.people.emptied(p) {
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
		r.note(p, id, works, r.w.people.killed(p, key), time.Since(begun))
	}
}

func (r *readers) fail(p place, words string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed(p, words)
}

func (r *readers) failed(p place, words string) {
	r.dead = append(r.dead, time.Now().Format("15:04:05.000 ")+p.secret+": "+words)
}

// note counts a use of a key. What made a key one that does not work is the
// program's fault, unless a person put it there or the reader took too long.
func (r *readers) note(p place, id string, works, byHand bool, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads++
	if id != "" && !slices.Contains(r.keys[p.secret], id) {
		r.keys[p.secret] = append(r.keys[p.secret], id)
	}
	switch {
	case works:
	case byHand:
		r.hand++
	case took >= r.overlap:
		r.late++
	default:
		r.failed(p, "a dead key")
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
