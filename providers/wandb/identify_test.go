package wandb_test

import (
	"testing"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/wandb/sandbox"
	"github.com/keyrota/keyrota/rotation"
)

// TestIdentifyWhatIsNotPublic: whether an account that no team lists is a person
// is unknown, and not guessed.
func TestIdentifyWhatIsNotPublic(t *testing.T) {
	s := start(t, sandbox.KeysHashed, orgAdmin)
	if _, err := s.CreateServiceAccount("report", sandbox.ScopeOrganization, "ml", ""); err != nil {
		t.Fatal(err)
	}
	id, value, err := s.CreateKey("report", "by hand")
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.issuer.Identify(t.Context(), providers.NewSecret(value))
	if err != nil || got.Key != rotation.KeyID(id) || got.Owner.Name != "report" {
		t.Fatalf("identified %+v, %v", got, err)
	}
	if got.Service || got.Person || got.Owner.Scope != "" || got.Owner.Team != "ml" {
		t.Errorf("identified %+v; want neither person nor service account, without a scope", got)
	}
	if got, err = s.issuer.Identify(t.Context(), providers.NewSecret(memberKey)); err != nil || !got.Person || got.Owner.Team != "" {
		t.Errorf("identified %+v, %v; want a person", got, err)
	}
}

// TestIdentifyAnswers: what servers may answer about whose key it is.
func TestIdentifyAnswers(t *testing.T) {
	viewer := func(teams string) reply {
		return reply{body: `{"data":{"viewer":{"id":"u1","name":"ci","username":"ci","entity":"ml","teams":` + teams +
			`,"apiKeys":{"edges":[{"node":{"id":"k1","name":"local-0123456789ab"}}]}}}}`}
	}
	members := func(text string) reply { return reply{body: `{"data":{"entity":{"members":` + text + `}}}`} }
	const inML = `{"edges":[{"node":{"name":"ml"}}]}`
	service := providers.Identity{
		Verified: providers.Verified{Account: "u1", Key: "k1", At: when},
		Owner:    rotation.Account{ID: "u1", Name: "ci", Scope: rotation.ScopeTeam, Team: "ml"},
		Service:  true, Teams: []string{"ml"},
	}
	with := func(change func(*providers.Identity)) providers.Identity {
		id := service
		change(&id)
		return id
	}
	neither := with(func(id *providers.Identity) { id.Service, id.Owner.Scope = false, "" })
	listed := members(`[{"id":"m2","username":"ada","accountType":"MEMBER"},{"id":"m1","username":"ci","accountType":"Service_Account"}]`)
	for name, c := range map[string]struct {
		replies []reply
		want    providers.Identity
	}{
		"a service account": {[]reply{viewer(inML), listed}, service},
		"an external one":   {[]reply{viewer(inML), members(`[{"id":"m1","username":"ci","accountType":"EXTERNAL_SERVICE"}]`)}, with(func(id *providers.Identity) { id.Owner.Scope = rotation.ScopeExternal })},
		"a person": {[]reply{viewer(inML), members(`[{"id":"m1","username":"ci","accountType":"MEMBER"}]`)}, with(func(id *providers.Identity) {
			id.Service, id.Person, id.Owner.Scope, id.Owner.Team = false, true, "", ""
		})},
		"without an account type":     {[]reply{viewer(inML), members(`[{"id":"m1","username":"ci","accountType":null}]`)}, neither},
		"listed by no team":           {[]reply{viewer(inML), members(`[{"id":"m2","username":"ada","accountType":"MEMBER"}]`)}, neither},
		"members that are not shown":  {[]reply{viewer(inML), members(`null`)}, neither},
		"members that are refused":    {[]reply{viewer(inML), {body: gql("permission denied")}}, neither},
		"an unknown field":            {[]reply{viewer(inML), {body: gql(`Cannot query field "accountType"`)}}, neither},
		"teams that are not shown":    {[]reply{viewer(`null`), listed}, with(func(id *providers.Identity) { id.Teams = nil })},
		"a service account in two":    {[]reply{viewer(`{"edges":[{"node":{"name":"vision"}},{"node":{"name":"ml"}}]}`), listed}, with(func(id *providers.Identity) { id.Owner.Scope, id.Teams = "", []string{"vision", "ml"} })},
		"which key that is not shown": {[]reply{{body: `{"data":{"viewer":{"id":"u1","name":"ci","username":"ci","entity":"ml","teams":` + inML + `,"apiKeys":null}}}`}, listed}, with(func(id *providers.Identity) { id.Key = "" })},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := serve(t, c.replies...).issuer(t).Identify(t.Context(), own)
			quiet(t, err)
			if err != nil || got.Verified != c.want.Verified || got.Owner != c.want.Owner || got.Service != c.want.Service || got.Person != c.want.Person || len(got.Teams) != len(c.want.Teams) {
				t.Errorf("identified %+v, %v; want %+v", got, err, c.want)
			}
		})
	}
	for name, c := range map[string]struct {
		reply
		kind providers.Kind
	}{
		"unwell":              {reply{status: 503}, providers.Transient},
		"limited":             {reply{status: 429}, providers.Limited},
		"deleted by then":     {reply{status: 401}, providers.Denied},
		"in words not known":  {reply{body: gql("hm")}, providers.Transient},
		"an answer cut short": {reply{body: `{"data":{"entity"`}, providers.Transient},
	} {
		_, err := serve(t, viewer(inML), c.reply).issuer(t).Identify(t.Context(), own)
		if quiet(t, err); err == nil || providers.KindOf(err) != c.kind {
			t.Errorf("the team's members, %s: %v, want %s", name, err, c.kind)
		}
	}
}
