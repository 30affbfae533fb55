package wandb_test

import (
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

func viewer(keys string) string {
	return `{"data":{"viewer":{"id":"u1","name":"ci","entity":"ml","apiKeys":` + keys + `}}}`
}

func edges(nodes ...string) string {
	return `{"edges":[{"node":` + strings.Join(nodes, `},{"node":`) + `}]}`
}

// TestVerifyAnswers: Denied is said only of a key that is not valid, and which
// key it is only where that is certain.
func TestVerifyAnswers(t *testing.T) {
	hashed := `{"id":"k1","name":"local-0123456789ab","description":"d1"}`
	shown := `{"id":"k2","name":"` + ownKey + `","description":"d2"}`
	for name, c := range map[string]struct {
		body string
		key  rotation.KeyID
		kind providers.Kind
		says string
	}{
		"nobody's":             {body: `{"data":{"viewer":null}}`, kind: providers.Denied, says: "nobody"},
		"first part":           {body: viewer(edges(`{"id":"k0","name":"local-xyz"}`, hashed)), key: "k1"},
		"whole":                {body: viewer(edges(`{"id":"k0","name":"`+newKey+`"}`, shown)), key: "k2"},
		"whole before a part":  {body: viewer(edges(`{"id":"k0","name":"local"}`, shown)), key: "k2"},
		"two parts":            {body: viewer(edges(`{"id":"k0","name":"local-0123"}`, hashed)), kind: providers.Invalid, says: "several keys"},
		"none":                 {body: viewer(edges(`{"id":"k0","name":"local-xyz"}`)), kind: providers.Invalid, says: "none of the keys"},
		"no name":              {body: viewer(edges(`{"id":"k0","name":null}`)), kind: providers.Invalid, says: "none of the keys"},
		"no keys":              {body: viewer(`{"edges":[]}`), kind: providers.Invalid, says: "none of the keys"},
		"keys hidden":          {body: viewer(`null`), kind: providers.Invalid, says: "user_agent"},
		"edges hidden":         {body: viewer(`{"edges":null}`), kind: providers.Invalid, says: "user_agent"},
		"a node hidden":        {body: viewer(edges(hashed, `null`)), kind: providers.Invalid, says: "user_agent"},
		"odd fields":           {body: viewer(`"` + leaky + `"`), kind: providers.Transient, says: "fields"},
		"errors beside data":   {body: strings.TrimSuffix(viewer(edges(hashed)), "}") + `,"errors":[{"message":"internal error"}]}`, kind: providers.Transient, says: "internal"},
		"someone else's":       {body: `{"data":{"viewer":{"id":"u2","name":"other"}}}`, kind: providers.Conflict, says: `"other"`},
		"invalid key in words": {body: gql("invalid API key " + ownKey), kind: providers.Denied, says: "does not work"},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := serve(t, reply{body: c.body}).issuer(t).Verify(t.Context(), ci, own)
			quiet(t, err)
			if c.key != "" {
				if err != nil || v.Key != c.key || v.Account != "u1" || !v.At.Equal(when) {
					t.Errorf("verified %+v, %v", v, err)
				}
				return
			}
			if err == nil || providers.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", providers.KindOf(err), err)
			}
		})
	}
}

