package rotation

import (
	"os"
	"testing"
	"time"
)

func smallPolicy() Policy {
	return Policy{
		Overlap: 2 * oneTick, WriteDeadline: oneTick, RetryBase: oneTick,
		MaxKeys: 3, EmergencyKeys: 4, ClockSkew: 5 * time.Minute,
	}
}

// settings are the worlds. Each with two processes has one fault at a time, or
// two that meet; where two destinations and two processes would be too much,
// there is one destination of either kind of store, or a pass lists and looks
// in one moment.
func settings() []*setting {
	one := func(name, story string, b budget) *setting {
		return &setting{
			name: "one/" + name, story: story, start: steady, procs: 1, dests: 2, older: 1, cas: [maxDests]bool{true, false},
			wants: [][]int8{{0, 1}}, rotations: 1, nonces: 4, policy: smallPolicy(), budget: b, small: true,
		}
	}
	two := func(name, story string, cas bool, b budget) *setting {
		c := one(name, story, b)
		c.name, c.procs, c.dests, c.nonces, c.small = "two/"+name, 2, 1, 2, false
		c.wants, c.cas[0] = [][]int8{{0}}, cas
		return c
	}
	both := func(name, story string, b budget, more ...func(*setting)) []*setting {
		cs := []*setting{two("cas/"+name, story, true, b), two("plain/"+name, story, false, b)}
		for _, c := range cs {
			for _, f := range more {
				f(c)
			}
		}
		return cs
	}
	with := func(c *setting, more ...func(*setting)) *setting {
		for _, f := range more {
			f(c)
		}
		return c
	}
	from := func(f func(*world)) func(*setting) { return func(c *setting) { c.start = f } }
	brief := func(c *setting) { c.policy.Overlap, c.merged = oneTick, true }
	vastWithCAS := func(c *setting) { c.vast = c.cas[0] }
	vast := func(c *setting) { c.vast = true }
	oneKey := func(c *setting) { c.nonces = 1 }
	quiet := func(c *setting) { c.rotations = 0 }
	parks := func(c *setting) { c.mayPark = true }
	findings := func(c *setting) { c.findings = true }
	all := []*setting{
		one("calm", "one process, nothing goes wrong", budget{}),
		one("crash", "crashes", budget{crash: 2}),
		one("lost", "answers are lost", budget{lost: 2}),
		one("crash+lost", "an answer is lost, and a crash", budget{lost: 1, crash: 1}),
		with(one("refused", "creations are refused and denied", budget{refused: 2}), parks),
		one("partial", "listings break off and stores do not answer", budget{partial: 1, unseen: 1, crash: 1}),
		with(one("born", "an account nothing was ever done for", budget{crash: 1, lost: 1}), from(born), func(c *setting) { c.fresh = true }),
		with(one("rollback", "a person rolls back", budget{rollback: 1, crash: 1}), from(retiring), quiet),
		with(one("rollback+rotate", "a person rolls back and asks for a rotation", budget{rollback: 1, rotate: 1}), from(retiring), quiet),
		with(one("emergency", "the keys have leaked", budget{leak: 1, crash: 1}), from(retiring), quiet),
		with(one("removed", "a person deletes a key at the platform", budget{removed: 1, crash: 1}), parks),
		one("hand", "a person writes another key, or something dead", budget{hand: 1, crash: 1}),
		one("hand+lost", "and an answer is lost", budget{hand: 1, lost: 1}),
		with(one("loss", "the ledger is lost", budget{loss: 1, crash: 1}), findings),
		with(one("loss+lost", "the ledger and an answer are lost", budget{loss: 1, lost: 1}), findings),
		with(one("loss+partial", "the ledger is lost, and listings break off", budget{loss: 1, partial: 1, unseen: 1}), from(retiring), quiet, findings),
		with(one("loss+leaves", "the ledger is lost, and a destination leaves", budget{loss: 1, config: 1, rotate: 1}), from(retiring), quiet, findings, func(c *setting) { c.wants = [][]int8{{0, 1}, {0}} }),
		with(one("loss/new", "the ledger is lost and comes back under another id", budget{loss: 1, crash: 1}), findings, func(c *setting) { c.newLedger = true }),
		with(one("restore", "the ledger is restored from a backup", budget{backup: 1, restore: 1, crash: 1}), findings),
		with(one("leaves", "a destination leaves the configuration, or all do", budget{config: 2, crash: 1}), func(c *setting) { c.wants = [][]int8{{0, 1}, {0}, {}} }),
		with(one("joins", "a destination joins", budget{config: 1, crash: 1}), func(c *setting) { c.wants = [][]int8{{0}, {0, 1}} }),
	}
	for _, cs := range [][]*setting{
		both("calm", "two processes that pause anywhere", budget{}, brief),
		both("crash", "and one of them crashes", budget{crash: 1}, brief, vast),
		both("lost", "and an answer is lost", budget{lost: 1}, brief, vast),
		both("one key/crash", "one crashes, and one key is created", budget{crash: 1}, brief, oneKey),
		both("one key/lost", "an answer is lost, and one key is created", budget{lost: 1}, brief, oneKey),
		both("retiring/crash", "one crashes while the old key is retired", budget{crash: 1}, from(retiring), quiet),
		both("retiring/lost", "an answer is lost while the old key is retired", budget{lost: 1}, from(retiring), quiet),
		both("rollback", "a person rolls back while the old key is retired", budget{rollback: 1}, from(retiring), quiet),
		both("rotate", "a person asks for a rotation while one is under way", budget{rotate: 1}, from(retiring), quiet),
		both("emergency", "the keys leak while the old one is retired", budget{leak: 1}, from(retiring), quiet),
		both("loss", "the ledger is lost", budget{loss: 1}, from(retiring), quiet, findings),
		both("loss+rotate", "the ledger is lost while a person asks for a rotation", budget{loss: 1, rotate: 1}, from(retiring), quiet, findings, vastWithCAS),
		both("restore", "the ledger is restored from a backup", budget{backup: 1, restore: 1}, from(retiring), quiet, findings),
		both("removed", "a person deletes a key at the platform", budget{removed: 1}, from(retiring), quiet, parks),
		both("hand", "a person writes a key by hand", budget{hand: 1}, from(retiring), quiet),
	} {
		all = append(all, cs...)
	}
	// The platform's answer may be older than the looks, as above, or younger.
	late := func(c *setting) { c.name, c.late = c.name+"/late", true }
	all = append(all,
		with(one("crash+lost", "an answer is lost, and a crash; listings are answered late", budget{lost: 1, crash: 1}), late),
		with(one("partial", "listings break off late and stores do not answer", budget{partial: 1, unseen: 1, crash: 1}), late),
		with(one("removed", "a person deletes a key at the platform; listings are answered late", budget{removed: 1, crash: 1}), parks, late),
		with(one("loss+lost", "the ledger and an answer are lost; listings are answered late", budget{loss: 1, lost: 1}), findings, late),
		with(one("restore", "the ledger is restored from a backup; listings are answered late", budget{backup: 1, restore: 1, crash: 1}), findings, late),
	)
	for _, cs := range [][]*setting{
		both("retiring/crash", "one crashes while the old key is retired; listings are answered late", budget{crash: 1}, from(retiring), quiet, late),
		both("rollback", "a person rolls back while the old key is retired; listings are answered late", budget{rollback: 1}, from(retiring), quiet, late),
		both("restore", "the ledger is restored from a backup; listings are answered late", budget{backup: 1, restore: 1}, from(retiring), quiet, findings, late),
		both("removed", "a person deletes a key at the platform; listings are answered late", budget{removed: 1}, from(retiring), quiet, parks, late),
	} {
		all = append(all, cs...)
	}
	all = append(all, leakSettings(one, both)...)
	all = append(all, useSettings(one, both)...)
	all = append(all, offSettings(one, both)...)
	all = append(all, with(two("plain/rollback+rotate", "a person rolls back and asks for a rotation", false, budget{rollback: 1, rotate: 1}), from(retiring), quiet, func(c *setting) { c.merged = true }))
	return all
}

// TestExplore explores every world, two at a time.
func TestExplore(t *testing.T) {
	slots := make(chan struct{}, 2)
	for _, c := range settings() {
		t.Run(c.name, func(t *testing.T) {
			if !c.small && (testing.Short() || raceDetector) {
				t.Skip("too large a world for this run")
			}
			if c.vast && os.Getenv("KEYROTA_SOAK") == "" {
				t.Skip("five to ten million states: set KEYROTA_SOAK")
			}
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			r := explore(c, 0)
			t.Logf("%-24s %9d states %10d transitions %6d at the horizon %8s   %s",
				c.name, r.states, r.transitions, r.horizons, r.took.Round(time.Millisecond), c.story)
			if r.finding != nil {
				t.Errorf("%s\n%s", c.story, r.finding)
			}
		})
	}
}
