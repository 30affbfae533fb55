package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// Each archive in testdata/include is a configuration of several files, and
// want.txt exactly what is printed about it.
func TestIncluded(t *testing.T) {
	archives, err := filepath.Glob("testdata/include/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no archives", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			dir, want := fstest.MapFS{}, -1
			for i, f := range archive.Files {
				if f.Name == "want.txt" {
					want = i
					continue
				}
				dir[f.Name] = &fstest.MapFile{Data: f.Data, Mode: 0o644}
			}
			c, problems := Parse("conf/keyrota.yaml", dir["keyrota.yaml"].Data, Options{Env: testEnv, StoreTypes: testTypes, Dir: dir})
			got := problems.String() + "\n"
			if c != nil {
				got = strings.TrimPrefix(got, "\n") + "loaded\n"
				for _, a := range c.Accounts {
					got += a.Ref + " at " + a.Pos.String()
					if a.Formerly != "" {
						got += ", formerly " + a.Formerly
					}
					for _, d := range a.Deliver {
						got += " " + d.String()
					}
					for _, d := range a.Former {
						got += " formerly " + d.String() + " " + string(d.Format) + string(d.Style)
					}
					got += "\n"
				}
			}
			if strings.Contains(got, "CANARY") {
				t.Errorf("a value is shown:\n%s", got)
			}
			if *update {
				if want < 0 {
					archive.Files, want = append(archive.Files, txtar.File{Name: "want.txt"}), len(archive.Files)
				}
				archive.Files[want].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
			} else if want < 0 || got != string(archive.Files[want].Data) {
				t.Error(cmp.Diff(string(archive.Files[max(0, want)].Data), got))
			}
		})
	}
}

// Neither a link, nor a pipe, nor a name leads out of the directory, or keeps
// keyrota waiting.
func TestIncludesStayInTheirDirectory(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const team = "team: ml\naccounts: [{name: ci-train, purpose: p, owner: o, deliver: \"vault:kv/ml#key\"}]\n"
	write(filepath.Join(outside, "ml.yaml"), team)
	load := func(include string) (*Config, Problems) {
		t.Helper()
		write(filepath.Join(dir, "keyrota.yaml"), "instance: prod\nledger: l.db\nstores: {vault: {address: a}}\ninclude: "+include+"\n")
		c, problems, err := Load(filepath.Join(dir, "keyrota.yaml"), Options{Env: testEnv, StoreTypes: testTypes})
		if err != nil {
			t.Fatal(err)
		}
		return c, problems
	}
	link := func(to, name string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, path); err != nil {
			t.Fatal(err)
		}
	}
	link(filepath.Join(outside, "ml.yaml"), "absolute/ml.yaml")
	link("../../"+filepath.Base(outside)+"/ml.yaml", "relative/ml.yaml")
	link(outside, "folder/ml")
	link(outside, "away")
	link("nowhere.yaml", "broken/ml.yaml")
	write(filepath.Join(dir, "folders", "ml.yaml", "a"), "")
	if runtime.GOOS != "windows" {
		link("/dev/zero", "device/ml.yaml")
	}
	for _, include := range []string{
		"absolute/*.yaml", "relative/*.yaml", "absolute/ml.yaml", "folder/*/*.yaml", "folder/ml/ml.yaml", "away/*.yaml", "broken/*.yaml",
		"folders/*.yaml", "device/*.yaml", "../*/ml.yaml", outside + "/ml.yaml", "none/*.yaml", "none.yaml", `"*.yaml"`,
	} {
		if c, problems := load(include); c != nil || len(problems.Errors()) != 1 || problems[0].Line != 4 {
			t.Errorf("%s: loaded %t\n%s", include, c != nil, problems)
		} else {
			t.Log(strings.ReplaceAll(strings.ReplaceAll(problems.String(), dir, "DIR"), outside, "OUTSIDE"))
		}
	}
	// A ConfigMap's files are links within the directory.
	write(filepath.Join(dir, "mounted", "..2026", "ml.yaml"), team)
	link("..2026", "mounted/..data")
	link("..data/ml.yaml", "mounted/ml.yaml")
	if c, problems := load("mounted/*.yaml"); c == nil || len(c.Accounts) != 1 {
		t.Errorf("a link within the directory:\n%s", problems)
	} else if file := filepath.Join(dir, "mounted", "ml.yaml"); c.Accounts[0].Pos.File != file || len(c.Included) != 1 || c.Included[0] != file {
		t.Errorf("%s, %v", c.Accounts[0].Pos, c.Included)
	}
}

// deniedDir is a directory in which one cannot be listed.
type deniedDir struct{ fstest.MapFS }

func (d deniedDir) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == "teams/secret" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return d.MapFS.ReadDir(name)
}

