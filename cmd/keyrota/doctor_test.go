package main

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrota/keyrota/providers/vault/vaulttest"
	"github.com/keyrota/keyrota/providers/wandb/sandbox"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/usage"
)

// clinic is a W&B server with accounts of one team, and a configuration.
type clinic struct {
	*testing.T
	platform *sandbox.Server
	url, dir string
	admin    bool
}

const trainKey = "train-" + keyMark + "-0123456789-0123456789-0123456789"

func newClinic(t *testing.T, change func(*sandbox.Seed)) *clinic {
	t.Helper()
	seed := sandbox.Seed{
		Organization: "acme",
		Settings:     sandbox.Settings{Keys: sandbox.KeysHashed},
		Teams:        []sandbox.Team{{Name: "ml"}, {Name: "research"}},
		People: []sandbox.Person{
			{Username: "alice", Email: "alice@acme.example", Admin: true, Teams: map[string]sandbox.Role{"ml": sandbox.RoleAdmin}, Keys: []sandbox.Key{{Value: adminKey}}},
			{Username: "max", Email: "max@acme.example", Teams: map[string]sandbox.Role{"ml": sandbox.RoleMember}},
			{Username: "eve", Email: "eve@acme.example", Teams: map[string]sandbox.Role{"research": sandbox.RoleMember}},
		},
		ServiceAccounts: []sandbox.ServiceAccount{
			{Name: "train", Team: "ml", Username: "train-sa", Keys: []sandbox.Key{{Value: trainKey}}},
			{Name: "other", Team: "ml", Username: "other-sa", Keys: []sandbox.Key{{Value: strings.Replace(trainKey, "train", "other", 1)}}},
		},
		Projects: []sandbox.Project{
			{Name: "eval", Team: "ml"}, {Name: "second", Team: "ml"},
			{Name: "secret", Team: "ml", Visibility: sandbox.VisibilityRestricted, Members: []string{"alice"}},
			{Name: "shared", Team: "ml", Visibility: sandbox.VisibilityRestricted, Members: []string{"alice", "train"}},
		},
	}
	if change != nil {
		change(&seed)
	}
	platform, err := sandbox.New(seed, sandbox.Options{Now: func() time.Time { return monday }, KeyMarker: keyMark})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(platform)
	t.Cleanup(web.Close)
	c := &clinic{T: t, platform: platform, url: web.URL, dir: t.TempDir(), admin: true}
	if err := os.Mkdir(filepath.Join(c.dir, "secrets"), 0o700); err != nil {
		t.Fatal(err)
	}
	c.secret("train", trainKey)
	return c
}

func (c *clinic) secret(name, value string) {
	c.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, "secrets", name), []byte(value), 0o600); err != nil {
		c.Fatal(err)
	}
}

// examine runs doctor for an account with a key, of which some settings are
// given.
func (c *clinic) examine(settings string) (doctorView, int) {
	c.Helper()
	return c.examineText("{name: train, team: ml, purpose: p, owner: o, deliver: \"file:train\", " + settings + "}")
}

func (c *clinic) examineText(account string) (doctorView, int) {
	c.Helper()
	admin := ""
	if c.admin {
		admin = ", admin_key: env:ADMIN"
	}
	text := "instance: test\nledger: ledger.db\nwandb: {url: \"" + c.url + "\", organization: acme" + admin + "}\nstores: {file: {path: secrets}}\naccounts: [" + account + "]\n"
	path := filepath.Join(c.dir, "keyrota.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		c.Fatal(err)
	}
	var out, told bytes.Buffer
	a := newApp()
	a.stdout, a.stderr = &out, &told
	a.now = func() time.Time { return monday }
	a.env = func(name string) (string, bool) { return adminKey, name == "ADMIN" }
	code := run([]string{"doctor", "-c", path, "-o", "json", "train"}, a)
	if strings.Contains(out.String()+told.String(), keyMark) {
		c.Error("a key was printed")
	}
	var v doctorView
	if err := json.Unmarshal(out.Bytes(), &v); err != nil {
		c.Fatalf("%v\n%s%s", err, &out, &told)
	}
	return v, code
}

