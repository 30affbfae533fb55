package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func lookup(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}
}

var testEnv = lookup(map[string]string{
	"HOME": "/home/ops", "VAULT": "https://vault.example", "WHO": "${X}: {a: b}", "EMPTY": "",
	"LEAKED": "CANARY-0123456789012345678901234567890123456789", "SLASHES": "CANARY/0123456789012345678901234567890123456789",
})

// blockOfVault stands for a provider's type of configuration.
type blockOfVault struct {
	Address   string        `yaml:"address"`
	Namespace string        `yaml:"namespace"`
	Timeout   time.Duration `yaml:"timeout"`
	Retries   int           `yaml:"retries"`
	TLS       bool          `yaml:"tls"`
	Token     string        `yaml:"token" keyrota:"reference"`
	Dir       string        `yaml:"dir" keyrota:"path"`
	Tags      []string      `yaml:"tags"`
	Mount     string        `yaml:"mount"`
	Auth      struct {
		Kubernetes *struct {
			Role string `yaml:"role" keyrota:"required"`
		} `yaml:"kubernetes"`
	} `yaml:"auth"`
}

func (b *blockOfVault) Check(report func(path, message, hint string)) {
	if b.Auth.Kubernetes != nil && b.Token != "" {
		report("auth.kubernetes", "kubernetes and token are both written", "keep one of the two")
	}
	if b.Auth.Kubernetes != nil && b.Auth.Kubernetes.Role == "" {
		report("auth.kubernetes.role", "no role", "write one")
	}
}

func (b *blockOfVault) Override(setting, value string) bool {
	switch {
	case setting == "namespace":
		b.Namespace = value
	case setting == "mount":
		b.Mount = value
	case setting == "role" && b.Auth.Kubernetes != nil:
		b.Auth.Kubernetes.Role = value
	default:
		return false
	}
	return true
}

// blockOfAWS stands for another.
type blockOfAWS struct {
	Region   string `yaml:"region"`
	RoleARN  string `yaml:"role_arn"`
	Endpoint string `yaml:"endpoint"`
}

func (b *blockOfAWS) Override(setting, value string) bool {
	switch setting {
	case "region":
		b.Region = value
	case "role_arn":
		b.RoleARN = value
	default:
		return false
	}
	return true
}

func (b *blockOfAWS) Check(report func(path, message, hint string)) {
	if strings.Contains(b.Region, "_") {
		report("region", "is not the name of a Region", "write one like eu-central-1")
	}
	if b.Endpoint != "" && b.RoleARN != "" {
		report("endpoint", "is not for a role", "remove it")
	}
}

var testTypes = map[string]StoreType{
	"vault": {
		New: func() any { return &blockOfVault{} },
		Identity: func(block any, path string) string {
			return block.(*blockOfVault).Address + "/" + block.(*blockOfVault).Namespace + "/" + path
		},
	},
	"aws": {
		New:      func() any { return &blockOfAWS{} },
		Identity: func(block any, path string) string { return block.(*blockOfAWS).Region + "/" + path },
	},
	"azure": {
		New: func() any {
			return &struct {
				URL string `yaml:"url"`
			}{}
		},
		Identity: func(_ any, path string) string { return strings.NewReplacer("_", "-", "/", "-").Replace(path) },
	},
	"file": {New: func() any {
		return &struct {
			Path string `yaml:"path" keyrota:"path"`
		}{}
	}},
}

func loadGood(t *testing.T, name string, o Options) (*Config, Problems) {
	t.Helper()
	c, problems, err := Load(filepath.Join("testdata", "good", name), o)
	if err != nil {
		t.Fatal(err)
	}
	if c == nil || problems.Err() != nil {
		t.Fatalf("%s does not load:\n%s", name, problems)
	}
	return c, problems
}

