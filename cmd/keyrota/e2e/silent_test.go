package e2e

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

// TestAStoreThatNeverAnswers: a store takes connections and requests, and never
// says a word, while more accounts than there are workers are due to be delivered
// to it. The daemon says what it waits for, and the others rotate, under a daemon that
// is started meanwhile too; when the store answers again, all is made up for.
func TestAStoreThatNeverAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.KeysShown)
	silent := newToxic(t, w.variable("OTHER"))
	w.env = append(w.env, "OTHER="+silent.URL)
	const many = 8
	var accounts strings.Builder
	var sound, stuck []place
	add := func(places *[]place, store, name string) {
		fmt.Fprintf(&accounts, "  - {name: %s, team: ml-platform, purpose: training, deliver: \"%s:${PREFIX}/%s#WANDB_API_KEY\"}\n", name, store, name)
		*places = append(*places, inVault(name, name, field("WANDB_API_KEY")))
	}
	for i := range 2 {
		add(&sound, "vault", fmt.Sprintf("sound-%d", i))
	}
	for i := range many {
		add(&stuck, "other", fmt.Sprintf("stuck-%d", i))
	}
	configure := func(every string) {
		w.configure("overlap: 1s, every: "+every, accounts.String())
		w.write("keyrota.yaml", "workers: 4\n"+w.program.read(t, "keyrota.yaml"))
	}
	configure("1s")
	daemon := w.start(nil, "run")
	readers := w.readEvery(50*time.Millisecond, time.Second, append(sound, stuck...)...)
	turns := func(of []place) (fewest int) {
		now := readers.different()
		fewest = now[of[0].secret]
		for _, p := range of {
			fewest = min(fewest, now[p.secret])
		}
		return fewest
	}
	poll(t, endsWithin, "all to rotate", func() bool { return turns(sound) > 1 && turns(stuck) > 1 })

	before, begun := turns(sound), time.Now()
	for _, a := range ailments() {
		if a.name == "half-open, answers lost" {
			silent.ail(a)
		}
	}
	told := func() bool { return strings.Contains(daemon.stderr.String(), "no answer within 30s") }
	poll(t, 2*time.Minute, "the daemon to say that there is no answer", told)
	// Who began before the silence was noticed had to wait until here.
	before, during := turns(sound), turns(sound)-before
	poll(t, 20*time.Second, "what is delivered elsewhere to rotate", func() bool { return turns(sound) > before+3 })
	t.Logf("the others rotated %d times before the store was given up, 3 times after; in %s", during, time.Since(begun).Round(time.Second))
	// One that begins while the store is silent knows of nothing yet.
	daemon.kill()
	kills.add("run")
	daemon, before, begun = w.start(nil, "run"), turns(sound), time.Now()
	poll(t, 2*time.Minute, "the others to rotate", func() bool { return turns(sound) > before+1 })
	t.Logf("of a daemon that began then, the others had rotated after %s", time.Since(begun).Round(time.Second))
	before = turns(stuck)
	held := time.Now()
	silent.heal()
	poll(t, endsWithin, "all to rotate again", func() bool { return turns(stuck) > before })
	t.Logf("the store's accounts went on %s after it answered again", time.Since(held).Round(time.Millisecond))
	_ = daemon.cmd.Process.Signal(syscall.SIGTERM)
	daemon.wait(t)
	configure("90d")
	w.settle(t)
	readers.end(t)
}