// An external account is tried by its JWT, as its jobs would.
func TestDoctorOfAnExternalAccount(t *testing.T) {
	for name, c := range map[string]struct{ settings, want string }{
		"no identity": {"", "unknown: sign in: the configuration does not say where its JWT comes from"},
		"no file":     {", identity: {token_file: jwt}", "failed: get a JWT: identity: get a JWT from token_file DIR/jwt: no such file or directory"},
		"no JWT":      {", identity: {token_file: secrets/train}", "failed: get a JWT: identity: get a JWT from token_file DIR/secrets/train: it is not a JWT"},
	} {
		t.Run(name, func(t *testing.T) {
			clinic := newClinic(t, nil)
			v, code := clinic.examineText("{name: train, team: ml, scope: external, subject: s, purpose: p, owner: o" + c.settings + "}")
			want := strings.ReplaceAll(c.want, "DIR", clinic.dir)
			if got := lines(v, caseUnauthorized); len(got) != 1 || got[0] != want || (code == 0) != strings.HasPrefix(want, "unknown") {
				t.Errorf("%d %q, want %q", code, got, want)
			}
		})
	}
}

// lines are the checks of some cases, a line each.
func lines(v doctorView, cases ...string) []string {
	var all []string
	for _, c := range v.Checks {
		if slices.Contains(cases, c.Of) {
			all = append(all, c.Result+": "+c.Check+": "+c.Words)
		}
	}
	return all
}

// An account with which nothing is wrong, seen with its own key.
func TestDoctorOfAHealthyAccount(t *testing.T) {
	c := newClinic(t, func(s *sandbox.Seed) {
		s.Runs = []sandbox.Run{
			{Name: "old", Team: "ml", Project: "eval", Account: "train-sa", CreditedTo: "train-sa", State: "finished", CreatedAt: monday.Add(-48 * time.Hour), HeartbeatAt: monday.Add(-47 * time.Hour)},
			{Name: "new", Team: "ml", Project: "eval", Account: "train-sa", CreditedTo: "train-sa", State: "finished", CreatedAt: monday.Add(-24 * time.Hour), HeartbeatAt: monday.Add(-23 * time.Hour)},
			{Name: "credited", Team: "ml", Project: "eval", Account: "train-sa", CreditedTo: "max", State: "finished", CreatedAt: monday.Add(-24 * time.Hour), HeartbeatAt: monday.Add(-23 * time.Hour)},
		}
	})
	v, code := c.examine("env: {WANDB_PROJECT: eval, WANDB_USERNAME: max}, projects: [shared]")
	want := []string{
		"ok: use the key at file:train: it works, and is this account's",
		"ok: look at WANDB_ENTITY: runs land in team ml",
		"ok: look at WANDB_PROJECT: runs land in project eval",
		"ok: see the projects of team ml: it sees 3 projects",
		"ok: look for its runs in ml: 2 runs in project eval in the last 30 days, the last at 2026-03-01T08:00:00Z",
		"ok: find WANDB_USERNAME in the team: max is in team ml",
		"ok: open project ml/eval: it may read and write there",
		"ok: open project ml/shared: it may read and write there",
	}
	if diff := cmp.Diff(want, lines(v, caseUnauthorized, caseRuns, caseAttribution, caseRestricted)); diff != "" || code != 0 || !v.Healthy || v.Account != "ml/train" || len(v.Servers) > 0 {
		t.Errorf("%d\n%s", code, diff)
	}
}

