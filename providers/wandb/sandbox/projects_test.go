package sandbox_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

// log starts a run, or beats its heart, as the reader of a secret would.
func (b *bench) log(key, team, project, name string, extra header) (inserted bool, messages []string, r reply) {
	b.t.Helper()
	data, messages, r := query[struct{ UpsertBucket struct{ Inserted bool } }](b, key,
		`mutation StartRun($name: String!, $project: String, $entity: String, $state: String) {
			upsertBucket(input: { modelName: $project, entityName: $entity, name: $name, state: $state }) {
				bucket { id name project { name entity { name } } } inserted } }`,
		map[string]any{"name": name, "project": project, "entity": team}, extra)
	return data.UpsertBucket.Inserted, messages, r
}

type runNode struct {
	Name, State string
	User        struct{ Username string }
}

func (b *bench) runs(key, project, filters, order string) (names []runNode) {
	b.t.Helper()
	var cursor any
	for {
		data, messages, _ := query[struct {
			Project *struct {
				Runs struct {
					PageInfo struct {
						EndCursor   *string
						HasNextPage bool
					}
					Edges []struct{ Node runNode }
				}
			}
		}](b, key, `query Runs($project: String!, $entity: String!, $cursor: String, $perPage: Int = 2, $order: String, $filters: JSONString) {
			project(name: $project, entityName: $entity) { internalId readOnly
				runs(filters: $filters, after: $cursor, first: $perPage, order: $order) {
					totalCount pageInfo { __typename endCursor hasNextPage }
					edges { node { __typename id tags name displayName sweepName state group jobType commit readOnly
						createdAt heartbeatAt description notes historyLineCount projectId user { name username } } } } } }`,
			map[string]any{"project": project, "entity": "ml", "cursor": cursor, "order": order, "filters": filters}, nil)
		if messages != nil {
			b.t.Fatal(messages)
		}
		for _, e := range data.Project.Runs.Edges {
			names = append(names, e.Node)
		}
		if !data.Project.Runs.PageInfo.HasNextPage {
			return names
		}
		cursor = *data.Project.Runs.PageInfo.EndCursor
	}
}

func TestProjectVisibility(t *testing.T) {
	const none, reads, writes = "none", "reads", "writes"
	b := newBench(t, func(s *sandbox.Seed) {
		s.ServiceAccounts = append(s.ServiceAccounts, sandbox.ServiceAccount{
			Name: "vision-ci", Team: "vision", Keys: []sandbox.Key{{Value: "visionci-CANARY-0123456789-0123456789-012345"}},
		})
	})
	for name, test := range map[string]struct {
		key                            string
		open, public, team, restricted string
	}{
		"team account":             {ciKey, writes, writes, writes, none},
		"other team's account":     {"visionci-CANARY-0123456789-0123456789-012345", writes, reads, none, none},
		"organization account":     {orgKey, writes, writes, writes, none},
		"member, added":            {memberKey, writes, writes, writes, writes},
		"team admin, not added":    {leadKey, writes, writes, writes, none},
		"outsider":                 {outsiderKey, writes, reads, none, none},
		"organization admin":       {adminKey, writes, reads, writes, none},
		"nobody sees not even one": {"", none, none, none, none},
	} {
		for project, want := range map[string]string{"open": test.open, "public": test.public, "team": test.team, "restricted": test.restricted} {
			t.Run(name+"/"+project, func(t *testing.T) {
				if name == "organization admin" && project == "public" {
					want = writes // an administrator works in every team
				}
				data, _, _ := query[struct{ Project *struct{ ReadOnly bool } }](b, test.key,
					`query($p: String, $e: String) { project(name: $p, entityName: $e) { readOnly } }`,
					map[string]any{"p": project, "e": "ml"}, nil)
				got := none
				if data.Project != nil {
					got = writes
					if data.Project.ReadOnly {
						got = reads
					}
				}
				if got != want {
					t.Errorf("%s, not %s", got, want)
				}
				_, messages, _ := b.log(test.key, "ml", project, "run of "+name, nil)
				if (messages == nil) != (want == writes) {
					t.Errorf("logging a run: %v", messages)
				}
			})
		}
	}
	models, _, _ := query[struct {
		Models struct {
			PageInfo struct{ HasNextPage bool }
			Edges    []struct{ Node struct{ Name string } }
		}
	}](b, outsiderKey, `query Projects($entity: String, $cursor: String, $perPage: Int = 50) {
		models(entityName: $entity, after: $cursor, first: $perPage) {
			edges { node { id name entityName createdAt isBenchmark } } pageInfo { endCursor hasNextPage } } }`,
		map[string]any{"entity": "ml"}, nil)
	if got := fmt.Sprint(models.Models.Edges); got != "[{{open}} {{public}}]" || models.Models.PageInfo.HasNextPage {
		t.Errorf("an outsider lists %s", got)
	}
}

