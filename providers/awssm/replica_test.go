package awssm_test

import (
	"testing"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/awssm"
	"github.com/keyrota/keyrota/providers/awssm/awstest"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
)

func replicated(regions ...string) awssm.Config {
	var c awssm.Config
	for _, r := range regions {
		c.Replicas = append(c.Replicas, awssm.Replica{Region: r})
	}
	return c
}

func (w *world) in(region string) *awstest.Console { return w.At(awstest.DefaultAccount, region) }

// A secret is healthy only when each replica has the current version.
func TestReplicasFollow(t *testing.T) {
	w := newWorld(t)
	s, d := w.open(t, replicated(west, north)), dest("ci/wandb#KEY")
	w.SetReplication(west, awstest.Replication{Hold: true})
	w.only(t, calls{"DescribeSecret": 2, "CreateSecret": 1}, func() { providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1)) })
	_, err := s.Look(t.Context(), d)
	providertest.WantKind(t, err, providers.Transient, "the replica in "+west+" is not in sync yet")
	w.SetReplication(west, awstest.Replication{})
	w.only(t, calls{"DescribeSecret": 3}, func() { providertest.WantMarked(t, s, d, providertest.MarkOf("a", 1)) })
	providertest.Put(t, s, d, providertest.Value(keyTwo), providertest.MarkOf("a", 2))
	providertest.WantMarked(t, s, d, providertest.MarkOf("a", 2))
	for _, region := range []string{west, north} {
		wantRaw(t, w.in(region), d.Path, `{"KEY":"`+keyTwo+`"}`)
	}
}

// A replica that says it is in sync and has not the current version, or is not
// there to be seen, is behind.
func TestReplicaBehind(t *testing.T) {
	for name, fault := range map[string]awstest.Fault{
		"not there": {Error: &awstest.Error{Code: "ResourceNotFoundException"}},
		"forbidden": {Error: &awstest.Error{Code: "AccessDeniedException"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s, d := w.open(t, replicated(west)), dest("ci/wandb")
			providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
			providertest.WantMarked(t, s, d, providertest.MarkOf("a", 1))
			fault.Operation, fault.Region = "DescribeSecret", west
			w.Inject(fault)
			_, err := s.Look(t.Context(), d)
			if name == "forbidden" {
				providertest.WantKind(t, err, providers.Denied, "arn:aws:secretsmanager:"+west+":*:secret:ci/wandb*")
				return
			}
			providertest.WantKind(t, err, providers.Transient, "the replica in "+west+" does not have the current version yet")
		})
	}
}

func TestReplicaFailed(t *testing.T) {
	w := newWorld(t)
	s, d := w.open(t, replicated(west)), dest("ci/wandb")
	must(t, w.in(west).Create(d.Path, "somebody else's", nil))
	providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	_, err := s.Look(t.Context(), d)
	providertest.WantKind(t, err, providers.Denied, "the replica in "+west+" failed", "already exists", "remove-regions-from-replication --secret-id ci/wandb --remove-replica-regions "+west)
	wantRaw(t, w.in(west), d.Path, "somebody else's")
}

// A replica that is missing is put right, without a new version.
func TestReplicaMissing(t *testing.T) {
	w := newWorld(t)
	d := dest("ci/wandb")
	providertest.Put(t, w.open(t, awssm.Config{}), d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	s := w.open(t, replicated(west))
	h := providertest.WantState(t, s, d, rotation.StateEdited)
	if h.Mark != providertest.MarkOf("a", 1) {
		t.Errorf("marked %+v", h.Mark)
	}
	w.Deny(w.User, awstest.Denial{Action: "ReplicateSecretToRegions"})
	_, err := s.Put(t.Context(), d, providertest.Value(keyOne), providertest.MarkOf("a", 1), h)
	providertest.WantKind(t, err, providers.Denied, "secretsmanager:ReplicateSecretToRegions")
	w.Allow(w.User)
	w.only(t, calls{"DescribeSecret": 1, "ReplicateSecretToRegions": 1}, func() {
		_, err := s.Put(t.Context(), d, providertest.Value(keyOne), providertest.MarkOf("a", 1), h)
		must(t, err)
	})
	providertest.WantMarked(t, s, d, providertest.MarkOf("a", 1))
	wantRaw(t, w.in(west), d.Path, keyOne)
	if n := len(w.secret(t, d.Path).Versions); n != 1 {
		t.Errorf("%d versions, want 1", n)
	}
}

// A replica is not where one writes.
func TestStoreOfAReplicasRegion(t *testing.T) {
	w := newWorld(t)
	d := dest("ci/wandb")
	providertest.Put(t, w.open(t, replicated(west)), d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	s := w.open(t, awssm.Config{Region: west})
	h := providertest.Look(t, s, d)
	_, err := s.Put(t.Context(), d, providertest.Value(keyTwo), providertest.MarkOf("a", 2), h)
	providertest.WantKind(t, err, providers.Invalid, "its primary is in us-east-1")
}

// Nothing is yielded of a secret whose replicas are not in step.
func TestObserveReplicas(t *testing.T) {
	w := newWorld(t)
	s := w.open(t, replicated(west, north))
	good, behind, missing := dest("ci/good"), dest("ci/behind"), dest("ci/missing")
	providertest.Put(t, s, good, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	providertest.Put(t, s, behind, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	providertest.WantMarked(t, s, behind, providertest.MarkOf("a", 1))
	w.SetReplication(west, awstest.Replication{Hold: true})
	providertest.Put(t, s, behind, providertest.Value(keyTwo), providertest.MarkOf("a", 2))
	providertest.Put(t, s, missing, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	w.only(t, calls{"ListSecrets": 3}, func() {
		seen := observe(t, s, good, behind, missing)
		if len(seen) != 1 || seen[good].Mark != providertest.MarkOf("a", 1) {
			t.Errorf("saw %+v", seen)
		}
	})
}