// W&B's four cases of trouble, each with what is seen of it and what to change.
func TestDoctorOfAnAccount(t *testing.T) {
	other := strings.Replace(trainKey, "train", "other", 1)
	run := func(project, credited string) func(*sandbox.Seed) {
		return func(s *sandbox.Seed) {
			s.Runs = []sandbox.Run{{Name: "r", Team: "ml", Project: project, Account: "train-sa", CreditedTo: credited, State: "finished", CreatedAt: monday.Add(-time.Hour), HeartbeatAt: monday}}
		}
	}
	for name, c := range map[string]struct {
		seed     func(*sandbox.Seed)
		secret   string // what is at the destination; empty: the live key
		settings string
		noAdmin  bool
		of       string
		want     string // a line of that case
		hint     string // what to change, in part
		healthy  bool
	}{
		"a dead key": {
			secret: "dead-" + keyMark + "-0123456789-0123456789-0123456789", settings: "env: {WANDB_PROJECT: eval}",
			of: caseUnauthorized, want: "failed: use the key at file:train: W&B does not know the key that is there: whoever reads it gets 401", hint: "keyrota status ml/train",
		},
		"another account's key": {
			secret: other, settings: "env: {WANDB_PROJECT: eval}",
			of: caseUnauthorized, want: "failed: use the key at file:train: the key that is there works, and is another account's", hint: "find out who wrote it",
		},
		"no key": {
			secret: "-", settings: "env: {WANDB_PROJECT: eval}",
			of: caseUnauthorized, want: "failed: use the key at file:train: file: read file:train: file does not exist", hint: "keyrota sync delivers it",
		},
		"another team": {
			settings: "env: {WANDB_ENTITY: research, WANDB_PROJECT: eval}",
			of:       caseRuns, want: "failed: look at WANDB_ENTITY: it is research, and the account is in team ml: an account of a team can write to open projects of other teams, and to no others", hint: "write WANDB_ENTITY: ml",
		},
		"no project": {
			seed: run("eval", "train-sa"), settings: "tags: {}",
			of: caseRuns, want: "warning: look for its runs in ml: its runs land in other projects in the last 30 days: eval (1 run, last at 2026-03-02T07:00:00Z)", hint: "make both say the same", healthy: true,
		},
		"runs elsewhere": {
			seed: run("second", "train-sa"), settings: "env: {WANDB_PROJECT: eval}",
			of: caseRuns, want: "warning: look for its runs in ml: its runs land in other projects in the last 30 days: second (1 run, last at 2026-03-02T07:00:00Z)", hint: "make both say the same", healthy: true,
		},
		"runs of a person": {
			seed: run("eval", "max"), settings: "env: {WANDB_PROJECT: eval, WANDB_USERNAME: max}",
			of: caseRuns, want: "unknown: look for its runs in ml: no run of it in the last 30 days; 1 run in project eval under others' names, as runs are that are credited to a person", healthy: true,
		},
		"no runs": {
			settings: "env: {WANDB_PROJECT: eval}",
			of:       caseRuns, want: "unknown: look for its runs in ml: no run of it in the last 30 days in what it sees of 3 projects", hint: "see that the job gets WANDB_ENTITY", healthy: true,
		},
		"not in the team": {
			settings: "env: {WANDB_PROJECT: eval, WANDB_USERNAME: eve}",
			of:       caseAttribution, want: "failed: find WANDB_USERNAME in the team: eve is not in team ml: W&B ignores it, and runs are credited to the account", hint: "add them to the team",
		},
		"by e-mail address": {
			settings: "env: {WANDB_PROJECT: eval, WANDB_USER_EMAIL: max@acme.example}",
			of:       caseAttribution, want: "ok: find WANDB_USER_EMAIL in the team: max@acme.example is in team ml", healthy: true,
		},
		"nobody": {
			settings: "env: {WANDB_PROJECT: eval}",
			of:       caseAttribution, want: "ok: look at WANDB_USERNAME and WANDB_USER_EMAIL: neither is set: runs are credited to the account itself", healthy: true,
		},
		"restricted": {
			settings: "env: {WANDB_PROJECT: secret}",
			of:       caseRestricted, want: "failed: open project ml/secret: the project is there, and the account may not see it: it is restricted", hint: "open the settings of project ml/secret and add the account to it",
		},
		"restricted, without an admin": {
			settings: "env: {WANDB_PROJECT: secret}", noAdmin: true,
			of: caseRestricted, want: "unknown: open project ml/secret: it sees no such project; whether there is one only an admin can tell", hint: "the first run makes it", healthy: true,
		},
		"not there yet": {
			settings: "env: {WANDB_PROJECT: later}",
			of:       caseRestricted, want: "ok: open project ml/later: it sees no such project, and neither does the admin: the first run makes it", healthy: true,
		},
		"declared and not there": {
			settings: "env: {WANDB_PROJECT: eval}, projects: [later]",
			of:       caseRestricted, want: "failed: open project ml/later: it sees no such project, and neither does the admin", hint: "correct projects:",
		},
	} {
		t.Run(name, func(t *testing.T) {
			clinic := newClinic(t, c.seed)
			clinic.admin = !c.noAdmin
			switch c.secret {
			case "":
			case "-":
				if err := os.Remove(filepath.Join(clinic.dir, "secrets", "train")); err != nil {
					t.Fatal(err)
				}
			default:
				clinic.secret("train", c.secret)
			}
			v, code := clinic.examine(c.settings)
			got := lines(v, c.of)
			if !slices.Contains(got, c.want) || v.Healthy != c.healthy || (code == 0) != c.healthy {
				t.Errorf("exit code %d\n%s\nwant: %s", code, strings.Join(lines(v, caseUnauthorized, caseRuns, caseAttribution, caseRestricted), "\n"), c.want)
			}
			if !slices.ContainsFunc(v.Checks, func(k checkView) bool {
				return k.Of == c.of && strings.Contains(k.Hint, c.hint) && strings.HasSuffix(c.want, k.Words)
			}) {
				t.Errorf("nothing says %q:\n%+v", c.hint, v.Checks)
			}
		})
	}
}

