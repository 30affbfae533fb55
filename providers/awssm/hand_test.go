package awssm_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/awssm"
	"github.com/keyrota/keyrota/providers/awssm/awstest"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
)

// A mark is believed only as it was written: an edition that a person sets in
// the console does not deliver that edition's key.
func TestMarkEditedByHand(t *testing.T) {
	for _, name := range []string{"ci/wandb", "ci/wandb#KEY"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s, d := w.open(t, awssm.Config{}), dest(name)
			providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
			for key, text := range w.secret(t, d.Path).Tags {
				text = strings.NewReplacer("edition=1", "edition=2", "key=key-a-1", "key=key-a-2").Replace(text)
				must(t, w.SetTags(d.Path, map[string]string{key: text}))
			}
			if h := providertest.WantState(t, s, d, rotation.StateBare); !strings.Contains(h.Owner, "cannot be read") {
				t.Errorf("owner %q", h.Owner)
			}
			if h, seen := observe(t, s, d)[d]; seen && h.State != rotation.StateBare {
				t.Errorf("observed as %+v", h)
			}
		})
	}
}

// The mark of one destination says nothing of another, in the same secret or
// in one that a person copied with all its tags: what is there is not ours.
func TestMarkCopiedByHand(t *testing.T) {
	w := newWorld(t)
	s, a, b := w.open(t, awssm.Config{}), dest("ci/two#A"), dest("ci/two#B")
	must(t, w.Create(a.Path, `{"B":"theirs"}`, nil))
	providertest.Put(t, s, a, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	tags := w.secret(t, a.Path).Tags
	must(t, w.SetTags(a.Path, map[string]string{"keyrota.B": tags["keyrota.A"], "keyrota": tags["keyrota.A"]}))
	providertest.WantMarked(t, s, a, providertest.MarkOf("a", 1))
	providertest.WantState(t, s, b, rotation.StateBare)
	providertest.WantState(t, s, dest(a.Path), rotation.StateBare)
	providertest.Put(t, s, a, providertest.Value(keyTwo), providertest.MarkOf("a", 2)) // which speaks for no other field
	providertest.WantState(t, s, b, rotation.StateBare)
	must(t, w.Create("ci/copy", `{"A":"theirs"}`, w.secret(t, a.Path).Tags))
	providertest.WantState(t, s, dest("ci/copy#A"), rotation.StateBare)
}

// A secret that is deleted for good and made anew by someone else, between any
// two calls of a put, is not the one that was seen: no call reaches it.
func TestMadeAnewWhileItIsPut(t *testing.T) {
	for _, text := range []string{"", `{"theirs":1}`} {
		for _, op := range []string{"TagResource", "UpdateSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"} {
			t.Run(fmt.Sprintf("%s of %q", op, text), func(t *testing.T) {
				w := newWorld(t)
				s, d := w.open(t, awssm.Config{}), dest("ci/wandb#KEY")
				must(t, w.Create(d.Path, `{}`, nil))
				seen, p := providertest.Look(t, s, d), providertest.Value(keyOne)
				p.Description = "new"
				w.Inject(awstest.Fault{Operation: op, Before: func(awstest.Call) error {
					must(t, w.ForceDelete(d.Path))
					return w.Create(d.Path, text, nil)
				}})
				_, err := s.Put(t.Context(), d, p, providertest.MarkOf("a", 1), seen)
				providertest.WantKind(t, err, providers.Conflict)
				x := w.secret(t, d.Path)
				if len(x.Tags) > 0 || x.Description != "" || len(x.Versions) > 1 || len(x.Versions) == 1 && x.Versions[0].Value != text {
					t.Errorf("somebody else's secret became %+v", x)
				}
			})
		}
	}
}

// The same in the middle of a put that has only its mark left to write.
func TestVanishesWhileItIsMarked(t *testing.T) {
	w := newWorld(t)
	s, d := w.open(t, awssm.Config{}), dest("ci/wandb")
	seen := providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	w.Inject(awstest.Fault{Operation: "TagResource", Refuse: true})
	_, err := s.Put(t.Context(), d, providertest.Value(keyTwo), providertest.MarkOf("a", 2), seen)
	providertest.WantKind(t, err, providers.Transient)
	seen = providertest.WantState(t, s, d, rotation.StateEdited)
	w.Inject(awstest.Fault{Operation: "TagResource", Before: func(awstest.Call) error { return w.ForceDelete(d.Path) }})
	_, err = s.Put(t.Context(), d, providertest.Value(keyTwo), providertest.MarkOf("a", 2), seen)
	providertest.WantKind(t, err, providers.Conflict)
}

// More tags than a secret may have are told before anything is written: data
// whose mark never fits could not be healed.
func TestMoreTagsThanFit(t *testing.T) {
	w := newWorld(t)
	s, d := w.open(t, awssm.Config{}), dest("ci/wandb")
	theirs := map[string]string{}
	for n := range 48 {
		theirs[fmt.Sprint("tag", n)] = "x"
	}
	must(t, w.Create(d.Path, "theirs", theirs))
	p := providertest.Value(keyOne)
	p.Tags = map[string]string{"team": "ml", "purpose": "eval", "tag1": "y"}
	seen := providertest.Look(t, s, d)
	w.only(t, calls{"DescribeSecret": 1}, func() {
		_, err := s.Put(t.Context(), d, p, providertest.MarkOf("a", 1), seen)
		providertest.WantKind(t, err, providers.Invalid, "51 tags")
	})
	delete(p.Tags, "purpose")
	providertest.Put(t, s, d, p, providertest.MarkOf("a", 1))
	providertest.WantMarked(t, s, d, providertest.MarkOf("a", 1))
	if n := len(w.secret(t, d.Path).Tags); n != 50 {
		t.Errorf("%d tags, want 50", n)
	}
}

// Tags that are refused are met before the data is written, like a mark of
// ownership: a mark that keeps the data company must not wait for them.
func TestTagsRefused(t *testing.T) {
	w := newWorld(t)
	s, d := w.open(t, awssm.Config{}), dest("ci/wandb")
	seen, p := providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1)), providertest.Value(keyTwo)
	p.Tags = map[string]string{"team": "ml"}
	w.Inject(awstest.Fault{Operation: "TagResource", Error: &awstest.Error{Code: "InvalidParameterException", Message: "no such team"}})
	_, err := s.Put(t.Context(), d, p, providertest.MarkOf("a", 2), seen)
	providertest.WantKind(t, err, providers.Invalid, "no such team")
	providertest.WantMarked(t, s, d, providertest.MarkOf("a", 1))
	wantRaw(t, w.Console, d.Path, keyOne)
}

