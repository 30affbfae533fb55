package awstest

import (
	"slices"
	"time"

	"golang.org/x/time/rate"
)

// Quota is how many calls of some operations together an account can make per
// second in one Region. A whole second's worth may come at once.
type Quota struct {
	Operations []string
	PerSecond  int
}

// PublishedQuotas are the rates that AWS publishes.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
func PublishedQuotas() []Quota {
	return []Quota{
		{[]string{"GetSecretValue"}, 10_000},
		{[]string{"DescribeSecret"}, 40_000},
		{[]string{"ListSecrets"}, 100},
		{[]string{"BatchGetSecretValue"}, 100},
		{[]string{"ListSecretVersionIds"}, 50}, // as an older edition of the page has it
		{[]string{
			"PutSecretValue", "UpdateSecret", "UpdateSecretVersionStage", "ReplicateSecretToRegions",
			"RemoveRegionsFromReplication", "StopReplicationToReplica",
		}, 50},
		{[]string{"TagResource", "UntagResource"}, 50},
		{[]string{"CreateSecret"}, 50},
		{[]string{"DeleteSecret"}, 50},
		{[]string{"RestoreSecret"}, 50},
		{[]string{"RotateSecret", "CancelRotateSecret"}, 50},
	}
}

type quotas struct {
	all     []Quota
	buckets map[bucket]*rate.Limiter
}

type bucket struct {
	place
	quota int
}

func newQuotas(all []Quota) quotas { return quotas{all, map[bucket]*rate.Limiter{}} }

// SetQuotas replaces the quotas; none ends them.
func (s *Server) SetQuotas(all ...Quota) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quotas = newQuotas(all)
}

// take uses up one call of a quota, and says whether there was one left.
func (q quotas) take(at place, operation string, now time.Time) bool {
	n := slices.IndexFunc(q.all, func(one Quota) bool { return slices.Contains(one.Operations, operation) })
	if n < 0 {
		return true
	}
	key := bucket{at, n}
	if q.buckets[key] == nil {
		q.buckets[key] = rate.NewLimiter(rate.Limit(q.all[n].PerSecond), q.all[n].PerSecond)
	}
	return q.buckets[key].AllowN(now, 1)
}

func throttling() *Error { return fail("ThrottlingException", "Rate exceeded") }