// A directory that cannot be read is no empty one: its accounts would seem to
// have left.
func TestADirectoryThatCannotBeReadIsNotEmpty(t *testing.T) {
	file := &fstest.MapFile{Data: []byte("team: ml\naccounts: []\n")}
	dir := deniedDir{fstest.MapFS{"teams/ml/a.yaml": file, "teams/secret/a.yaml": file}}
	c, problems := Parse("keyrota.yaml", []byte("instance: prod\nledger: l\ninclude: teams/*/*.yaml\n"), Options{Dir: dir})
	if c != nil || !strings.Contains(problems.String(), "permission denied") {
		t.Errorf("%v\n%s", c, problems)
	}
	if c, problems := Parse("keyrota.yaml", []byte("instance: prod\nledger: l\ninclude: teams/*.yaml\n"), Options{}); c != nil || problems.Err() == nil {
		t.Error("included without a directory")
	}
}

// Relative paths of a copy from elsewhere mean what they would mean in place.
func TestBeside(t *testing.T) {
	const text = "instance: prod\nledger: l.db\nstores: {vault: {address: a, dir: state}}\naccounts: [{name: ci-train, team: ml, deliver: \"vault:a#k\"}]\n"
	one, problems := Parse("/conf/keyrota.yaml", []byte(text), Options{StoreTypes: testTypes})
	if one == nil {
		t.Fatal(problems)
	}
	other, _ := Parse("/tmp/base/keyrota.yaml", []byte(text), Options{StoreTypes: testTypes, Beside: "/conf"})
	if one.Ledger != "/conf/l.db" || other.Ledger != one.Ledger || cmp.Diff(one.Stores["vault"].Config, other.Stores["vault"].Config) != "" {
		t.Errorf("%+v\n%+v", one, other)
	}
	var again blockOfVault
	if p := other.Stores["vault"].Decode(&again); len(p) > 0 || again.Dir != "/conf/state" {
		t.Errorf("%+v %v", again, p)
	}
}

func TestRotationLimit(t *testing.T) {
	for _, c := range []struct {
		limit          RotationLimit
		accounts, most int
	}{
		{RotationLimit{Percent: 10}, 300, 30}, {RotationLimit{Percent: 10}, 15, 1}, {RotationLimit{Percent: 10}, 3, 1},
		{RotationLimit{Percent: 10}, 0, 1}, {RotationLimit{Percent: 100}, 7, 7}, {RotationLimit{Number: 4}, 300, 4},
	} {
		if got := c.limit.Of(c.accounts); got != c.most {
			t.Errorf("%s of %d: %d, want %d", c.limit, c.accounts, got, c.most)
		}
	}
	c, _ := loadGood(t, "smallest.yaml", Options{Env: testEnv, StoreTypes: testTypes})
	if c.MaxRotations.String() != "10%" || c.RotationLimit() != 1 {
		t.Errorf("the default: %s, %d", c.MaxRotations, c.RotationLimit())
	}
}

// What a pattern lets a team deliver to, and what it does not.
func TestAllowances(t *testing.T) {
	for _, c := range []struct {
		pattern, takes, not string
	}{
		{"vault:kv/ml/*", "vault:kv/ml/a#k vault:kv/ml/a", "vault:kv/ml vault:kv/ml/a/b vault:kv/mlx/a other:kv/ml/a vault?namespace=x:kv/ml/a vault:kv/nlp/ml/a"},
		{"vault:kv/ml/**", "vault:kv/ml/a#k vault:kv/ml/a/b/c", "vault:kv/ml vault:kv/ml2/a"},
		{"vault:**", "vault:a vault:a/b#c", "vault?mount=x:a aws:a"},
		{"vault:kv/*/ci#WANDB_*", "vault:kv/ml/ci#WANDB_KEY", "vault:kv/ml/ci#OTHER vault:kv/ml/ci vault:kv/a/b/ci#WANDB_KEY"},
		{"aws?region=us-east-1:ml/*", "aws?region=us-east-1:ml/a", "aws:ml/a aws?region=us-east-2:ml/a aws?region=us-east-1&role_arn=x:ml/a"},
		{"azure:ml-?", "azure:ml-a", "azure:ml-ab azure:ml-"},
	} {
		a, ok := parseAllowance(c.pattern)
		if !ok {
			t.Errorf("%s is no pattern", c.pattern)
			continue
		}
		for _, text := range append(strings.Fields(c.takes), strings.Fields(c.not)...) {
			store, rest, _ := strings.Cut(text, ":")
			path, field, _ := strings.Cut(rest, "#")
			want := strings.Contains(" "+c.takes+" ", " "+text+" ")
			if got := a.takes(Destination{Store: store, Path: path, Field: field}); got != want {
				t.Errorf("%s takes %s: %t", c.pattern, text, got)
			}
		}
	}
	for _, bad := range []string{"", "vault", "vault:", ":a", "*:a", "vault:a#", "vault:../a", "vault:a/../b", "vault:a b", "vault:a/**/b", "vault:[", "vault:a#[", "va*lt:a"} {
		if _, ok := parseAllowance(bad); ok {
			t.Errorf("%q is a pattern", bad)
		}
	}
}