// A person in another Region who makes a replica a secret of its own has taken
// it from us: it is told, and never overwritten.
func TestReplicaPromotedByHand(t *testing.T) {
	w := newWorld(t)
	s, d := w.open(t, replicated(west)), dest("ci/wandb")
	providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	providertest.WantMarked(t, s, d, providertest.MarkOf("a", 1))
	sdk := secretsmanager.NewFromConfig(w.Config(w.User, west))
	_, err := sdk.StopReplicationToReplica(t.Context(), &secretsmanager.StopReplicationToReplicaInput{SecretId: aws.String(d.Path)})
	must(t, err)
	providertest.WantState(t, s, d, rotation.StateEdited)
	must(t, w.in(west).Edit(d.Path, "theirs"))
	if h, seen := observe(t, s, d)[d]; seen {
		t.Errorf("observed as %+v", h)
	}
	providertest.Put(t, s, d, providertest.Value(keyTwo), providertest.MarkOf("a", 2))
	_, err = s.Look(t.Context(), d)
	providertest.WantKind(t, err, providers.Denied, "the replica in "+west+" failed")
	wantRaw(t, w.in(west), d.Path, "theirs")
}

// A person who restores a deleted secret, or moves AWSCURRENT back, is seen for
// what readers get, whatever a put of someone else's takes off the version
// before.
func TestOlderVersionRestored(t *testing.T) {
	for _, drops := range []bool{false, true} {
		for _, name := range []string{"ci/wandb", "ci/wandb#KEY"} {
			t.Run(fmt.Sprintf("%s, %v", name, drops), func(t *testing.T) {
				w := newWorld(t, awstest.Options{PutDropsLabels: drops})
				s, d := w.open(t, awssm.Config{}), dest(name)
				first := providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
				second := providertest.Put(t, s, d, providertest.Value(keyTwo), providertest.MarkOf("a", 2))
				id := func(v rotation.Version) string { return strings.Split(string(v), "@")[0] }
				must(t, w.Edit(d.Path, `{"KEY":"by hand"}`))
				providertest.WantState(t, s, d, rotation.StateEdited)
				must(t, w.Label(d.Path, "AWSCURRENT", id(first.Version)))
				providertest.WantState(t, s, d, rotation.StateEdited)
				must(t, w.Label(d.Path, "AWSCURRENT", id(second.Version)))
				providertest.WantMarked(t, s, d, providertest.MarkOf("a", 2))
				must(t, w.Delete(d.Path))
				providertest.WantState(t, s, d, rotation.StateAbsent)
				must(t, w.Restore(d.Path))
				providertest.WantMarked(t, s, d, providertest.MarkOf("a", 2))
				must(t, w.Edit(d.Path, `{"KEY":"by hand"}`))
				h := providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 3)) // a rollback to the first key
				providertest.WantMarked(t, s, d, providertest.MarkOf("a", 3))
				if got, err := s.Read(t.Context(), d, h.Version); err != nil || got.Expose() != keyOne {
					t.Errorf("another value, or %v", err)
				}
				_, err := s.Put(context.Background(), d, providertest.Value(keyTwo), providertest.MarkOf("a", 2), second)
				providertest.WantKind(t, err, providers.Conflict)
			})
		}
	}
}

