package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// job has a run beat once, as a job does that read its key from a file when it
// began:
//
//	job FILE TEAM/PROJECT/RUN [STATE]
//
// Negated, the platform must refuse the key.
func job(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 && len(args) != 3 {
		ts.Fatalf("usage: job FILE TEAM/PROJECT/RUN [STATE]")
	}
	at := strings.Split(args[1], "/")
	variables := map[string]string{"team": at[0], "project": at[1], "run": at[2]}
	query := `mutation($run: String!, $team: String!, $project: String!) {
		upsertBucket(input: {entityName: $team, modelName: $project, name: $run}) { inserted } }`
	if len(args) == 3 {
		variables["state"] = args[2]
		query = `mutation($run: String!, $team: String!, $project: String!, $state: String!) {
			upsertBucket(input: {entityName: $team, modelName: $project, name: $run, state: $state}) { inserted } }`
	}
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	ts.Check(err)
	r, err := http.NewRequest(http.MethodPost, ts.Getenv("WANDB_URL")+"/graphql", bytes.NewReader(body))
	ts.Check(err)
	r.SetBasicAuth("api", pastedKey.FindString(ts.ReadFile(args[0])))
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer answer.Body.Close()
	var seen struct {
		Data struct {
			UpsertBucket *struct{} `json:"upsertBucket"`
		} `json:"data"`
	}
	_ = json.NewDecoder(answer.Body).Decode(&seen)
	if works := answer.StatusCode == http.StatusOK && seen.Data.UpsertBucket != nil; works == neg {
		ts.Fatalf("the platform took the key: %v", works)
	}
}
