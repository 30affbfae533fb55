package wandb_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/wandb/sandbox"
	"github.com/keyrota/keyrota/rotation"
)

// now is the sandbox's clock; ago counts back from it.
var now = time.Date(2026, 8, 3, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return now.Add(-d) }

const oneDay = 24 * time.Hour

// working is a sandbox in which accounts of team ml log runs.
func working(t *testing.T, runs ...sandbox.Run) *service {
	t.Helper()
	return startWith(t, sandbox.KeysHashed, orgAdmin, func(seed *sandbox.Seed) {
		seed.ServiceAccounts = []sandbox.ServiceAccount{
			{Name: "ci", Team: "ml", Username: "ci", ID: "u1", Keys: []sandbox.Key{{Value: ownKey}}},
			{Name: "other", Team: "ml", Username: "other", ID: "u2"},
		}
		seed.Projects = []sandbox.Project{
			{Team: "ml", Name: "eval"},
			{Team: "ml", Name: "secret", Visibility: sandbox.VisibilityRestricted},
			{Team: "vision", Name: "open", Visibility: sandbox.VisibilityOpen},
			{Team: "vision", Name: "shown", Visibility: sandbox.VisibilityPublic},
		}
		for n := range 250 {
			seed.Projects = append(seed.Projects, sandbox.Project{Team: "vision", Name: fmt.Sprintf("p%03d", n)})
		}
		seed.Runs = runs
	})
}

func aRun(name, account string, created, beat time.Duration, state string) sandbox.Run {
	return sandbox.Run{Name: name, Team: "ml", Project: "eval", Account: account, CreditedTo: account, State: state, CreatedAt: ago(created), HeartbeatAt: ago(beat)}
}

// TestProjects: all pages, and those alone that the credential sees.
func TestProjects(t *testing.T) {
	s := working(t)
	list := func(team string, auth providers.Secret) ([]string, error) {
		var names []string
		err := s.issuer.Projects(t.Context(), team, auth, func(p string) error { names = append(names, p); return nil })
		quiet(t, err)
		return names, err
	}
	if got, err := list("vision", providers.Secret{}); err != nil || len(got) != 252 || len(slices.Compact(got)) != 252 {
		t.Errorf("%d projects as administrator, %v", len(got), err)
	}
	if got, err := list("ml", own); err != nil || !slices.Equal(got, []string{"eval"}) {
		t.Errorf("its team's, as the account: %q, %v", got, err)
	}
	if _, err := list("none", own); providers.KindOf(err) != providers.Denied || !strings.Contains(err.Error(), `no team "none" that the account's key may see`) {
		t.Errorf("of no team: %v", err)
	}
	stop := errors.New("stop")
	if err := s.issuer.Projects(t.Context(), "vision", own, func(string) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("stopped: %v", err)
	}
}