// The key that AWS takes where none is named, named, is no change.
func TestDefaultKMSKeyByName(t *testing.T) {
	w := newWorld(t)
	d := dest("ci/wandb")
	providertest.Put(t, w.open(t, awssm.Config{}), d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	w.only(t, calls{"DescribeSecret": 2}, func() {
		providertest.Put(t, w.open(t, awssm.Config{KMSKey: "alias/aws/secretsmanager"}), d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	})
}

// Doing what the hint of a refusal says is enough, from the first look on.
func TestHintedPolicyIsEnough(t *testing.T) {
	w := newWorld(t)
	who, d := w.AddUser(awstest.DefaultAccount, "keyrota"), dest("ci/wandb")
	statement := func(action, resource string) string {
		return `{"Effect":"Allow","Action":"` + action + `","Resource":"` + resource + `"}`
	}
	statements := []string{statement("secretsmanager:GetRandomPassword", "*")}
	for range 10 {
		must(t, w.SetPolicy(who, `{"Version":"2012-10-17","Statement":[`+strings.Join(statements, ",")+`]}`))
		s := w.as(t, who, replicated(west))
		h, err := s.Look(t.Context(), d)
		for edition := rotation.Edition(1); err == nil && edition < 3; edition++ {
			h, err = s.Put(t.Context(), d, providertest.Value(keyOne+fmt.Sprint(edition)), providertest.MarkOf("a", edition), h)
		}
		if err == nil {
			return
		}
		_, needs, found := strings.Cut(strings.TrimSuffix(err.Error(), ")"), "the policy needs: ")
		actions, resource, _ := strings.Cut(needs, " on ")
		if !found {
			t.Fatal(err)
		}
		for action := range strings.SplitSeq(actions, " and ") {
			statements = append(statements, statement(action, resource))
		}
	}
	t.Error("the hints lead nowhere")
}
