package sandbox_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

// The keys of the people and accounts in seedText.
const (
	adminKey    = "org-adm-CANARY-admin-0123456789-0123456789"
	leadKey     = "teamlead-CANARY-lead-0123456789-0123456789"
	memberKey   = "teammemb-CANARY-member-0123456789-0123456789"
	outsiderKey = "outsider-CANARY-other-0123456789-0123456789"
	ciKey       = "ci-train-CANARY-ci-0123456789-0123456789-012"
	orgKey      = "org-serv-CANARY-org-0123456789-0123456789-01"
)

const seedText = `
organization: acme
server:
  key_prefix: local
teams:
  - name: ml
  - name: vision
people:
  - {username: ada, email: ada@acme.example, admin: true, keys: [` + adminKey + `]}
  - {username: lea, email: lea@acme.example, teams: {ml: admin}, keys: [` + leadKey + `]}
  - {username: max, email: max@acme.example, teams: {ml: member}, keys: [` + memberKey + `]}
  - {username: ina, email: ina@acme.example, teams: {ml: invited}}
  - {username: otto, email: otto@acme.example, teams: {vision: admin}, keys: [` + outsiderKey + `]}
service_accounts:
  - {name: ci, team: ml, keys: [{value: ` + ciKey + `, description: by hand}]}
  - {name: reporting, scope: organization, team: vision, keys: [` + orgKey + `]}
  - {name: pods, scope: external, team: ml, subject: "system:serviceaccount:ml:train"}
projects:
  - {team: ml, name: open, visibility: open}
  - {team: ml, name: public, visibility: public}
  - {team: ml, name: team, visibility: team}
  - {team: ml, name: restricted, visibility: restricted, members: [max]}
`

// clock is a clock that stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 8, 3, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// bench is a running sandbox.
type bench struct {
	*sandbox.Server
	t     *testing.T
	url   string
	clock *clock
}

func newBench(t *testing.T, change func(*sandbox.Seed)) *bench {
	t.Helper()
	seed, err := sandbox.ParseSeed([]byte(seedText))
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&seed)
	}
	return newBenchFrom(t, seed, sandbox.Options{})
}

func newBenchFrom(t *testing.T, seed sandbox.Seed, options sandbox.Options) *bench {
	t.Helper()
	c := newClock()
	options.Now = c.Now
	options.KeyMarker = "CANARY"
	server, err := sandbox.New(seed, options)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	return &bench{Server: server, t: t, url: web.URL, clock: c}
}

// reply is an answer of the server; status 0 means that the connection broke.
type reply struct {
	status int
	header http.Header
	body   []byte
}

type header map[string]string

func (b *bench) do(method, path, key string, body io.Reader, extra header) reply {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("User-Agent", "W&B Public Client 0.21.0 keyrota-test")
	request.Header.Set("Use-Admin-Privileges", "true")
	if key != "" {
		request.SetBasicAuth("api", key)
	}
	for name, value := range extra {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return reply{}
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return reply{}
	}
	return reply{response.StatusCode, response.Header, content}
}

// query sends a GraphQL request. The data is decoded into T; errors are their messages.
func query[T any](b *bench, key, text string, variables map[string]any, extra header) (data T, messages []string, r reply) {
	b.t.Helper()
	body, err := json.Marshal(map[string]any{"query": text, "variables": variables})
	if err != nil {
		b.t.Fatal(err)
	}
	r = b.do(http.MethodPost, "/graphql", key, bytes.NewReader(body), extra)
	var decoded struct {
		Data   T
		Errors []struct{ Message string }
	}
	if r.status != 0 {
		if err := json.Unmarshal(r.body, &decoded); err != nil {
			b.t.Fatalf("%d: %v in %s", r.status, err, r.body)
		}
	}
	for _, e := range decoded.Errors {
		messages = append(messages, e.Message)
	}
	return decoded.Data, messages, r
}

type keyNode struct{ ID, Name, Description string }

type user struct {
	ID, Name, Username string
	APIKeys            *struct{ Edges []struct{ Node keyNode } } `json:"apiKeys"`
	Teams              struct {
		Edges []struct{ Node struct{ Name string } }
	}
}

func (u user) keys() []keyNode {
	var keys []keyNode
	if u.APIKeys != nil {
		for _, e := range u.APIKeys.Edges {
			keys = append(keys, e.Node)
		}
	}
	return keys
}

// generate makes a key with the fields that W&B's SDK asks for.
func (b *bench) generate(key, description string) (keyNode, []string, reply) {
	b.t.Helper()
	data, messages, r := query[struct {
		GenerateAPIKey struct{ APIKey keyNode } `json:"generateApiKey"`
	}](b, key, `mutation NewKey($description: String) {
		generateApiKey(input: { description: $description }) { apiKey { id name description } }
	}`, map[string]any{"description": description}, nil)
	return data.GenerateAPIKey.APIKey, messages, r
}

func (b *bench) mustGenerate(key, description string) keyNode {
	b.t.Helper()
	made, messages, r := b.generate(key, description)
	if r.status != http.StatusOK || len(messages) > 0 || made.ID == "" {
		b.t.Fatalf("generateApiKey: %d %v", r.status, messages)
	}
	return made
}

func (b *bench) deleteKey(key, id string) (success bool, messages []string, r reply) {
	b.t.Helper()
	data, messages, r := query[struct{ DeleteAPIKey struct{ Success bool } }](b, key,
		`mutation RemoveKey($id: String!) { deleteApiKey(input: { id: $id }) { success } }`, map[string]any{"id": id}, nil)
	return data.DeleteAPIKey.Success, messages, r
}

func (b *bench) viewer(key string, extra header) (*user, reply) {
	b.t.Helper()
	data, messages, r := query[struct{ Viewer *user }](b, key, `query WhoAmI { viewer { ...Account } }
		fragment Account on User {
			id name username email admin flags entity deletedAt
			apiKeys { edges { node { id name description } } }
			teams { edges { node { name } } }
		}`, nil, extra)
	if len(messages) > 0 && r.status == http.StatusOK {
		b.t.Fatalf("viewer: %v", messages)
	}
	return data.Viewer, r
}
