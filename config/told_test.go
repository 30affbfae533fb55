package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const days = 24 * time.Hour

// What holds of an account's use and of switching it off, where nothing is
// written and where something is.
func TestUseAndSwitchingOff(t *testing.T) {
	small, _ := loadGood(t, "smallest.yaml", Options{Env: testEnv, StoreTypes: testTypes})
	full, _ := loadGood(t, "full.yaml", Options{Env: testEnv, StoreTypes: testTypes})
	type settled struct {
		State                                 State
		Force, Weave                          bool
		Wait, Unused, Propose, Review, Rhythm time.Duration
		Projects                              string
	}
	of := func(c *Config, ref string) settled {
		for _, a := range c.Accounts {
			if a.Ref == ref {
				return settled{a.State, a.Force, a.Weave, a.QuarantineWait, a.UnusedAfter, a.ProposeAfter, a.ReviewEvery, a.Rhythm, strings.Join(a.Projects, " ")}
			}
		}
		t.Fatalf("no account %s", ref)
		return settled{}
	}
	for _, c := range []struct {
		config *Config
		ref    string
		want   settled
	}{
		{small, "ml-platform/ci-model-training", settled{State: Active, Wait: 7 * days, Unused: 45 * days}},
		{full, "ml-platform/nightly-eval", settled{Quarantined, true, true, 7 * days, 30 * days, 90 * days, 7 * days, 0, "ml-platform/eval nlp/shared"}},
		{full, "nlp/rag-training", settled{State: Active, Wait: 14 * days, Unused: 60 * days, Review: 7 * days, Rhythm: 92 * days}},
	} {
		if diff := cmp.Diff(c.want, of(c.config, c.ref)); diff != "" {
			t.Errorf("%s:\n%s", c.ref, diff)
		}
	}
	if diff := cmp.Diff(Use{Every: 6 * time.Hour, Runs: true, AuditLog: true, Stores: true}, small.Use); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Use{Every: 12 * time.Hour, Runs: true, AuditFiles: []string{"testdata/good/audit/*.json.gz", "/var/log/wandb/*.jsonl"}, Stores: true}, full.Use); diff != "" {
		t.Error(diff)
	}
	if got := small.WorkingHours.String() + " | " + full.WorkingHours.String(); got != "Mon-Fri 09:00-17:00 UTC | Mon-Fri 08:00-18:00 Europe/Berlin" {
		t.Error(got)
	}
}

// Where the JWTs of external accounts come from, and where they are kept.
func TestIdentity(t *testing.T) {
	c, _ := loadGood(t, "full.yaml", Options{Env: testEnv, StoreTypes: testTypes})
	got := map[string]Identity{}
	kept := map[string]string{}
	for _, a := range c.Accounts {
		if a.Identity == nil {
			continue
		}
		got[a.Name] = *a.Identity
		for _, d := range a.Identity.Keep {
			kept[d.String()] = d.Description
		}
	}
	want := map[string]Identity{
		"eks-training": {
			TokenURL: "https://idp.example/oauth2/token", ClientID: "keyrota", Scope: "wandb", Audience: "acme", JWTIssuer: "https://idp.example",
			ClientSecret: Reference{Kind: FromStore, Store: "vault", Path: "kv/keyrota/idp", Field: "secret"},
			CAFile:       "testdata/good/idp.pem", KeepFile: "testdata/good/jwt/eks",
		},
		"eks-eval": {TokenFile: "/var/run/jwt"},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Identity{}, "Pos", "Keep"), cmpopts.IgnoreFields(Reference{}, "Pos")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"vault:kv/ml/jwt#identity_token": "", "azure:eks-jwt": "JWT of ml-platform/eks-training for W&B, kept by keyrota"}, kept); diff != "" {
		t.Error(diff)
	}
}

