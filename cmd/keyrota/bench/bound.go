package main

import (
	"maps"
	"slices"
	"time"
)

// quota is how many calls of some kinds together a service takes per second.
type quota struct {
	kinds     []string
	perSecond float64
}

// traffic is what one service was asked for in a run.
type traffic struct {
	service   string
	calls     map[string]int
	throttled int
	values    int // calls that read a value
	quotas    []quota
	// atOnce is how many calls a steady pass can have under way: 1 where each
	// page is asked for by what the one before it said.
	atOnce int
}

func (t traffic) sum() int {
	n := 0
	for _, calls := range t.calls {
		n += calls
	}
	return n
}

func sum(all []traffic) int {
	n := 0
	for _, t := range all {
		n += t.sum()
	}
	return n
}

// byQuota is the least time in which the service takes so many calls.
func (t traffic) byQuota() time.Duration {
	var least time.Duration
	for _, q := range t.quotas {
		n := 0
		for kind, calls := range t.calls {
			if slices.Contains(q.kinds, kind) || len(q.kinds) == 0 {
				n += calls
			}
		}
		least = max(least, time.Duration(float64(n)/q.perSecond*float64(time.Second)))
	}
	return least
}

func (t traffic) kinds() []string { return slices.Sorted(maps.Keys(t.calls)) }

// bound is the time that quotas and round trips allow for a run: the longest of
// what each quota takes, and calls times round trip over what is under way at
// once. In a steady pass the services are asked side by side; in a rotation the
// calls for one account follow each other, for so many accounts at once.
func bound(all []traffic, rtt time.Duration, workers int, steady bool) time.Duration {
	var least time.Duration
	for _, t := range all {
		least = max(least, t.byQuota())
		if steady {
			least = max(least, time.Duration(t.sum())*rtt/time.Duration(t.atOnce))
		}
	}
	if !steady {
		least = max(least, time.Duration(sum(all))*rtt/time.Duration(workers))
	}
	return least
}
