package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
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
	"LEAKED": "CANARY-0123456789012345678901234567890123456789",
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

var testTypes = map[string]StoreType{
	"vault": {
		New:      func() any { return &blockOfVault{} },
		Identity: func(block any, path string) string { return block.(*blockOfVault).Address + "/" + path },
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
		"url": "https://api.wandb.ai", "ledger": "/home/ops/.local/state/keyrota/prod.db", "listen": "127.0.0.1:9464", "sweep": "5m", "W": "10m", "workers": 4,
		"type": "vault", "admin": true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The typical file of the design has one line that this version cannot do.
// It says so, and nothing else; without that line the file loads.
func TestTypicalFile(t *testing.T) {
	const line = "      - {store: aws-prod, reader: airflow, connection: ml_wandb}\n"
	c, _ := loadGood(t, "typical.yaml", Options{Env: testEnv})
	data, err := os.ReadFile("testdata/good/typical.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, problems := Parse("keyrota.yaml", append(data, line...), Options{Env: testEnv})
	const want = "keyrota.yaml:22:35: accounts[0].deliver[1].reader: reader presets are not available yet\n    hint: write path: and field: or a template: for this reader"
	if got := problems.String(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
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
	for _, a := range c.Accounts {
		got = append(got, merged{a.Ref, a.Schedule.String(), FormatDuration(a.Overlap), FormatDuration(a.MaxOverlap), a.LongestJob.String(), a.Window.String(), a.Owner, a.Manage, len(a.Freezes), a.Env})
	}
	const window = "Mon-Thu 09:00-16:00 Europe/Berlin, Fri 09:00-12:00 Europe/Berlin"
	want := []merged{
		{"ml-platform/nightly-eval", "cron 0 9 * * Mon Europe/Berlin", "7d", "30d", "3d", window, "platform@acme.example", Rotate, 2,
			map[string]string{"WANDB_BASE_URL": "http://127.0.0.1:8080", "WANDB_ENTITY": "ml-platform", "WANDB_MODE": "online", "WANDB_PROJECT": "eval", "WANDB_USERNAME": "jo $ ${X}: {a: b}"}},
		{"acme//org-inventory", "every 14d", "7d", "30d", "forever", "always", "platform@acme.example", Rotate, 1,
			map[string]string{"WANDB_BASE_URL": "http://127.0.0.1:8080", "WANDB_ENTITY": "ml-platform", "WANDB_MODE": "online", "WANDB_PROJECT": "shared"}},
		{"ml-platform/eks-training", "cron 0 9 * * Mon Europe/Berlin", "7d", "30d", "0", window, "platform@acme.example", Observe, 2,
			map[string]string{"WANDB_BASE_URL": "http://127.0.0.1:8080", "WANDB_ENTITY": "ml-platform", "WANDB_MODE": "online", "WANDB_PROJECT": "eval"}},
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
