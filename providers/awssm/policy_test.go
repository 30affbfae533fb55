package awssm_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/awssm"
	"github.com/keyrota/keyrota/providers/awssm/awstest"
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
			p := value(keyOne)
			p.Description, p.Tags = "first", map[string]string{"team": "ml"}

			wantState(t, s, d, rotation.StateAbsent)
			put(t, s, d, p, mark("a", 1))
			wantMarked(t, s, d, mark("a", 1))

			p.Value, p.Description, p.Tags = providers.NewSecret(keyTwo), "second", map[string]string{"team": "eval", "purpose": "x"}
			put(t, s, d, p, mark("a", 2))
			wantMarked(t, s, d, mark("a", 2))
			if x := w.secret(t, d.Path); x.Description != "second" || x.Tags["team"] != "eval" || x.Tags["purpose"] != "x" {
				t.Errorf("%+v", x)
			}

			must(t, w.Edit(d.Path, `{"KEY":"by hand"}`))
			wantState(t, s, d, rotation.StateEdited)
			put(t, s, d, p, mark("a", 2))
			wantMarked(t, s, d, mark("a", 2))

			must(t, w.Delete(d.Path))
			wantState(t, s, d, rotation.StateAbsent)
			put(t, s, d, value(keyOne), mark("a", 3))
			wantMarked(t, s, d, mark("a", 3))
			if got, err := s.Read(t.Context(), d, ""); err != nil || got.Expose() != keyOne {
				t.Errorf("reads another value, or %v", err)
			}
			if there, _ := w.in(west).Raw(d.Path); !strings.Contains(there, keyOne) {
				t.Error("the replica holds another value")
			}

			if h := observe(t, s, d)[d]; h.State != rotation.StateMarked || h.Mark != mark("a", 3) {
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
		wantKind(t, err, providers.Denied, "the policy needs: secretsmanager:DescribeSecret"+on)
		_, err = s.Read(t.Context(), d, "")
		wantKind(t, err, providers.Denied, "the policy needs: secretsmanager:GetSecretValue"+on)
		_, err = s.Put(t.Context(), d, value(keyOne), mark("a", 1), rotation.Holding{State: rotation.StateAbsent, Fresh: true})
		wantKind(t, err, providers.Denied, "the policy needs: secretsmanager:DescribeSecret"+on)
		if names := w.Names(); len(names) > 0 {
			t.Errorf("there is %v", names)
		}
	})
}
