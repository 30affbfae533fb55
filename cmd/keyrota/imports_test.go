package main_test

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/keyrota/keyrota"

// pkg is what `go list -json` tells of one package, as far as the laws need it.
type pkg struct {
	ImportPath   string
	Dir          string
	Name         string
	Doc          string
	Standard     bool
	GoFiles      []string
	TestGoFiles  []string
	XTestGoFiles []string
	Imports      []string
	Deps         []string
}

// path is the import path below the module: "sync/plan".
func (p pkg) path() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

func (p pkg) files() []string {
	var files []string
	for _, names := range [][]string{p.GoFiles, p.TestGoFiles, p.XTestGoFiles} {
		for _, name := range names {
			files = append(files, filepath.Join(p.Dir, name))
		}
	}
	return files
}

// tree is the module's own packages and everything that they lead to.
type tree struct {
	root string
	own  []pkg
	std  map[string]bool
}

func load(t *testing.T) tree {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	// -e: a package that does not compile is some other test's finding.
	cmd := exec.Command("go", "list", "-e", "-deps",
		"-json=ImportPath,Dir,Name,Doc,Standard,GoFiles,TestGoFiles,XTestGoFiles,Imports,Deps", "./...")
	cmd.Dir = root
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	all := tree{root: root, std: map[string]bool{}}
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p pkg
		if err := dec.Decode(&p); err != nil {
			t.Fatalf("go list: %v", err)
		}
		switch {
		case p.Standard:
			all.std[p.ImportPath] = true
		case strings.HasPrefix(p.ImportPath, module+"/"):
			all.own = append(all.own, p)
		}
	}
	if len(all.own) == 0 {
		t.Fatal("go list names no package of this module, so nothing would be checked")
	}
	return all
}

// law says what some packages may not import, and why.
type law struct {
	why    string
	of     func(path string) bool
	breaks func(path, imported string, std bool) bool
	deep   bool // what the imports import counts too
}

func under(folders ...string) func(string) bool {
	return func(path string) bool {
		return slices.ContainsFunc(folders, func(f string) bool { return path == f || strings.HasPrefix(path, f+"/") })
	}
}

func except(is, isNot func(string) bool) func(string) bool {
	return func(path string) bool { return is(path) && !isNot(path) }
}

// provider names the provider that a package belongs to: "wandb" for
// providers/wandb and providers/wandb/sandbox, "" for providers itself and what
// all of them share.
func provider(path string) string {
	below, ok := strings.CutPrefix(path, "providers/")
	if !ok || path == "providers/pace" {
		return ""
	}
	name, _, _ := strings.Cut(below, "/")
	return name
}

// own returns the path below the module, or "" for a package of others.
func own(imported string) string {
	path, ok := strings.CutPrefix(imported, module+"/")
	if !ok {
		return ""
	}
	return path
}

// The standard library's ways to a network, a database, a log or chance.
var impure = under("log", "net", "net/http", "net/rpc", "net/smtp", "database", "os/exec", "math/rand", "crypto/rand")

// decides says which packages decide: they do nothing, and are told what time it is.
func decides(path string) bool {
	return under("rotation", "sync/plan", "sync/finding")(path) || path == "sync/usage"
}