func TestRuns(t *testing.T) {
	b := newBench(t, nil)
	for _, name := range []string{"first", "second", "third"} {
		if inserted, messages, _ := b.log(ciKey, "ml", "team", name, nil); !inserted || messages != nil {
			t.Fatalf("%s: %v", name, messages)
		}
		b.clock.Advance(time.Minute)
	}
	b.clock.Advance(3 * time.Minute)
	if inserted, _, _ := b.log(ciKey, "ml", "team", "second", nil); inserted {
		t.Error("a heartbeat made a second run of the name")
	}
	r := b.do(http.MethodPost, "/files/ml/team/third/file_stream", ciKey, strings.NewReader(`{"complete": true, "exitcode": 0}`), nil)
	if r.status != http.StatusOK {
		t.Fatalf("file_stream: %d", r.status)
	}
	states := map[string]string{}
	for _, run := range b.runs(ciKey, "team", "", "") {
		states[run.Name] = run.State
	}
	if states["first"] != "crashed" || states["second"] != "running" || states["third"] != "finished" {
		t.Errorf("states are %v", states)
	}
	for _, test := range []struct {
		filters, order string
		want           []string
	}{
		{``, "", []string{"first", "second", "third"}},
		{``, "-created_at", []string{"third", "second", "first"}},
		{`{"state": "running"}`, "-created_at", []string{"second"}},
		{`{"$or": [{"state": {"$in": ["crashed"]}}, {"name": "third"}]}`, "+created_at", []string{"first", "third"}},
		{`{"createdAt": {"$gte": "2026-08-03T12:01:00Z"}, "state": {"$ne": "finished"}}`, "", []string{"second"}},
		{`{"username": "max"}`, "", nil},
	} {
		var got []string
		for _, run := range b.runs(memberKey, "team", test.filters, test.order) {
			got = append(got, run.Name)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s %s: %v", test.filters, test.order, got)
		}
	}
	uses := b.Uses()
	if len(uses) != 5 || uses[4].Run != "third" || uses[4].KeyID != b.Keys("ci")[0].ID || uses[4].Account != "ci" {
		t.Errorf("uses are %+v", uses)
	}
}

func TestAttribution(t *testing.T) {
	for name, test := range map[string]struct {
		key    string
		header header
		want   string
	}{
		"none asked for":                        {ciKey, nil, "ci"},
		"a member of the parent team":           {ciKey, header{"X-WANDB-USERNAME": "max"}, "max"},
		"by e-mail address":                     {ciKey, header{"X-WANDB-USER-EMAIL": "max@acme.example"}, "max"},
		"somebody else is ignored":              {ciKey, header{"X-WANDB-USERNAME": "otto"}, "ci"},
		"who was only invited is ignored":       {ciKey, header{"X-WANDB-USERNAME": "ina"}, "ci"},
		"anybody, by an organization's account": {orgKey, header{"X-WANDB-USERNAME": "otto"}, "otto"},
		"a person speaks for itself":            {leadKey, header{"X-WANDB-USERNAME": "max"}, "lea"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			if _, messages, _ := b.log(test.key, "ml", "team", "r", test.header); messages != nil {
				t.Fatal(messages)
			}
			if got := b.runs(adminKey, "team", "", "")[0].User.Username; got != test.want {
				t.Errorf("credited to %s", got)
			}
		})
	}
}
