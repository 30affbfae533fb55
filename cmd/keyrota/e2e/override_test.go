package e2e

import (
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers/awssm/awstest"
)

// TestADestinationsOwnRegionAndRole: a destination that overrides Region and
// role is delivered there under the role's rights, its store says so by name,
// and it is still looked at there once the override is gone.
func TestADestinationsOwnRegionAndRole(t *testing.T) {
	t.Parallel()
	w := newClouds(t)
	const (
		account = "210987654321"
		role    = "arn:aws:iam::" + account + ":role/keyrota-ml"
		region  = "eu-west-1"
	)
	w.aws.AddRole(awstest.Role{ARN: role, Trusts: []string{w.aws.User.ARN}, Policy: `{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Action": "secretsmanager:*", "Resource": "arn:aws:secretsmanager:eu-west-1:` + account + `:secret:ml/*"},
		{"Effect": "Allow", "Action": "secretsmanager:ListSecrets", "Resource": "*"}]}`})
	abroad := w.aws.At(account, region)
	accounts := func(own string) string {
		return `
  - name: nightly-eval
    team: ml-platform
    deliver:
      - {store: aws, path: "ml/{{.Account.Name}}"` + own + `}
      - vault:${PREFIX}/eval#api_key
`
	}
	w.configure("overlap: 1s, every: 90d", accounts(", region: "+region+", role_arn: \""+role+"\""))
	w.run(0, "sync")
	key, there := abroad.Raw("ml/nightly-eval")
	if !there || !w.platform.IsLive(key) {
		t.Fatalf("a reader abroad finds a live key: %v", there && w.platform.IsLive(key))
	}
	if _, home := w.aws.Raw("ml/nightly-eval"); home {
		t.Error("it was delivered at home as well")
	}
	const derived = "aws?region=eu-west-1&role_arn="
	if status := w.run(0, "status", "nightly-eval").text(); !strings.Contains(strings.Join(strings.Fields(status), ""), derived) {
		t.Errorf("status does not say where it is:\n%s", status)
	}

	w.configure("overlap: 1s, every: 90d", accounts(""))
	w.run(0, "sync")
	if _, home := w.aws.Raw("ml/nightly-eval"); !home {
		t.Error("it was not delivered at home")
	}
	for _, d := range w.status()[team+"/nightly-eval"].Destinations {
		if strings.HasPrefix(d.Destination, derived) && d.Standing != "holds" {
			t.Errorf("where it was delivered once is %s: %s", d.Standing, d.Words)
		}
	}
	abroad.Edit("ml/nightly-eval", "typed-CANARY-0123456789-0123456789-0123456789")
	found := false
	for _, d := range w.status()[team+"/nightly-eval"].Destinations {
		found = found || strings.HasPrefix(d.Destination, derived) && d.Standing == "lacks"
	}
	if !found {
		t.Errorf("an edit where it was delivered once is not seen: %+v", w.status()[team+"/nightly-eval"].Destinations)
	}
}