// TestIssueAnswers: one request whatever is answered, and "not created" is said
// only where that is certain.
func TestIssueAnswers(t *testing.T) {
	const made = `"generateApiKey":{"apiKey":{"id":"k9","name":"` + newKey + `","description":null}}`
	for name, c := range map[string]struct {
		reply
		made bool
		kind providers.Kind
		says string
	}{
		"made":                     {reply: reply{body: `{"data":{` + made + `}}`}, made: true},
		"made, with errors beside": {reply: reply{body: `{"data":{` + made + `},"errors":[{"message":"permission denied"}]}`}, kind: providers.Transient, says: "was created"},
		"no key":                   {reply: reply{body: `{"data":{"generateApiKey":{"apiKey":null}}}`}, kind: providers.Transient, says: "not known"},
		"no answer at all":         {reply: reply{body: `{"data":{"generateApiKey":null}}`}, kind: providers.Transient, says: "not known"},
		"first part only":          {reply: reply{body: `{"data":{"generateApiKey":{"apiKey":{"id":"k9","name":"local-ba98"}}}}`}, kind: providers.Transient, says: "nobody has"},
		"cut off":                  {reply: reply{body: `{"data":{` + made, cut: true}, kind: providers.Transient},
		"disabled":                 {reply: reply{body: gql("API key creation is disabled for users and team service accounts")}, kind: providers.Denied, says: "Disable API key creation"},
		"disabled, 403":            {reply: reply{status: 403, body: gql("API key creation is disabled")}, kind: providers.Denied, says: "keyrota adopt ml/ci --key-file -"},
		"key limit":                {reply: reply{body: gql("the limit of 10 API keys is reached")}, kind: providers.Denied, says: "settings of team ml, Service Accounts"},
		"maximum of keys":          {reply: reply{status: 400, body: gql("Maximum number of API keys reached")}, kind: providers.Denied, says: "delete those"},
		"denied somehow":           {reply: reply{body: gql("permission denied")}, kind: providers.Denied, says: "look whether API key creation is disabled"},
		"unknown words":            {reply: reply{body: gql("something went wrong")}, kind: providers.Transient},
		"server error with words":  {reply: reply{status: 500, body: gql("permission denied")}, kind: providers.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			w := serve(t, c.reply)
			key, value, err := w.issuer(t).Issue(t.Context(), ci, own, "keyrota/label")
			quiet(t, err)
			if len(w.requests) != 1 {
				t.Errorf("%d requests", len(w.requests))
			}
			if c.made {
				if err != nil || key != (rotation.Key{ID: "k9", Label: "keyrota/label"}) || value.Expose() != newKey {
					t.Errorf("issued %+v, %v", key, err)
				}
				return
			}
			if err == nil || !value.Empty() || providers.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", providers.KindOf(err), err)
			}
		})
	}
}

// TestRevokeAnswers: a refusal that may mean that the key is gone already is
// looked into.
func TestRevokeAnswers(t *testing.T) {
	there, gone := reply{body: viewer(edges(`{"id":"k0","name":"a"}`))}, reply{body: viewer(edges(`{"id":"k1","name":"a"}`))}
	unknown := reply{body: viewer(`null`)}
	success := func(text string) reply { return reply{body: `{"data":{"deleteApiKey":{"success":` + text + `}}}`} }
	for name, c := range map[string]struct {
		replies  []reply
		done     bool
		kind     providers.Kind
		requests int
	}{
		"done":                    {replies: []reply{success("true")}, done: true, requests: 1},
		"false, gone":             {replies: []reply{success("false"), gone}, done: true, requests: 2},
		"false, there":            {replies: []reply{success("false"), there}, kind: providers.Transient, requests: 2},
		"false, not known":        {replies: []reply{success("false"), unknown}, kind: providers.Transient, requests: 2},
		"null, gone":              {replies: []reply{{body: `{"data":{"deleteApiKey":null}}`}, gone}, done: true, requests: 2},
		"not found, gone":         {replies: []reply{{body: gql("API key not found")}, gone}, done: true, requests: 2},
		"not found, there":        {replies: []reply{{body: gql("API key not found")}, there}, kind: providers.Transient, requests: 2},
		"404, gone":               {replies: []reply{{status: 404, body: gql("no such key")}, gone}, done: true, requests: 2},
		"denied, gone":            {replies: []reply{{body: gql("permission denied")}, gone}, done: true, requests: 2},
		"denied, there":           {replies: []reply{{body: gql("permission denied")}, there}, kind: providers.Denied, requests: 2},
		"denied, not known":       {replies: []reply{{body: gql("permission denied")}, unknown}, kind: providers.Denied, requests: 2},
		"unknown words, gone":     {replies: []reply{{body: gql("oh no")}, gone}, done: true, requests: 2},
		"key of ours not valid":   {replies: []reply{{status: 401}}, kind: providers.Denied, requests: 1},
		"limited":                 {replies: []reply{{status: 429}}, kind: providers.Limited, requests: 1},
		"unwell":                  {replies: []reply{{status: 500}}, kind: providers.Transient, requests: 1},
		"answer lost":             {replies: []reply{{raw: true}}, kind: providers.Transient, requests: 1},
		"false, then not ours":    {replies: []reply{success("false"), {body: `{"data":{"viewer":{"id":"u2"}}}`}}, kind: providers.Transient, requests: 2},
		"false, then cannot look": {replies: []reply{success("false"), {status: 500}}, kind: providers.Transient, requests: 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := serve(t, c.replies...)
			err := w.issuer(t).Revoke(t.Context(), ci, own, "k0")
			quiet(t, err)
			if (err == nil) != c.done || err != nil && providers.KindOf(err) != c.kind || len(w.requests) != c.requests {
				t.Errorf("after %d requests %v", len(w.requests), err)
			}
		})
	}
}