// That doctor read a secret and used its key does not count as the account's use.
func TestDoctorNotesItsOwnUse(t *testing.T) {
	c := newClinic(t, nil)
	c.examine("env: {WANDB_PROJECT: eval}")
	if _, err := os.Stat(filepath.Join(c.dir, "ledger.db")); err == nil {
		t.Error("a ledger was made")
	}
	l, err := ledger.Open(t.Context(), filepath.Join(c.dir, "ledger.db"), ledger.Options{Instance: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	c.examine("env: {WANDB_PROJECT: eval}")
	evidence, err := l.UsageOf(t.Context(), "ml/train")
	if err != nil || !evidence.Own[usage.DayOf(monday)] || len(evidence.Own) != 1 {
		t.Errorf("%+v, %v", evidence.Own, err)
	}
}

// What a store's policy lacks is said in the words of that policy, before a key
// is made that cannot be delivered.
func TestDoctorOfAVault(t *testing.T) {
	server := vaulttest.Start(t)
	clinic := newClinic(t, nil)
	server.Policy(t, "keyrota", `path "secret/data/ml/*" { capabilities = ["create"] }
path "secret/metadata/ml/*" { capabilities = ["create", "update", "read"] }`)
	path := filepath.Join(clinic.dir, "keyrota.yaml")
	if err := os.WriteFile(path, []byte(`instance: test
ledger: ledger.db
wandb: {url: "`+clinic.url+`", organization: acme, admin_key: env:ADMIN}
stores: {vault: {address: "`+server.Address+`", auth: {token: env:TOKEN}}}
accounts: [{name: train, team: ml, purpose: p, owner: o, deliver: "vault:secret/ml/train#KEY"}]
`), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, told bytes.Buffer
	a := newApp()
	a.stdout, a.stderr = &out, &told
	token := server.NewToken(t, time.Hour, "keyrota")
	a.env = func(name string) (string, bool) {
		v, ok := map[string]string{"ADMIN": adminKey, "TOKEN": token}[name]
		return v, ok
	}
	a.now = func() time.Time { return monday }
	if code := run([]string{"doctor", "-c", path}, a); code != 1 {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{
		`FAILED   store vault       write                         denied at vault:secret/ml/train#KEY. To change: the policy needs: path "secret/data/ml/train" { capabilities = ["read"] }, path "secret/data/ml/train" { capabilities = ["create", "update", "patch"] }`,
		`warning  store vault       read back                     denied at vault:secret/ml/train#KEY.`,
		`FAILED   account ml/train  read its key back             none of its destinations may be read by keyrota`,
		"2 checks failed, 1 warning, 0 unknown.",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("nothing says %s", want)
		}
	}
	if strings.Contains(out.String()+told.String(), token) || strings.Contains(out.String()+told.String(), keyMark) {
		t.Error("a credential was printed")
	}
	if t.Failed() {
		t.Log(out.String(), told.String())
	}
}
