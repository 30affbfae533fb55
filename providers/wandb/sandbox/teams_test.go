package sandbox_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

type member struct {
	ID, Name, Username, AccountType string
	Admin, Pending                  bool
	APIKey                          *string `json:"apiKey"`
}

// members reads a team with the fields that W&B's SDK asks for.
func (b *bench) members(key, team string) (id string, byUsername map[string]member) {
	b.t.Helper()
	data, messages, _ := query[struct {
		Entity *struct {
			ID      string
			Members []member
		}
	}](b, key, `query Team($name: String!) { entity(name: $name) {
		id name available photoUrl readOnly readOnlyAdmin isTeam entityType privateOnly storageBytes codeSavingEnabled
		defaultAccess isPaid
		members { id admin pending email username name photoUrl accountType apiKey }
	} }`, map[string]any{"name": team}, nil)
	if messages != nil {
		b.t.Fatal(messages)
	}
	if data.Entity == nil {
		return "", nil
	}
	byUsername = map[string]member{}
	for _, m := range data.Entity.Members {
		byUsername[m.Username] = m
	}
	return data.Entity.ID, byUsername
}

func (b *bench) tryCreateAccount(key, team, name string) (id string, messages []string) {
	b.t.Helper()
	data, messages, _ := query[struct {
		CreateServiceAccount struct{ User struct{ ID string } }
	}](b, key, `mutation NewAccount($entityName: String!, $description: String!) {
		createServiceAccount(input: {description: $description, entityName: $entityName}) { user { id } }
	}`, map[string]any{"entityName": team, "description": name}, nil)
	return data.CreateServiceAccount.User.ID, messages
}

func (b *bench) createAccount(key, team, name string) string {
	b.t.Helper()
	id, messages := b.tryCreateAccount(key, team, name)
	if messages != nil || id == "" {
		b.t.Fatalf("createServiceAccount: %v", messages)
	}
	return id
}

func TestTeam(t *testing.T) {
	b := newBench(t, nil)
	_, members := b.members(ciKey, "ml")
	for name, isService := range map[string]bool{"lea": false, "max": false, "ci": true, "pods": true} {
		m, ok := members[name]
		if !ok || strings.Contains(strings.ToLower(m.AccountType), "service") != isService {
			t.Errorf("%s: %+v", name, m)
		}
	}
	if _, there := members["reporting"]; there || len(members) != 5 || !members["lea"].Admin || members["max"].Admin {
		t.Errorf("members are %v", members)
	}
	if !members["ina"].Pending || members["max"].Pending {
		t.Errorf("of %v one was invited, and the others are in the team", members)
	}
	for name, test := range map[string]struct {
		key  string
		sees bool
	}{"organization admin": {adminKey, true}, "outsider": {outsiderKey, false}, "organization account": {orgKey, true}, "nobody": {"", false}} {
		if id, _ := b.members(test.key, "ml"); (id != "") != test.sees {
			t.Errorf("%s sees the team: %v", name, !test.sees)
		}
	}
}

func TestCreateAndRemoveServiceAccount(t *testing.T) {
	b := newBench(t, nil)
	for name, test := range map[string]struct{ key, team, want string }{
		"team admin":         {leadKey, "ml", ""},
		"organization admin": {adminKey, "vision", ""},
		"member":             {memberKey, "ml", "permission denied"},
		"service account":    {ciKey, "ml", "permission denied"},
		"other team's admin": {outsiderKey, "ml", "no entity"},
		"unknown team":       {adminKey, "nlp", "no entity"},
	} {
		t.Run(name, func(t *testing.T) {
			id, messages := b.tryCreateAccount(test.key, test.team, "same-name")
			if (id != "") != (test.want == "") || !strings.Contains(strings.Join(messages, ""), test.want) {
				t.Errorf("%q %v", id, messages)
			}
		})
	}

	first := b.createAccount(leadKey, "ml", "nightly-eval")
	second := b.createAccount(leadKey, "ml", "nightly-eval")
	if first == second {
		t.Fatal("creating an account is idempotent, and W&B's is not")
	}
	_, value, err := b.CreateKey("nightly-eval-2", "clicked")
	if err != nil {
		t.Fatal(err)
	}
	remove := func(key, id string) (bool, []string) {
		data, messages, _ := query[struct{ DeleteInvite struct{ Success bool } }](b, key,
			`mutation RemoveMember($id: String, $entityName: String) {
				deleteInvite(input: {id: $id, entityName: $entityName}) { success } }`,
			map[string]any{"id": id, "entityName": "ml"}, nil)
		return data.DeleteInvite.Success, messages
	}
	if ok, messages := remove(memberKey, second); ok || messages == nil {
		t.Errorf("a member removes an account: %v %v", ok, messages)
	}
	if ok, messages := remove(leadKey, second); !ok || messages != nil {
		t.Errorf("removing an account: %v %v", ok, messages)
	}
	if ok, messages := remove(leadKey, second); ok || messages != nil {
		t.Errorf("removing it again: %v %v", ok, messages)
	}
	if _, r := b.viewer(value, nil); r.status != http.StatusUnauthorized {
		t.Errorf("a key of a removed account is answered %d", r.status)
	}
	if i := slices.IndexFunc(b.Accounts(), func(a sandbox.AccountInfo) bool { return a.ID == second }); i >= 0 {
		t.Error("the removed account is still there")
	}

	if err := b.Configure(func(s *sandbox.Settings) { s.DisableTeamServiceAccounts = true }); err != nil {
		t.Fatal(err)
	}
	if _, messages := b.tryCreateAccount(leadKey, "ml", "late"); len(messages) != 1 || !strings.Contains(messages[0], "disabled") {
		t.Errorf("with creation switched off: %v", messages)
	}
}
