package e2e

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers/awssm/awstest"
)

// cloudyAccounts have a destination in each store: on AWS two fields of one
// secret, which holds something of someone else too, on Azure a text and a JSON
// object.
const cloudyAccounts = `
  - name: model-training
    team: ml-platform
    purpose: training
    deliver:
      - aws:wandb/shared#TRAINING_KEY
      - azure:wandb/training
      - vault:${PREFIX}/training#WANDB_API_KEY
  - name: nightly-eval
    team: ml-platform
    purpose: nightly evaluation
    deliver:
      - aws:wandb/shared#EVAL_KEY
      - {store: azure, path: wandb/eval, format: json, fields: {api_key: WANDB_API_KEY}}
      - {store: vault, path: "${PREFIX}/eval", format: json, fields: {api_key: WANDB_API_KEY}}
`

const (
	onAWS      = "wandb/shared"
	azureText  = "wandb-training"
	azureJSON  = "wandb-eval"
	theirField = "DB_PASSWORD"
)

// cloudyPlaces are the destinations of cloudyAccounts as their readers see them.
func (w *clouds) cloudyPlaces() []place {
	at := func(account, secret string, read func(string) (string, bool), parse func(string) string) place {
		return place{account: account, secret: secret, parse: parse, find: func() (string, error) {
			text, there := read(strings.SplitN(secret, " ", 3)[1])
			if !there {
				return "", nil
			}
			return parse(text), nil
		}}
	}
	verbatim := func(text string) string { return text }
	return []place{
		at("model-training", "aws "+onAWS+" TRAINING_KEY", w.readAWS, fieldOf("TRAINING_KEY")),
		at("model-training", "azure "+azureText, w.azure.Raw, verbatim),
		inVault("model-training", "training", field("WANDB_API_KEY")),
		at("nightly-eval", "aws "+onAWS+" EVAL_KEY", w.readAWS, fieldOf("EVAL_KEY")),
		at("nightly-eval", "azure "+azureJSON, w.azure.Raw, fieldOf("api_key")),
		inVault("nightly-eval", "eval", field("api_key")),
	}
}

// readAWS is the current value of a secret that is not being deleted.
func (w *clouds) readAWS(name string) (string, bool) {
	s, _ := w.aws.Describe(name)
	v, there := s.Labelled("AWSCURRENT")
	return v.Value, there && s.Deleted.IsZero()
}

// fieldOf reads one field of a JSON object.
func fieldOf(name string) func(string) string {
	return func(text string) string {
		var fields map[string]json.RawMessage
		_ = json.Unmarshal([]byte(text), &fields) // what is no object has no key
		return field(name)(fields)
	}
}

// TestKillsOnThreeStores kills the program at random moments of its work on AWS,
// Azure and Vault, while they throttle, fail, lose answers and lag, and between
// kills people change what the clouds hold. No reader ever has a dead key that
// no person put there; what people did is healed; and at the end each account
// has one key, which every destination holds. The program has no rights in the
// clouds but those of the policy and the role that deploy offers.
func TestKillsOnThreeStores(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		command string
		kills   int
	}{{"sync", 30}, {"run", 12}} {
		t.Run(c.command, func(t *testing.T) {
			t.Parallel()
			w := newClouds(t)
			w.leastRights()
			if err := w.aws.Create(onAWS, `{"`+theirField+`":"CANARY-foreign"}`, nil); err != nil {
				t.Fatal(err)
			}
			w.people = newPeople(w)
			k := &killer{
				t: t, world: w.world, command: c.command, random: seeded(t), kills: c.kills,
				accounts: cloudyAccounts, places: w.cloudyPlaces(), settings: w.configure,
			}
			k.faults = []func(){
				k.platformFault, k.vaultFault,
				func() { w.awsFault(k) }, func() { w.awsFault(k) }, func() { w.azureFault(k) }, func() { w.azureFault(k) },
			}
			k.calm = func() { w.well(); w.aws.Reset(); w.azure.Reset() }
			k.between, k.finally = func() { w.people.between(k) }, func() { w.people.heal(k) }
			k.play()
			w.quiet(t)
			w.leastSaid()
			w.hunt()
			t.Log(w.people)
		})
	}
}

// leastRights signs in with the rights that deploy offers and no other.
func (w *clouds) leastRights() {
	w.t.Helper()
	const deploy = "../../../deploy/"
	policy, err := os.ReadFile(deploy + "aws/keyrota.json")
	if err != nil {
		w.t.Fatal(err)
	}
	user := w.aws.AddUser(awstest.DefaultAccount, "keyrota")
	if err := w.aws.SetPolicy(user, string(policy)); err != nil {
		w.t.Fatal(err)
	}
	text, err := os.ReadFile(deploy + "azure/keyrota-role.json")
	var role struct{ DataActions []string }
	if err == nil {
		err = json.Unmarshal(text, &role)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	var actions []string
	for _, a := range role.DataActions {
		actions = append(actions, strings.TrimSuffix(strings.TrimPrefix(a, "Microsoft.KeyVault/vaults/secrets/"), "/action"))
	}
	w.signIn(user, w.azure.AddApp("keyrota", actions...))
}

// leastSaid fails the test if a right was ever missing, or what is someone
// else's changed.
func (w *clouds) leastSaid() {
	w.t.Helper()
	for _, words := range []string{"the policy needs", "not authorized", "Forbidden", "AccessDenied"} {
		if said := w.everythingPrinted(); strings.Contains(said, words) {
			at := strings.Index(said, words)
			w.t.Errorf("a right was missing: …%s…", said[max(0, at-200):min(len(said), at+200)])
		}
	}
	text, _ := w.readAWS(onAWS)
	if got := fieldOf(theirField)(text); got != "CANARY-foreign" {
		w.t.Errorf("the field of someone else is %q", got)
	}
}