// TestListingAnswers: what is not shown whole is never a short or empty list.
func TestListingAnswers(t *testing.T) {
	members := reply{body: `{"data":{"entity":{"name":"ml","members":[{"id":"u1","username":"ci","name":"ci","accountType":"SERVICE"},{"id":"u2","username":"p","accountType":"MEMBER"}]}}}`}
	users := func(nodes string) reply { return reply{body: `{"data":{"users":` + nodes + `}}`} }
	user := func(keys string) string { return `{"id":"u1","username":"ci","name":"ci","apiKeys":` + keys + `}` }
	none := users(`{"edges":[]}`)
	for name, c := range map[string]struct {
		replies []reply
		yields  int
		fails   bool
		kind    providers.Kind
		says    string
	}{
		"whole": {replies: []reply{members, users(edges(user(`{"edges":[]}`)))}, yields: 1},
		"ids of members are others": {replies: []reply{
			{body: `{"data":{"entity":{"members":[{"id":"m1","username":"ci","name":"ci","accountType":"SERVICE"}]}}}`},
			users(edges(user(`{"edges":[]}`))),
		}, yields: 1},
		"left out of search":   {replies: []reply{members, none, users(edges(user(`{"edges":[]}`)))}, yields: 1},
		"no team":              {replies: []reply{{body: `{"data":{"entity":null}}`}}, fails: true, kind: providers.Denied, says: `no team "ml"`},
		"members hidden":       {replies: []reply{{body: `{"data":{"entity":{"name":"ml","members":[]}}}`}}, fails: true, kind: providers.Denied, says: `no team "ml"`},
		"no service accounts":  {replies: []reply{{body: `{"data":{"entity":{"name":"ml","members":[{"id":"u2","accountType":"MEMBER"}]}}}`}}},
		"users hidden":         {replies: []reply{members, users(`null`)}, fails: true, kind: providers.Denied, says: "does not show accounts"},
		"a user hidden":        {replies: []reply{members, users(edges(`null`))}, fails: true, kind: providers.Transient},
		"keys hidden":          {replies: []reply{members, users(edges(user(`null`)))}, fails: true, kind: providers.Denied, says: "keys of ci"},
		"changed meanwhile":    {replies: []reply{members, none}, fails: true, kind: providers.Transient, says: "changed while"},
		"the second page fell": {replies: []reply{members, {status: 502}}, fails: true, kind: providers.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			yields := 0
			err := serve(t, c.replies...).issuer(t).Keys(t.Context(), "ml", func(rotation.Account, []rotation.Key) error { yields++; return nil })
			quiet(t, err)
			if yields != c.yields || (err != nil) != c.fails || err != nil && (providers.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("%d yielded, %v", yields, err)
			}
		})
	}
}

// TestAbsentAnswers: an account is called absent only if the search shows every
// service account of its team, and this one is not among them.
func TestAbsentAnswers(t *testing.T) {
	none := reply{body: `{"data":{"users":{"edges":[]}}}`}
	other := reply{body: `{"data":{"users":{"edges":[{"node":{"id":"u7","username":"other","name":"other","apiKeys":{"edges":[]}}}]}}}`}
	team := reply{body: `{"data":{"entity":{"members":[{"id":"u7","username":"other","name":"other","accountType":"SERVICE"}]}}}`}
	for name, c := range map[string]struct {
		replies []reply
		kind    providers.Kind
	}{
		"all shown":     {[]reply{none, other, team}, providers.NotFound},
		"some hidden":   {[]reply{none, none, team}, providers.Denied},
		"team hidden":   {[]reply{none, other, {body: `{"data":{"entity":null}}`}}, providers.Denied},
		"search failed": {[]reply{none, {status: 500}}, providers.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := serve(t, c.replies...).issuer(t).KeysOf(t.Context(), ci, providers.Secret{})
			quiet(t, err)
			if err == nil || providers.KindOf(err) != c.kind {
				t.Errorf("%v, want %s", err, c.kind)
			}
		})
	}
}

