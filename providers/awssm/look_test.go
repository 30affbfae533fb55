package awssm_test

import (
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

// A value is read only where nothing else tells whether a field is there.
func TestLookReadsValuesOnlyForFieldsWithoutAMark(t *testing.T) {
	w := newWorld(t)
	s := w.open(t, awssm.Config{})
	must(t, w.Create("ci/theirs", `{"OTHER":"`+keyOne+`"}`, nil))
	providertest.Put(t, s, dest("ci/ours#KEY"), providertest.Value(keyOne), providertest.MarkOf("a", 1))
	for _, c := range []struct {
		dest  string
		state rotation.State
		reads int
	}{
		{"ci/absent", rotation.StateAbsent, 0}, {"ci/absent#KEY", rotation.StateAbsent, 0},
		{"ci/theirs", rotation.StateBare, 0}, {"ci/theirs#KEY", rotation.StateAbsent, 1}, {"ci/theirs#OTHER", rotation.StateBare, 1},
		{"ci/ours", rotation.StateBare, 0}, {"ci/ours#KEY", rotation.StateMarked, 0}, {"ci/ours#OTHER", rotation.StateAbsent, 1},
	} {
		want := calls{"DescribeSecret": 1}
		if c.reads > 0 {
			want["GetSecretValue"] = c.reads
		}
		w.only(t, want, func() { providertest.WantState(t, s, dest(c.dest), c.state) })
	}
}

func TestLookSaysWhoseItIs(t *testing.T) {
	w := newWorld(t)
	s := w.open(t, awssm.Config{})
	providertest.Put(t, s, dest("ci/ours#KEY"), providertest.Value(keyOne), providertest.MarkOf("a", 1))
	if h := providertest.WantState(t, s, dest("ci/ours"), rotation.StateBare); h.Owner != "keyrota prod, account acct-a (tag keyrota.KEY)" {
		t.Errorf("owner %q", h.Owner)
	}
	for want, tags := range map[string]map[string]string{
		"":                                  nil,
		"terraform":                         {"Managed-By": "terraform"},
		"billing":                           {"Owner": "billing", "name": "x"},
		"CloudFormation stack db":           {"aws:cloudformation:stack-name": "db", "owner": "x"},
		"a tag keyrota that cannot be read": {"keyrota": "by hand"},
	} {
		name := "ci/owner/" + strings.ReplaceAll(want, " ", "_")
		must(t, w.Create(name, keyOne, tags))
		if h := providertest.WantState(t, s, dest(name), rotation.StateBare); h.Owner != want {
			t.Errorf("owner %q, want %q", h.Owner, want)
		}
	}
}

// What is not text with fields is told, and no word of it.
func TestValuesThatHaveNoFields(t *testing.T) {
	w := newWorld(t)
	s := w.open(t, awssm.Config{})
	must(t, w.Create("ci/raw", keyOne, nil))
	must(t, w.Create("ci/number", `{"KEY":12}`, nil))
	must(t, w.Create("ci/twice", `{"KEY":"`+keyOne+`","KEY":"x"}`, nil))
	sdk := secretsmanager.NewFromConfig(w.Config(w.User, awstest.DefaultRegion))
	_, err := sdk.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("ci/binary"), SecretBinary: []byte(keyOne)})
	must(t, err)
	for name, words := range map[string]string{"ci/raw#KEY": "not one JSON object", "ci/twice#KEY": "twice", "ci/binary#KEY": "binary"} {
		_, err = s.Look(t.Context(), dest(name))
		providertest.WantKind(t, err, providers.Invalid, words)
		_, err = s.Read(t.Context(), dest(name), "")
		providertest.WantKind(t, err, providers.Invalid, words)
	}
	_, err = s.Read(t.Context(), dest("ci/binary"), "")
	providertest.WantKind(t, err, providers.Invalid, "binary")
	providertest.WantState(t, s, dest("ci/binary"), rotation.StateBare)
	providertest.WantState(t, s, dest("ci/number#KEY"), rotation.StateBare)
	_, err = s.Read(t.Context(), dest("ci/number#KEY"), "")
	providertest.WantKind(t, err, providers.Invalid, "not a string")
	for _, v := range []rotation.Version{"nonsense", "@abcdef", "keyrota-1-0123456789012345678901@abcdef"} {
		_, err = s.Read(t.Context(), dest("ci/raw"), v)
		providertest.WantKind(t, err, providers.NotFound)
	}
}

// A field that makes its secret too large is told before anything is written.
func TestFieldThatDoesNotFit(t *testing.T) {
	w := newWorld(t)
	s, d := w.open(t, awssm.Config{}), dest("ci/large#KEY")
	must(t, w.Create(d.Path, `{"OTHER":"`+strings.Repeat("x", 65_500)+`"}`, nil))
	seen := providertest.Look(t, s, d)
	w.only(t, calls{"DescribeSecret": 1, "GetSecretValue": 1}, func() {
		_, err := s.Put(t.Context(), d, providertest.Value(keyOne), providertest.MarkOf("a", 1), seen)
		providertest.WantKind(t, err, providers.Invalid, "65564 bytes", "a secret of its own")
	})
}
