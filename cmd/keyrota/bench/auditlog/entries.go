package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// templates is how many different entries a log is made of, besides their times.
const templates = 20_000

// generate writes a log of so many entries, two a second. They are as wide as
// W&B's: every field that its documentation names for the action, base64 ids,
// digests and qualified names of artifacts.
func generate(w io.Writer, entries int, page bool) error {
	made := makeTemplates()
	out := bufio.NewWriterSize(w, 1<<20)
	begin := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	end := begin.Add(time.Duration(entries/2+1) * time.Second)
	between := "\n"
	if page {
		between = ",\n"
		_, _ = out.WriteString(`{"audit_logs":[`)
	}
	var at [len(time.RFC3339)]byte
	for n := range entries {
		if n > 0 {
			_, _ = out.WriteString(between)
		}
		_, _ = out.Write(made[n*7919%templates])
		_, _ = out.Write(begin.Add(time.Duration(n/2)*time.Second).AppendFormat(at[:0], time.RFC3339))
		_, _ = out.WriteString(`"}`)
	}
	if page {
		_, _ = fmt.Fprintf(out, `],"range_start_time":%q,"range_end_time":%q,"count":%d,"next_cursor":null}`,
			begin.Format(time.RFC3339), end.Format(time.RFC3339), entries)
	}
	_, _ = out.WriteString("\n")
	return out.Flush() // which repeats the first failure
}

// makeTemplates returns entries up to and without their time, which is last.
func makeTemplates() [][]byte {
	chance := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same log each time, and nothing secret
	made := make([][]byte, templates)
	for n := range made {
		text, _ := json.Marshal(makeEntry(chance)) // of texts and a number
		made[n] = append(text[:len(text)-1], `,"timestamp":"`...)
	}
	return made
}

// entry has the fields of W&B's entries in the order of its documentation.
type entry struct {
	Action           string `json:"action"`
	ActorEmail       string `json:"actor_email"`
	ActorIP          string `json:"actor_ip"`
	ActorUserID      string `json:"actor_user_id"`
	Artifact         string `json:"artifact_asset,omitempty"`
	ArtifactDigest   string `json:"artifact_digest,omitempty"`
	ArtifactName     string `json:"artifact_qualified_name,omitempty"`
	ArtifactSequence string `json:"artifact_sequence_asset,omitempty"`
	CLIVersion       string `json:"cli_version"`
	Entity           string `json:"entity_asset"`
	EntityName       string `json:"entity_name"`
	Project          string `json:"project_asset,omitempty"`
	ProjectName      string `json:"project_name,omitempty"`
	Report           string `json:"report_asset,omitempty"`
	ReportName       string `json:"report_name,omitempty"`
	ResponseCode     int    `json:"response_code"`
	User             string `json:"user_asset,omitempty"`
	UserEmail        string `json:"user_email,omitempty"`
}

// makeEntry makes an entry: of 500 accounts in 20 teams, most of them reading
// artifacts and projects.
func makeEntry(chance *rand.Rand) entry {
	account, team, project := chance.IntN(500), chance.IntN(20), chance.IntN(200)
	id := func(kind string, n int) string { return fmt.Sprintf("%s%020d==", kind, n) }
	e := entry{
		ActorEmail:  fmt.Sprintf("service-account-%03d@acme-research.example", account),
		ActorIP:     fmt.Sprintf("10.%d.%d.%d", chance.IntN(256), chance.IntN(256), chance.IntN(256)),
		ActorUserID: id("VXNlcjo", account), CLIVersion: fmt.Sprintf("0.2%d.%d", chance.IntN(4), chance.IntN(9)),
		Entity: id("RW50aXR5", team), EntityName: fmt.Sprintf("research-team-%02d", team), ResponseCode: 200,
	}
	if chance.IntN(50) == 0 {
		e.ResponseCode = 403
	}
	inProject := func() {
		e.Project, e.ProjectName = id("UHJvamVjdDp2MTo", project), fmt.Sprintf("pretraining-ablation-%03d", project)
	}
	switch n := chance.IntN(100); {
	case n < 55:
		e.Action = "artifact:read"
		if n < 10 {
			e.Action = "artifact:create"
		}
		inProject()
		e.Artifact, e.ArtifactSequence = id("QXJ0aWZhY3Q6", chance.IntN(1e6)), id("QXJ0aWZhY3RDb2xsZWN0aW9u", project)
		e.ArtifactDigest = fmt.Sprintf("%016x%016x", chance.Uint64(), chance.Uint64())
		e.ArtifactName = fmt.Sprintf("%s/%s/run-%08x-checkpoint:v%d", e.EntityName, e.ProjectName, chance.Uint32(), chance.IntN(400))
	case n < 80:
		e.Action = "project:read"
		inProject()
	case n < 90:
		e.Action = "run:update"
		inProject()
	case n < 95:
		e.Action = "user:read"
		e.User, e.UserEmail = e.ActorUserID, e.ActorEmail
	default: // a name that JSON writes with escapes
		e.Action = "report:read"
		inProject()
		e.Report, e.ReportName = id("UmVwb3J0Og", chance.IntN(1e4)), `losses & gradients, "final"`
	}
	return e
}