func TestSmallestFile(t *testing.T) {
	c, problems := loadGood(t, "smallest.yaml", Options{Env: testEnv, StoreTypes: testTypes})
	if w := problems.Warnings(); len(w) != 2 || !strings.Contains(w.String(), "owner is missing") || !strings.Contains(w.String(), "purpose is missing") {
		t.Errorf("warnings:\n%s", w)
	}
	a := c.Accounts[0]
	got := map[string]any{
		"ref": a.Ref, "scope": a.Scope, "manage": a.Manage, "schedule": a.Schedule.String(), "overlap": FormatDuration(a.Overlap),
		"max": FormatDuration(a.MaxOverlap), "window": a.Window.String(), "longest": a.LongestJob.String(), "env": a.Env,
		"to": a.Deliver[0].String(), "format": a.Deliver[0].Format, "readable": a.Deliver[0].Readable(), "at": a.Deliver[0].Pos.String(),
		"url": c.WandB.URL, "ledger": c.Ledger, "listen": c.Listen, "sweep": FormatDuration(c.SweepEvery), "W": FormatDuration(c.WriteDeadline), "workers": c.Workers,
		"type": c.Stores["vault"].Type, "admin": c.WandB.AdminKey.IsZero(),
	}
	want := map[string]any{
		"ref": "ml-platform/ci-model-training", "scope": ScopeTeam, "manage": Rotate, "schedule": "every 90d", "overlap": "1d",
		"max": "2d", "window": "always", "longest": "0", "env": map[string]string{"WANDB_BASE_URL": "https://api.wandb.ai", "WANDB_ENTITY": "ml-platform"},
		"to": "vault:secret/ci/wandb#WANDB_API_KEY", "format": FormatRaw, "readable": true, "at": "testdata/good/smallest.yaml:6:14",
		"url": "https://api.wandb.ai", "ledger": "/home/ops/.local/state/keyrota/prod.db", "listen": "127.0.0.1:9464", "sweep": "5m", "W": "10m", "workers": 16,
		"type": "vault", "admin": true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The typical file of the design.
func TestTypicalFile(t *testing.T) {
	c, problems := loadGood(t, "typical.yaml", Options{Env: testEnv, StoreTypes: testTypes})
	if len(problems) > 0 {
		t.Errorf("problems:\n%s", problems)
	}
	d := c.Accounts[0].Deliver[1]
	if d.String() != "aws-prod:airflow/connections/ml_wandb" || d.Format != FormatAirflowConnection || d.Style != StyleJSON || d.Cache != 15*time.Minute {
		t.Errorf("the connection: %+v", d)
	}
	k := c.WandB.AdminKey
	if k.Kind != FromStore || k.Store != "vault" || k.Path != "kv/keyrota/org" || k.Field != "api_key" || k.String() != "store:vault/kv/keyrota/org#api_key" {
		t.Errorf("admin key: %+v", k)
	}
	if a := c.Accounts[0]; a.Manage != Rotate || a.LongestJob.Duration != 72*time.Hour || a.Env["WANDB_PROJECT"] != "eval" {
		t.Errorf("account: %+v", a)
	}
}

func TestFullFileMerges(t *testing.T) {
	c, problems := loadGood(t, "full.yaml", Options{Env: testEnv, StoreTypes: testTypes})
	if len(problems) > 0 {
		t.Errorf("problems:\n%s", problems)
	}
	if c.Workers != 8 || c.Listen != "127.0.0.1:9999" || c.SweepEvery != 90*time.Second || c.WandB.URL != "http://127.0.0.1:8080" || c.Ledger != "testdata/good/ledger.db" {
		t.Errorf("general: %+v", c)
	}
	block := c.Stores["vault"].Config.(*blockOfVault)
	if block.Address != "https://vault.example" || block.Timeout != 36*time.Hour || block.Token != "file:testdata/good/vault.token" || block.Dir != "testdata/good/state" {
		t.Errorf("block of vault: %+v", block)
	}
	if k := c.Teams["ml-platform"].AdminKey.String(); k != "store:vault/kv/keyrota/ml#api_key" {
		t.Errorf("team's admin key: %s", k)
	}
	type merged struct {
		Ref, Schedule, Overlap, Max, Longest, Window, Owner string
		Manage                                              Manage
		Freezes                                             int
		Env                                                 map[string]string
	}
	var got []merged
	for _, a := range c.Accounts[:3] {
		got = append(got, merged{a.Ref, a.Schedule.String(), FormatDuration(a.Overlap), FormatDuration(a.MaxOverlap), a.LongestJob.String(), a.Window.String(), a.Owner, a.Manage, len(a.Freezes), a.Env})
	}
	const window = "Mon-Thu 09:00-16:00 Europe/Berlin, Fri 09:00-12:00 Europe/Berlin"
	want := []merged{
		{"ml-platform/nightly-eval", "cron 0 9 * * Mon Europe/Berlin", "7d", "30d", "3d", window, "platform@acme.example", Rotate, 2,
			map[string]string{"WANDB_BASE_URL": "http://127.0.0.1:8080", "WANDB_ENTITY": "ml-platform", "WANDB_MODE": "online", "WANDB_PROJECT": "eval", "WANDB_USERNAME": "jo $ ${X}: {a: b}"}},
		{"acme//org-inventory", "every 14d", "7d", "30d", "forever", "always", "platform@acme.example", Rotate, 1,
			map[string]string{"WANDB_BASE_URL": "http://127.0.0.1:8080", "WANDB_ENTITY": "ml-platform", "WANDB_MODE": "online", "WANDB_PROJECT": "shared"}},
		{"ml-platform/eks-training", "cron 0 9 * * Mon Europe/Berlin", "7d", "30d", "0", window, "platform@acme.example", Observe, 2,
			map[string]string{"WANDB_BASE_URL": "http://127.0.0.1:8080", "WANDB_ENTITY": "ml-platform", "WANDB_MODE": "online", "WANDB_PROJECT": "eval", identityVariable: "/var/run/secrets/wandb/token"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	deliver := c.Accounts[0].Deliver
	if diff := cmp.Diff([]OutputField{{Name: "apiKey", Variable: KeyVariable}, {Name: "entity", Variable: "WANDB_ENTITY"}, {Name: "kind", Literal: "wandb"}},
		deliver[1].Fields, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".path" }, cmp.Ignore())); diff != "" {
		t.Error(diff)
	}
	if d := deliver[2]; d.Format != FormatTemplate || !d.Readable() || !strings.Contains(d.Template, "password {{ .WANDB_API_KEY }}") {
		t.Errorf("template: %+v", d)
	}
	if n := len(c.Accounts[1].Deliver[0].Fields); n != 5 {
		t.Errorf("json without fields has %d fields, want the key and the four variables", n)
	}
}

// What every kind of destination becomes: places, forms, caches and tags.
func TestFullFileDelivers(t *testing.T) {
	c, _ := loadGood(t, "full.yaml", Options{Env: testEnv, StoreTypes: testTypes})
	type delivery struct {
		To     string
		Format Format
		Style  Style
		Type   string
		Cache  string
		Tags   string
	}
	deliveries := func(name string) (got []delivery) {
		for _, a := range c.Accounts {
			for _, d := range a.Deliver {
				if a.Name == name {
					got = append(got, delivery{d.String(), d.Format, d.Style, d.ConnType, FormatDuration(d.Cache), strings.TrimPrefix(fmt.Sprint(d.Tags), "map")})
				}
			}
		}
		return got
	}
	const (
		abroad = "aws?region=us-east-1&role_arn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole/keyrota"
		ml     = "[service:wandb team:ml-platform]"
		none   = "[]" // of a secret of which one field is ours
	)
	for name, want := range map[string][]delivery{
		"rag-training": {
			{"vault:kv/nlp/rag-training#WANDB_API_KEY", FormatRaw, "", "", "0", none},
			{"aws:prod-eu/rag-training.env", FormatEnv, "", "", "0", "[cost-center:4711 job:nlp/rag-training service:rag team:nlp]"},
		},
		"rag-eval": {
			{"vault:kv/nlp/rag-eval#WANDB_API_KEY", FormatRaw, "", "", "0", none},
			{"aws:prod-eu/rag-eval.env", FormatEnv, "", "", "0", "[cost-center:4711 service:wandb team:nlp]"},
		},
		"read-by-all": {
			{"vault:secret/connections/read-by-all", FormatAirflowConnection, StyleObject, "http", "15m", ml},
			{"vault?mount=airflow:airflow/wandb_key", FormatAirflowVariable, StyleObject, "", "15m", ml},
			{abroad + ":airflow/connections/ml_wandb", FormatAirflowConnection, StyleURI, "generic", "15m", ml},
			{abroad + ":teams/ml/wandb_key", FormatAirflowVariable, "", "", "15m", ml},
			{"azure:airflow-connections-ml-wandb", FormatAirflowConnection, StyleJSON, "generic", "15m", ml},
			{"azure:airflow-variables-wandb-key", FormatAirflowVariable, "", "", "15m", ml},
			{"aws:WANDB_API_KEY", FormatRaw, "", "", "0", "[dagster-eval:true service:wandb team:ml-platform]"},
			{"aws:jenkins-read-by-all", FormatRaw, "", "", "5m", "[jenkins:credentials:type:string service:ci team:ml-platform]"},
			{"azure:eval-external#key", FormatRaw, "", "", "1h", none},
			{"vault?namespace=teams/ml:kv/csi#key", FormatRaw, "", "", "2m", none},
			{"vault:kv/agent#key", FormatRaw, "", "", "1h", none},
			{"vault:kv/actions#key", FormatRaw, "", "", "0", none},
			{"vault:kv/gitlab", FormatJSON, "", "", "0", ml},
			{"file:job.env", FormatEnv, "", "", "0", ml},
			{"aws:cached", FormatRaw, "", "", "1h", ml},
			{"file:connection.json", FormatAirflowConnection, StyleJSON, "generic", "0", ml},
		},
	} {
		if diff := cmp.Diff(want, deliveries(name)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	all := c.Accounts[slices.IndexFunc(c.Accounts, func(a Account) bool { return a.Name == "read-by-all" })].Deliver
	if d := all[8]; !d.Exclusive || d.OwnTags || d.Description != "" {
		t.Errorf("exclusive: %+v", d)
	}
	if d := all[7]; !d.OwnTags || d.Description != "W&B, for read-by-all" {
		t.Errorf("described: %+v", d)
	}
}

// What people write for people changes no secret: nothing must change when
// nothing that a reader sees does.
func TestOwnerAndPurposeChangeNoDelivery(t *testing.T) {
	of := func(words string) Destination {
		c, problems := Parse("k.yaml", []byte("instance: prod\nledger: l\nstores: {aws: {}}\naccounts:\n"+
			"  - {name: ci-train, team: ml, deliver: aws:a, "+words+"}\n"), Options{Env: testEnv, StoreTypes: testTypes})
		if c == nil {
			t.Fatal(problems)
		}
		d := c.Accounts[0].Deliver[0]
		d.Pos = Position{}
		return d
	}
	one, other := of("purpose: a, owner: b, used_by: [c]"), of("purpose: d, owner: e, used_by: [f, g]")
	if diff := cmp.Diff(one, other, cmp.AllowUnexported(Destination{})); diff != "" {
		t.Error(diff)
	}
}

// Of a secret that others use too only our field is ours: what stands beside it
// changes by what is written at the destination alone.
func TestSharedSecretsAreTaggedOnlyAsWritten(t *testing.T) {
	c, problems := Parse("k.yaml", []byte(`
instance: prod
ledger: l
stores: {aws: {}}
defaults: {tags: {team: ml}}
accounts:
  - {name: ci-train, team: ml, deliver: ["aws:a#K", {store: aws, path: b, field: K, tags: {cost: x}, description: shared}, aws:c]}
`), Options{Env: testEnv, StoreTypes: testTypes})
	if c == nil {
		t.Fatal(problems)
	}
	for i, want := range []struct {
		tags        map[string]string
		description string
	}{
		{map[string]string{}, ""},
		{map[string]string{"cost": "x"}, "shared"},
		{map[string]string{"team": "ml"}, "W&B API key of ml/ci-train, kept by keyrota"},
	} {
		d := c.Accounts[0].Deliver[i]
		if diff := cmp.Diff(want.tags, d.Tags); diff != "" || d.Description != want.description {
			t.Errorf("%s: described as %q, tags:\n%s", d, d.Description, diff)
		}
	}
}

// A destination's own settings make a store of their own, once, which is told
// apart by its name and by where its secrets are.
func TestOverridesDeriveStores(t *testing.T) {
	c, _ := loadGood(t, "full.yaml", Options{Env: testEnv, StoreTypes: testTypes})
	const name = "aws?region=us-east-1&role_arn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole/keyrota"
	s := c.Stores[name]
	if b := s.Config.(*blockOfAWS); s.Name != name || s.Base != "aws" || s.Type != "aws" || b.Region != "us-east-1" || b.RoleARN != "arn:aws:iam::123456789012:role/keyrota" || s.Identity("a") != "aws us-east-1/a" {
		t.Errorf("derived: %+v, %+v", s, s.Config)
	}
	if b := c.Stores["aws"].Config.(*blockOfAWS); b.Region != "eu-central-1" || b.RoleARN != "" || c.Stores["aws"].Base != "" {
		t.Errorf("the base has changed: %+v", b)
	}
	if got, want := strings.Join(c.StoreNames(), " "), "aws azure file second vault"; got != want || len(c.Stores) != 10 {
		t.Errorf("stores that are written: %s, all: %d", got, len(c.Stores))
	}
	// One that was written once and is in no destination now.
	old, ok := c.Derived("vault?mount=old&namespace=teams/nlp")
	if b, _ := old.Config.(*blockOfVault); !ok || b.Mount != "old" || b.Namespace != "teams/nlp" || old.Name != "vault?mount=old&namespace=teams/nlp" || b.Address != "https://vault.example" {
		t.Errorf("derived again: %v, %+v", ok, old)
	}
	if got, ok := c.Derived("vault"); !ok || got.Base != "" {
		t.Errorf("a store that is written: %v, %+v", ok, got)
	}
	for _, name := range []string{"gone", "gone?mount=a", "file?mount=a", "vault?role=a", "aws?region=a_b", "aws?region=%zz", "vault?namespace=b&mount=a", "vault?", "vault?mount=a&mount=b"} {
		if got, ok := c.Derived(name); ok {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// Without an overlap written, it grows with the jobs; one that was written is
// taken at its word or refused.
func TestOverlapGrowsWithLongestJob(t *testing.T) {
	c, problems := Parse("k.yaml", []byte(`
instance: prod
stores: {vault: {}}
accounts:
  - {name: long-training, team: ml, longest_job: 3d, deliver: {store: vault, path: a/b, cache: 1h}}
`), Options{Env: testEnv})
	if c == nil {
		t.Fatal(problems)
	}
	if got := FormatDuration(c.Accounts[0].Overlap); got != "3d1h10m" {
		t.Errorf("overlap %s", got)
	}
}

func TestStoreDecode(t *testing.T) {
	c, _ := Parse("k.yaml", []byte("instance: prod\nstores:\n  main: {type: vault, adress: x, retries: many}\n"), Options{Env: testEnv})
	var block blockOfVault
	got := c.Stores["main"].Decode(&block).String()
	const want = `k.yaml:3:23: stores.main.adress: unknown field
    hint: did you mean address?
k.yaml:3:43: stores.main.retries: not a whole number
    hint: write digits only, like 4`
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	user := filepath.Join(dir, "user")
	_, err := Find("", user)
	if err == nil || !strings.Contains(err.Error(), "./keyrota.yaml and "+filepath.Join(user, "keyrota", "keyrota.yaml")) || !strings.Contains(err.Error(), "keyrota init") {
		t.Errorf("nothing there: %v", err)
	}
	write := func(path string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(user, "keyrota", Name))
	if got, err := Find("", user); err != nil || got != filepath.Join(user, "keyrota", Name) {
		t.Errorf("in the user's directory: %q, %v", got, err)
	}
	write(Name)
	if got, err := Find("", user); err != nil || got != Name {
		t.Errorf("in the working directory: %q, %v", got, err)
	}
	if got, err := Find("other.yaml", user); err != nil || got != "other.yaml" {
		t.Errorf("named: %q, %v", got, err)
	}
	if _, _, err := Load("other.yaml", Options{}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "keyrota init") {
		t.Errorf("named, not there: %v", err)
	}
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90d": 90 * 24 * time.Hour, "36h": 36 * time.Hour, "2w": 14 * 24 * time.Hour, "1d12h": 36 * time.Hour,
		"1w1d1h1m1s1ms": 193*time.Hour + time.Minute + time.Second + time.Millisecond, "0": 0, "0s": 0, "250ms": 250 * time.Millisecond,
	} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		} else if back, err := ParseDuration(FormatDuration(got)); err != nil || back != want {
			t.Errorf("%s: written as %s, read as %v, %v", text, FormatDuration(got), back, err)
		}
	}
	for _, text := range []string{"", "90", "d", "90 d", "12h1d", "1d1d", "-1d", "1.5h", "1y", "1D", "100000000w", "99999999999999999999d", "9223372036s9223372036854ms9"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}
