package rotation

import (
	"os"
	"strconv"
	"testing"
	"time"
)

func smallPolicy() Policy {
	return Policy{
		Overlap: 2 * oneTick, WriteDeadline: oneTick, RetryBase: oneTick,
		MaxKeys: 3, EmergencyKeys: 4, ClockSkew: 5 * time.Minute,
	}
}

func settings() []*setting {
	one := func(name, story string, b budget) *setting {
		return &setting{
			name: name, story: story, start: steady, procs: 1, dests: 2, older: 1, cas: [maxDests]bool{true, false},
			wants: [][]int8{{0, 1}}, rotations: 1, nonces: 4, policy: smallPolicy(), budget: b, small: true,
		}
	}
	two := func(name, story string, b budget) *setting {
		c := one(name, story, b)
		c.procs, c.small, c.nonces = 2, false, 2
		return c
	}
	snap := func(c *setting) *setting { c.merged = true; return c }
	return []*setting{
		snap(two("snap/calm", "two", budget{})),
		snap(two("snap/crash", "two", budget{crash: 1})),
		solo(snap(two("cas/calm", "two", budget{})), true),
		solo(snap(two("nocas/calm", "two", budget{})), false),
		snap(two("snap/lost", "two", budget{lost: 1})),
		one("one/calm", "one process, nothing goes wrong", budget{}),
		one("one/crash", "one process that crashes twice", budget{crash: 2}),
		one("one/lost", "two answers are lost", budget{lost: 2}),
		one("one/refused", "creations are refused and denied", budget{refused: 2}).parks(),
		one("one/partial", "listings break off and stores do not answer", budget{partial: 1, unseen: 1, crash: 1}),
		two("two/calm", "two processes that pause anywhere", budget{}),
		two("two/crash", "and one of them crashes", budget{crash: 1}),
		two("two/lost", "and an answer is lost", budget{lost: 1}),
	}
}

func (c *setting) parks() *setting { c.mayPark = true; return c }

func TestExplore(t *testing.T) {
	for _, c := range settings() {
		t.Run(c.name, func(t *testing.T) {
			limit, _ := strconv.Atoi(os.Getenv("LIMIT"))
			r := explore(c, limit)
			t.Logf("%-16s %9d states %10d transitions %6d at the horizon %8s", c.name, r.states, r.transitions, r.horizons, r.took.Round(time.Millisecond))
			if r.finding != nil {
				t.Errorf("%s\n%s", c.story, r.finding)
			}
		})
	}
}

func solo(c *setting, cas bool) *setting {
	c.dests, c.wants, c.cas[0] = 1, [][]int8{{0}}, cas
	return c
}