var laws = []law{
	{
		why:    "what decides stands on the standard library alone",
		of:     under("rotation"),
		breaks: func(path, imported string, std bool) bool { return !std && !under("rotation")(own(imported)) },
		deep:   true,
	},
	{
		why:    "the planner knows rotation and the standard library alone",
		of:     under("sync/plan"),
		breaks: func(path, imported string, std bool) bool { return !std && !under("rotation", path)(own(imported)) },
		deep:   true,
	},
	{
		why: "use is judged by the standard library alone, and findings know rotation and that judgement",
		of:  func(path string) bool { return path == "sync/usage" || path == "sync/finding" },
		breaks: func(path, imported string, std bool) bool {
			o := own(imported)
			return !std && o != path && (path == "sync/usage" || o != "rotation" && o != "sync/usage")
		},
		deep: true,
	},
	{
		why: "what decides touches no network, database, log, process or chance",
		of:  decides,
		breaks: func(path, imported string, std bool) bool {
			return impure(imported) && imported != "net/url" && imported != "net/netip"
		},
	},
	{
		why: "providers is the contract: rotation and the standard library alone",
		of:  func(path string) bool { return path == "providers" },
		breaks: func(path, imported string, std bool) bool {
			return !std && own(imported) != "rotation"
		},
		deep: true,
	},
	{
		why: "a provider knows the contract, the pace of calls, its own folder and its SDK: no other provider, no configuration, no engine",
		of:  under("providers"),
		breaks: func(path, imported string, std bool) bool {
			o := own(imported)
			shared := o == "" || o == "providers" || o == "rotation" || o == "providers/pace"
			return !shared && (provider(o) == "" || provider(o) != provider(path))
		},
		deep: true,
	},
	{
		why:    "cmd/keyrota alone knows the providers",
		of:     except(func(string) bool { return true }, under("cmd/keyrota", "providers")),
		breaks: func(path, imported string, std bool) bool { return provider(own(imported)) != "" },
		deep:   true,
	},
	{
		why:    "configuration is read first and knows nothing of what is done with it",
		of:     under("config"),
		breaks: func(path, imported string, std bool) bool { return under("sync", "cmd")(own(imported)) },
		deep:   true,
	},
	{
		why:    "the ledger cannot even name a secret, and knows nobody who uses it",
		of:     under("sync/ledger"),
		breaks: func(path, imported string, std bool) bool { return under("providers", "config", "cmd")(own(imported)) },
		deep:   true,
	},
	{
		why: "the parts of sync hand on what they found and never call back",
		of:  under("sync/inventory", "sync/plan", "sync/execute", "sync/ledger", "sync/report"),
		breaks: func(path, imported string, std bool) bool {
			later := map[string]func(string) bool{
				"sync/ledger":    under("sync/inventory", "sync/plan", "sync/execute", "sync/report", "sync/daemon"),
				"sync/inventory": under("sync/plan", "sync/execute", "sync/report", "sync/daemon"),
				"sync/execute":   under("sync/report", "sync/daemon"),
				"sync/report":    under("sync/execute", "sync/daemon"),
				"sync/plan":      under("sync/daemon"),
			}
			for folder, isLater := range later {
				if under(folder)(path) && isLater(own(imported)) {
					return true
				}
			}
			return false
		},
		deep: true,
	},
	{
		why: "events and messages go out from the ledger alone, whatever the configuration and the engine are",
		of:  under("sync/export", "sync/notify"),
		breaks: func(path, imported string, std bool) bool {
			return under("config", "sync/inventory", "sync/plan", "sync/execute", "sync/report", "sync/daemon")(own(imported))
		},
		deep: true,
	},
	{
		why:    "nothing imports the command",
		of:     except(func(string) bool { return true }, under("cmd")),
		breaks: func(path, imported string, std bool) bool { return under("cmd")(own(imported)) },
		deep:   true,
	},
	{
		why: "the conformance suites and the stand-ins for services are for tests and measurements",
		of:  except(func(string) bool { return true }, under("providers/providertest", "sync/notify/notifytest", "cmd/keyrota/bench")),
		breaks: func(path, imported string, std bool) bool {
			return under("providers/providertest", "sync/notify/notifytest")(own(imported))
		},
	},
}

// TestWhoMayKnowWhom holds the import rules over every package that is not a
// test, whatever the linter was told to overlook.
func TestWhoMayKnowWhom(t *testing.T) {
	all := load(t)
	for _, l := range laws {
		for _, p := range all.own {
			if !l.of(p.path()) || len(p.GoFiles) == 0 {
				continue
			}
			imports := p.Imports
			if l.deep {
				imports = p.Deps
			}
			for _, imported := range imports {
				if l.breaks(p.path(), imported, all.std[imported]) {
					t.Errorf("%s imports %s\n\tbut %s", p.path(), imported, l.why)
				}
			}
		}
	}
}