// TestRuns: those that were created or beat since, however old, each project
// over many pages; and no more pages are asked for than that takes.
func TestRuns(t *testing.T) {
	var runs []sandbox.Run
	for n := range 1000 { // history, of which nothing is to be read
		runs = append(runs, aRun(fmt.Sprintf("old-%04d", n), "ci", 100*oneDay+time.Duration(n)*time.Hour, 100*oneDay+time.Duration(n)*time.Hour-time.Minute, "finished"))
	}
	for n := range 150 {
		runs = append(runs, aRun(fmt.Sprintf("new-%03d", n), "other", time.Duration(n+1)*time.Minute, time.Duration(n)*time.Minute, "finished"))
	}
	runs = append(runs,
		aRun("nine-days", "ci", 9*oneDay, time.Minute, "running"),
		aRun("ended-yesterday", "ci", 30*oneDay, oneDay, "finished"),
		aRun("credited", "ci", time.Hour, time.Hour, "failed"))
	runs[len(runs)-1].CreditedTo = "max"
	s := working(t, runs...)
	read := func(since time.Time) map[string]providers.Run {
		got := map[string]providers.Run{}
		err := s.issuer.Runs(t.Context(), "ml", "eval", providers.Secret{}, since, func(r providers.Run) error {
			if _, twice := got[r.Name]; twice {
				t.Errorf("%s came twice", r.Name)
			}
			got[r.Name] = r
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	before := s.Calls("project")
	got := read(ago(2 * oneDay))
	if calls := s.Calls("project") - before; calls != 5 {
		t.Errorf("%d pages were read, want 2 of new runs, 1 of running ones, 2 of those that ended", calls)
	}
	if len(got) != 153 {
		t.Errorf("%d runs, want 153", len(got))
	}
	want := providers.Run{Team: "ml", Project: "eval", Name: "nine-days", State: "running", Created: ago(9 * oneDay), Heartbeat: ago(time.Minute), User: "ci"}
	if got["nine-days"] != want {
		t.Errorf("%+v, want %+v", got["nine-days"], want)
	}
	if got["credited"].User != "max" || got["ended-yesterday"].Name == "" {
		t.Errorf("%+v, %+v", got["credited"], got["ended-yesterday"])
	}
	if all := read(time.Time{}); len(all) != 1153 {
		t.Errorf("%d runs of all time, want 1153", len(all))
	}
	for project, auth := range map[string]providers.Secret{"none": {}, "secret": own} {
		err := s.issuer.Runs(t.Context(), "ml", project, auth, now, func(providers.Run) error { return nil })
		quiet(t, err)
		if providers.KindOf(err) != providers.NotFound || !strings.Contains(err.Error(), "ml/"+project) {
			t.Errorf("%s: %v", project, err)
		}
	}
}

// TestRunsOfOddServers: nothing is left out because a server does not do what it
// was asked, and what cannot be read is an error.
func TestRunsOfOddServers(t *testing.T) {
	page := func(next string, nodes ...string) reply {
		info := `{"hasNextPage":false}`
		if next != "" {
			info = `{"hasNextPage":true,"endCursor":"` + next + `"}`
		}
		body := edges(nodes...)
		return reply{body: `{"data":{"project":{"runs":` + strings.TrimSuffix(body, "}") + `,"pageInfo":` + info + `}}}}`}
	}
	node := func(name, day string) string {
		return `{"name":"` + name + `","state":"finished","createdAt":"2026-08-` + day + `T00:00:00Z","heartbeatAt":null,"user":null}`
	}
	for name, c := range map[string]struct {
		replies []reply
		names   string
		kind    providers.Kind
		fails   bool
	}{
		"in another order":      {replies: []reply{page("c1", node("a", "01"), node("b", "09")), page("", node("c", "08")), page("", node("a", "01"))}, names: "b c"},
		"more, not where":       {replies: []reply{{body: strings.Replace(page("c1", node("a", "09")).body, `"endCursor":"c1"`, `"endCursor":null`, 1)}}, names: "a", fails: true, kind: providers.Transient},
		"more again, not where": {replies: []reply{page("c1", node("a", "09")), {body: strings.Replace(page("c1", node("b", "09")).body, `"endCursor":"c1"`, `"endCursor":null`, 1)}}, names: "a b", fails: true, kind: providers.Transient},
		"the same page":         {replies: []reply{page("c1", node("a", "09"))}, names: "a a", fails: true, kind: providers.Transient},
		"one left out":          {replies: []reply{page("", `null`)}, fails: true, kind: providers.Transient},
		"no time":               {replies: []reply{page("", `{"name":"a","createdAt":"CANARY"}`)}, fails: true, kind: providers.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			var names []string
			err := serve(t, c.replies...).issuer(t).Runs(t.Context(), "ml", "eval", own, now, func(r providers.Run) error {
				names = append(names, r.Name)
				return nil
			})
			quiet(t, err)
			if strings.Join(names, " ") != c.names || (err != nil) != c.fails || err != nil && providers.KindOf(err) != c.kind {
				t.Errorf("%q, %v", names, err)
			}
		})
	}
}

// TestBeating: the account's own runs that run and are older, and nobody else's.
func TestBeating(t *testing.T) {
	s := working(t,
		aRun("holds", "ci", 9*oneDay, time.Minute, "running"),
		aRun("younger", "ci", time.Hour, time.Minute, "running"),
		aRun("silent", "ci", 9*oneDay, time.Hour, "running"), // counts as crashed
		aRun("ended", "ci", 9*oneDay, time.Minute, "finished"),
		aRun("another's", "other", 9*oneDay, time.Minute, "running"),
		sandbox.Run{Name: "elsewhere", Team: "vision", Project: "open", Account: "ci", CreditedTo: "ci", State: "running", CreatedAt: ago(3 * oneDay), HeartbeatAt: now},
	)
	for name, auth := range map[string]providers.Secret{"its own key": own, "the administrator's": {}} {
		got, err := s.issuer.Beating(t.Context(), ci, []string{"none", "ml", "vision"}, auth, ago(2*oneDay))
		var names []string
		for _, r := range got {
			names = append(names, r.Team+"/"+r.Name)
		}
		if err != nil || !slices.Equal(names, []string{"ml/holds", "vision/elsewhere"}) {
			t.Errorf("with %s: %q, %v", name, names, err)
		}
	}
	if _, err := s.issuer.Beating(t.Context(), ci, []string{"none"}, own, now); providers.KindOf(err) != providers.Denied || err == nil {
		t.Errorf("in no team that it sees: %v", err)
	}
	someone := ci
	someone.ID = "u2"
	if _, err := s.issuer.Beating(t.Context(), someone, []string{"ml"}, own, now); providers.KindOf(err) != providers.Conflict {
		t.Errorf("with another's key: %v", err)
	}
}

// TestMembers: who is in a team, and what they are.
func TestMembers(t *testing.T) {
	s := working(t)
	got := map[string]providers.Member{}
	err := s.issuer.Members(t.Context(), "ml", own, func(m providers.Member) error { got[m.Username] = m; return nil })
	if err != nil || len(got) != 4 {
		t.Fatalf("%+v, %v", got, err)
	}
	if m := got["ci"]; !m.Service || m.ID != "u1" || m.Name != "ci" {
		t.Errorf("%+v", m)
	}
	if m := got["lea"]; m.Service || m.Email != "lea@acme.example" {
		t.Errorf("%+v", m)
	}
	err = s.issuer.Members(t.Context(), "vision", own, func(m providers.Member) error { t.Errorf("sees %+v", m); return nil })
	quiet(t, err)
	if providers.KindOf(err) != providers.Denied {
		t.Errorf("of another team: %v", err)
	}
}

// TestMembersOfNoTeam: accounts of organization scope are in no team, and those
// that are in one, or deleted, are not told of again.
func TestMembersOfNoTeam(t *testing.T) {
	s := startWith(t, sandbox.KeysHashed, orgAdmin, func(seed *sandbox.Seed) {
		seed.ServiceAccounts = []sandbox.ServiceAccount{
			{Name: "ci", Team: "ml", Username: "ci", ID: "u1", Keys: []sandbox.Key{{Value: ownKey}}},
			{Name: "report", Team: "ml", Username: "report", ID: "u8", Scope: sandbox.ScopeOrganization},
			{Name: "gone", Team: "ml", Username: "gone", ID: "u9", Scope: sandbox.ScopeOrganization, DeletedAt: ago(oneDay)},
		}
	})
	var got []providers.Member
	err := s.issuer.Members(t.Context(), "", providers.Secret{}, func(m providers.Member) error { got = append(got, m); return nil })
	if err != nil || !slices.Equal(got, []providers.Member{{ID: "u8", Username: "report", Name: "report"}}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestAccess: what W&B's table of visibilities allows an account.
func TestAccess(t *testing.T) {
	s := working(t)
	for project, want := range map[string]providers.Access{
		"ml/eval": providers.AccessWrite, "ml/secret": providers.AccessNone, "ml/none": providers.AccessNone,
		"vision/open": providers.AccessWrite, "vision/shown": providers.AccessRead, "vision/p001": providers.AccessNone,
	} {
		team, name, _ := strings.Cut(project, "/")
		if got, err := s.issuer.Access(t.Context(), team, name, own); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", project, got, err, want)
		}
	}
	_, err := s.issuer.Access(t.Context(), "ml", "eval", providers.NewSecret(newKey))
	quiet(t, err)
	if providers.KindOf(err) != providers.Denied || !strings.Contains(err.Error(), "does not work") {
		t.Errorf("with a dead key: %v", err)
	}
}

// TestHiddenProject: a server may say in an error that a project is not to be
// seen; that it refuses everything is something else.
func TestHiddenProject(t *testing.T) {
	for name, c := range map[string]struct {
		reply
		hidden bool
	}{
		"permission":   {reply{body: gql("permission denied")}, true},
		"not found":    {reply{body: gql("project not found")}, true},
		"null":         {reply{body: `{"data":{"project":null}}`}, true},
		"unwell":       {reply{body: gql("internal error")}, false},
		"dead key":     {reply{body: gql("invalid API key")}, false},
		"a proxy":      {reply{status: 403}, false},
		"does not say": {reply{body: `{"data":{"project":{"readOnly":null,"runs":{"edges":[],"pageInfo":{"hasNextPage":false}}}}}`}, false},
	} {
		i := serve(t, c.reply).issuer(t)
		access, err := i.Access(t.Context(), "ml", "eval", own)
		quiet(t, err)
		if c.hidden != (err == nil && access == providers.AccessNone) {
			t.Errorf("%s: %q, %v", name, access, err)
		}
		err = i.Runs(t.Context(), "ml", "eval", own, now, func(providers.Run) error { return nil })
		quiet(t, err)
		if c.hidden != (err != nil && providers.KindOf(err) == providers.NotFound) {
			t.Errorf("runs, %s: %v", name, err)
		}
	}
}

// TestRemoveAccount: once and again, and nobody but a service account of the
// team is removed.
func TestRemoveAccount(t *testing.T) {
	s := working(t)
	for range 2 {
		if err := s.issuer.RemoveAccount(t.Context(), ci); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.issuer.Verify(t.Context(), ci, own); providers.KindOf(err) != providers.Denied {
		t.Errorf("its key after that: %v", err)
	}
	if n := s.Calls("deleteInvite"); n != 1 {
		t.Errorf("%d removals, want 1", n)
	}
	max, _, _ := s.Person(t, "max", "ml")
	max.Team, max.Scope = "ml", rotation.ScopeTeam
	for name, c := range map[string]struct {
		a    rotation.Account
		kind providers.Kind
	}{
		"a person":          {max, providers.Conflict},
		"another team":      {rotation.Account{ID: "u2", Name: "other", Team: "vision", Scope: rotation.ScopeTeam}, providers.Conflict},
		"by name alone":     {rotation.Account{Name: "other", Team: "ml", Scope: rotation.ScopeTeam}, providers.Invalid},
		"an organization's": {rotation.Account{ID: "u2", Name: "other", Team: "ml", Scope: rotation.ScopeOrganization}, providers.Invalid},
	} {
		err := s.issuer.RemoveAccount(t.Context(), c.a)
		quiet(t, err)
		if err == nil || providers.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := s.Calls("deleteInvite"); n != 1 {
		t.Errorf("%d removals in the end, want 1", n)
	}
}

// TestRemovalsAnswers: a lost answer is looked after.
func TestRemovalsAnswers(t *testing.T) {
	users := reply{body: `{"data":{"users":` + edges(`{"id":"u1","username":"ci","name":"ci"}`) + `}}`}
	members := func(list string) reply { return reply{body: `{"data":{"entity":{"members":[` + list + `]}}}`} }
	there := members(`{"id":"m1","username":"ci","name":"ci","accountType":"SERVICE"},{"id":"m2","username":"x","accountType":"SERVICE"}`)
	noUsers := reply{body: `{"data":{"users":` + edges(`{"id":"u9","username":"x","name":"x"}`) + `}}`}
	gone := members(`{"id":"m2","username":"x","accountType":"SERVICE"}`)
	done := func(how string) reply { return reply{body: `{"data":{"deleteInvite":{"success":` + how + `}}}`} }
	for name, c := range map[string]struct {
		replies []reply
		fails   bool
	}{
		"done":                {replies: []reply{users, there, done("true")}},
		"false, and gone":     {replies: []reply{users, there, done("false"), noUsers, noUsers, gone}},
		"false, and there":    {replies: []reply{users, there, done("false"), users, there}, fails: true},
		"refused, and there":  {replies: []reply{users, there, {body: gql("permission denied")}, users, there}, fails: true},
		"not found, and gone": {replies: []reply{users, there, {body: gql("not found")}, noUsers, noUsers, gone}},
		"cannot look":         {replies: []reply{users, there, done("false"), {status: 500}}, fails: true},
	} {
		w := serve(t, c.replies...)
		err := w.issuer(t).RemoveAccount(t.Context(), ci)
		quiet(t, err)
		if (err != nil) != c.fails || len(w.requests) != len(c.replies) {
			t.Errorf("%s: after %d requests %v", name, len(w.requests), err)
		}
		if body := w.bodies[2]; !strings.Contains(body, `"id":"m1"`) {
			t.Errorf("%s: removed by %s", name, body)
		}
	}
}