// TestWhatIsNoKeyIsNotQuoted: whatever a person put where a key belongs is
// taken out of the server's words too.
func TestWhatIsNoKeyIsNotQuoted(t *testing.T) {
	_, err := serve(t, reply{status: 401, body: gql("CANARY, a pass phrase is no key")}).issuer(t).Verify(t.Context(), ci, providers.NewSecret("CANARY, a pass phrase"))
	quiet(t, err)
	if err == nil || !strings.Contains(err.Error(), "is no key") {
		t.Errorf("%v", err)
	}
}

// TestProvisionAnswers: like a key, an account is created by one request, and
// "not created" is said only where that is certain.
func TestProvisionAnswers(t *testing.T) {
	const made = `"createServiceAccount":{"user":{"id":"u9"}}`
	for name, c := range map[string]struct {
		reply
		made bool
		kind providers.Kind
		says string
	}{
		"made":                     {reply: reply{body: `{"data":{` + made + `}}`}, made: true},
		"made, with errors beside": {reply: reply{body: `{"data":{` + made + `},"errors":[{"message":"permission denied"}]}`}, kind: providers.Transient, says: "was created"},
		"no account":               {reply: reply{body: `{"data":{"createServiceAccount":{"user":null}}}`}, kind: providers.Transient, says: "not known"},
		"no team":                  {reply: reply{body: gql("entity not found")}, kind: providers.Invalid, says: "the team's name"},
		"denied":                   {reply: reply{body: gql("permission denied")}, kind: providers.Denied, says: "admin of team ml"},
		"cut off":                  {reply: reply{body: `{"data":{` + made, cut: true}, kind: providers.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			w := serve(t, c.reply)
			id, err := w.issuer(t).Provision(t.Context(), rotation.Account{Name: "ci", Team: "ml", Scope: rotation.ScopeTeam})
			quiet(t, err)
			if len(w.requests) != 1 {
				t.Errorf("%d requests", len(w.requests))
			}
			if c.made {
				if err != nil || id != "u9" {
					t.Errorf("made %q, %v", id, err)
				}
				return
			}
			if err == nil || id != "" || providers.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
				t.Errorf("made %q, %s: %v", id, providers.KindOf(err), err)
			}
		})
	}
}

// TestFirstKeyAnswers: that a member's id is its account's is not documented,
// so a name that only one service account bears counts too.
func TestFirstKeyAnswers(t *testing.T) {
	member := func(id, name, key string) string {
		return `{"id":"` + id + `","name":"` + name + `","accountType":"SERVICE","apiKey":"` + key + `"}`
	}
	for name, c := range map[string]struct {
		members string
		found   bool
	}{
		"by id":        {member("m1", "ci", ownKey) + "," + member("u1", "ci", newKey), true},
		"by name":      {member("m1", "other", ownKey) + "," + member("m2", "ci", newKey), true},
		"two of it":    {member("m1", "ci", ownKey) + "," + member("m2", "ci", newKey), false},
		"no longer":    {member("m1", "other", ownKey), false},
		"not shown":    {member("u1", "ci", ""), false},
		"a person's":   {`{"id":"u1","name":"ci","accountType":"MEMBER","apiKey":"` + newKey + `"}`, false},
		"nobody there": {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := serve(t, reply{body: `{"data":{"entity":{"members":[` + c.members + `]}}}`})
			key, err := w.issuer(t).FirstKey(t.Context(), ci)
			quiet(t, err)
			if c.found != (err == nil) || c.found && key.Expose() != newKey || !c.found && (providers.KindOf(err) != providers.NotFound || !key.Empty()) {
				t.Errorf("found %v, %v", !key.Empty(), err)
			}
		})
	}
}

// TestExternalOwnsNoKeys: nothing is even asked.
func TestExternalOwnsNoKeys(t *testing.T) {
	w := serve(t, reply{})
	a := ci
	a.Scope = rotation.ScopeExternal
	_, _, err := w.issuer(t).Issue(t.Context(), a, own, "keyrota/label")
	if providers.KindOf(err) != providers.Invalid || len(w.requests) > 0 {
		t.Errorf("after %d requests %v", len(w.requests), err)
	}
}
