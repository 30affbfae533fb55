package awssm_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/awssm"
	"github.com/keyrota/keyrota/providers/awssm/awstest"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
)

// The policy that people copy is enough for the whole life of a secret below
// wandb/, and for nothing outside.
func TestShippedPolicy(t *testing.T) {
	policy, err := os.ReadFile("../../deploy/aws/keyrota.json")
	must(t, err)
	for _, name := range []string{"wandb/whole", "wandb/fields#KEY"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			who := w.AddUser(awstest.DefaultAccount, "keyrota")
			must(t, w.SetPolicy(who, string(policy)))
			d, c := dest(name), replicated(west)
			c.KMSKey = "alias/ours"
			s := w.as(t, who, c)
			p := providertest.Value(keyOne)
			p.Description, p.Tags = "first", map[string]string{"team": "ml"}

			providertest.WantState(t, s, d, rotation.StateAbsent)
			providertest.Put(t, s, d, p, providertest.MarkOf("a", 1))
			providertest.WantMarked(t, s, d, providertest.MarkOf("a", 1))

			p.Value, p.Description, p.Tags = providers.NewSecret(keyTwo), "second", map[string]string{"team": "eval", "purpose": "x"}
			providertest.Put(t, s, d, p, providertest.MarkOf("a", 2))
			providertest.WantMarked(t, s, d, providertest.MarkOf("a", 2))
			if x := w.secret(t, d.Path); x.Description != "second" || x.Tags["team"] != "eval" || x.Tags["purpose"] != "x" {
				t.Errorf("%+v", x)
			}

			must(t, w.Edit(d.Path, `{"KEY":"by hand"}`))
			providertest.WantState(t, s, d, rotation.StateEdited)
			providertest.Put(t, s, d, p, providertest.MarkOf("a", 2))
			providertest.WantMarked(t, s, d, providertest.MarkOf("a", 2))

			must(t, w.Delete(d.Path))
			providertest.WantState(t, s, d, rotation.StateAbsent)
			providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 3))
			providertest.WantMarked(t, s, d, providertest.MarkOf("a", 3))
			if got, err := s.Read(t.Context(), d, ""); err != nil || got.Expose() != keyOne {
				t.Errorf("reads another value, or %v", err)
			}
			if there, _ := w.in(west).Raw(d.Path); !strings.Contains(there, keyOne) {
				t.Error("the replica holds another value")
			}

			if h := observe(t, s, d)[d]; h.State != rotation.StateMarked || h.Mark != providertest.MarkOf("a", 3) {
				t.Errorf("observed as %+v", h)
			}
			var listed []string
			must(t, s.List(t.Context(), "wandb/", func(l providers.Listed) error {
				listed = append(listed, l.Path)
				return nil
			}))
			if !slices.Equal(listed, []string{d.Path}) {
				t.Errorf("listed %v", listed)
			}
		})
	}
	t.Run("outside", func(t *testing.T) {
		w := newWorld(t)
		who := w.AddUser(awstest.DefaultAccount, "keyrota")
		must(t, w.SetPolicy(who, string(policy)))
		s, d := w.as(t, who, awssm.Config{}), dest("other/wandb")
		const on = " on arn:aws:secretsmanager:us-east-1:*:secret:other/wandb*"
		_, err := s.Look(t.Context(), d)
		providertest.WantKind(t, err, providers.Denied, "the policy needs: secretsmanager:DescribeSecret"+on)
		_, err = s.Read(t.Context(), d, "")
		providertest.WantKind(t, err, providers.Denied, "the policy needs: secretsmanager:GetSecretValue"+on)
		_, err = s.Put(t.Context(), d, providertest.Value(keyOne), providertest.MarkOf("a", 1), rotation.Holding{State: rotation.StateAbsent, Fresh: true})
		providertest.WantKind(t, err, providers.Denied, "the policy needs: secretsmanager:DescribeSecret"+on)
		if names := w.Names(); len(names) > 0 {
			t.Errorf("there is %v", names)
		}
	})
}