// Who is told what, and which reports are made.
func TestTold(t *testing.T) {
	c, _ := loadGood(t, "full.yaml", Options{Env: testEnv, StoreTypes: testTypes})
	env := func(name string) Reference { return Reference{Kind: FromEnv, Env: name} }
	sinks := []Sink{
		{Name: "ops-slack", Slack: &SlackSink{Webhook: env("SLACK_WEBHOOK")}, Repeat: 14 * days},
		{Name: "ml-slack", Slack: &SlackSink{Token: env("SLACK_TOKEN"), Channel: "C0123456789"}, Repeat: 7 * days},
		{Name: "oncall", PagerDuty: &PagerDutySink{RoutingKey: Reference{Kind: FromFile, File: "testdata/good/pagerduty.key"}, URL: "https://events.eu.pagerduty.com", Changes: true}},
		{Name: "mail", Repeat: 7 * days, Email: &EmailSink{
			Server: "mail.example:587", TLS: "starttls", From: "keyrota <keyrota@acme.example>", To: []string{"platform@acme.example"}, Owners: true,
			User: env("MAIL_USER"), Password: env("MAIL_PASSWORD"), CAFile: "testdata/good/mail.pem",
		}},
		{Name: "here", Repeat: 7 * days, Email: &EmailSink{Server: "127.0.0.1:25", TLS: "off", From: "keyrota@acme.example", Owners: true}},
		{Name: "restart", Repeat: 7 * days, Webhook: &WebhookSink{
			URL: "https://hooks.example/keyrota", Bearer: env("HOOK"), Headers: map[string]Reference{"X-Team": env("TEAM")}, Sign: env("SIGN"),
			CAFile: "testdata/good/hooks.pem", Events: []string{"key.delivered"},
		}},
	}
	noPlaces := []cmp.Option{cmpopts.IgnoreFields(Reference{}, "Pos"), cmpopts.IgnoreFields(Sink{}, "Pos"), cmpopts.IgnoreFields(Route{}, "Pos"), cmpopts.IgnoreFields(ReportSchedule{}, "Pos", "Schedule")}
	if diff := cmp.Diff(sinks, c.Sinks, noPlaces...); diff != "" {
		t.Error(diff)
	}
	routes := []Route{
		{Sinks: []string{"oncall"}, Severities: []string{"page"}},
		{Sinks: []string{"ml-slack", "mail"}, Severities: []string{"page", "ticket"}, Teams: []string{"ml-platform"}, Owners: []string{"platform@acme.example"}, Codes: []string{"unused", "shared_key"}},
	}
	if diff := cmp.Diff(routes, c.Routes, noPlaces...); diff != "" {
		t.Error(diff)
	}
	reports := []ReportSchedule{
		{Name: "weekly", Parts: []string{"unused", "findings"}, Sinks: []string{"mail"}, Dir: "testdata/good/reports", Formats: []string{"html", "csv"}, Link: "https://reports.example/keyrota/"},
		{Name: "audit", Dir: "testdata/good/reports", Formats: []string{"html"}},
	}
	if diff := cmp.Diff(reports, c.Reports, noPlaces...); diff != "" {
		t.Error(diff)
	}
	if got := c.Reports[0].Schedule.String() + ", " + c.Reports[1].Schedule.String(); got != "cron 0 8 * * Mon Europe/Berlin, cron @monthly UTC" || c.Runbook != "https://wiki.example/keyrota/RUNBOOK" {
		t.Error(got, c.Runbook)
	}
}

// A name is held against the convention that is written, whole, and otherwise
// must say something.
func TestNames(t *testing.T) {
	for _, c := range []struct {
		pattern   string
		good, bad []string
	}{
		{
			pattern: "",
			good:    []string{"ci-model-training", "nightly-eval-pipeline", "prod-inference-monitor", "eval2", "test-data-loader", "Überwachung"},
			bad:     []string{"service-account-1", "test-sa", "temp", "Service_Account_2", "bot", "x1", "42", "", "new_api_key", "demo-services", "untitled2", "xxx-todo"},
		},
		{"ci|nightly-[a-z]+", []string{"ci"}, []string{"ci-model-training"}},
		{"(ci|nightly)-[a-z-]+", []string{"nightly-eval"}, []string{"eval-nightly-x"}},
	} {
		problem := (&Config{NamePattern: c.pattern}).NameProblem()
		for _, name := range c.good {
			if words := problem(name); words != "" {
				t.Errorf("%q: %s: %s", c.pattern, name, words)
			}
		}
		for _, name := range c.bad {
			if problem(name) == "" {
				t.Errorf("%q: nothing is wrong with %s", c.pattern, name)
			}
		}
	}
}
