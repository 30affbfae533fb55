package main_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// clock is what reads, or waits on, the clock of the machine.
var clock = []string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "Tick", "NewTimer", "NewTicker"}

// TestWhatDecidesAsksForNoTime: `now` is an argument, so that every decision
// can be repeated and explored.
func TestWhatDecidesAsksForNoTime(t *testing.T) {
	for _, p := range load(t).own {
		if !decides(p.path()) {
			continue
		}
		for _, name := range p.GoFiles {
			files := token.NewFileSet()
			file := parse(t, files, filepath.Join(p.Dir, name))
			local := importedAs(file, "time")
			if local == "." {
				t.Errorf("%s: time is imported with a dot, which hides calls to the clock", files.Position(file.Pos()))
			}
			ast.Inspect(file, func(n ast.Node) bool {
				sel, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if x, ok := sel.X.(*ast.Ident); ok && local != "" && x.Name == local && slices.Contains(clock, sel.Sel.Name) {
					t.Errorf("%s: time.%s: take now as an argument", files.Position(sel.Pos()), sel.Sel.Name)
				}
				return true
			})
		}
	}
}

// importedAs returns the name under which a file knows a package, "" if it does not.
func importedAs(file *ast.File, path string) string {
	for _, i := range file.Imports {
		if p, err := strconv.Unquote(i.Path.Value); err != nil || p != path {
			continue
		}
		if i.Name != nil {
			return i.Name.Name
		}
		return filepath.Base(path)
	}
	return ""
}

// TestNoHiddenRegistration: who knows whom stands in one explicit map, not in init().
func TestNoHiddenRegistration(t *testing.T) {
	for _, p := range load(t).own {
		for _, path := range p.files() {
			files := token.NewFileSet()
			for _, d := range parse(t, files, path).Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
					t.Errorf("%s: func init: wire it where it is used", files.Position(f.Pos()))
				}
			}
		}
	}
}

// TestNames: a name says what is inside, and no package hides the standard
// library's sync.
func TestNames(t *testing.T) {
	empty := []string{"util", "utils", "common", "helper", "helpers", "manager", "misc"}
	for _, p := range load(t).own {
		if p.Name == "sync" {
			t.Errorf("%s: package sync: the folder holds packages and is none", p.path())
		}
		for _, part := range append(strings.Split(p.path(), "/"), p.Name) {
			if slices.Contains(empty, part) {
				t.Errorf("%s: %q says nothing of what is inside", p.path(), part)
			}
		}
		for _, file := range p.files() {
			stem := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(file), ".go"), "_test")
			if slices.Contains(empty, stem) {
				t.Errorf("%s/%s: the name says nothing of what is inside", p.path(), filepath.Base(file))
			}
		}
	}
}

// TestPackagesSayWhatTheyAreFor: each package has a doc comment.
func TestPackagesSayWhatTheyAreFor(t *testing.T) {
	for _, p := range load(t).own {
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("%s has no package comment", p.path())
		}
	}
}

// TestFilesStayReadable: one idea per file. A long file is allowed where the
// idea is long; many are not.
func TestFilesStayReadable(t *testing.T) {
	const lines, share = 400, 10 // most files are under this many lines; at most one in ten may not be
	var long []string
	total := 0
	for _, p := range load(t).own {
		for _, path := range p.files() {
			files := token.NewFileSet()
			file := parse(t, files, path)
			if ast.IsGenerated(file) {
				continue
			}
			total++
			if n := files.File(file.FileStart).LineCount(); n > lines {
				long = append(long, p.path()+"/"+filepath.Base(path)+": "+strconv.Itoa(n)+" lines")
			}
		}
	}
	for _, l := range long {
		t.Log(l)
	}
	if total > 0 && len(long)*share > total {
		t.Errorf("%d of %d files have more than %d lines", len(long), total, lines)
	}
}

// TestTheTopLevelStaysSmall: what a newcomer sees first.
func TestTheTopLevelStaysSmall(t *testing.T) {
	allowed := []string{
		"cmd", "config", "rotation", "providers", "sync", "deploy", "examples",
		"go.mod", "go.sum", "Makefile", "LICENSE",
		"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md",
	}
	root := load(t).root
	if _, err := os.Stat(filepath.Join(root, ".git")); err != nil {
		t.Skip("not a git clone: what git ignores cannot be told from what it holds")
	}
	cmd := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	seen := map[string]bool{}
	for file := range strings.Lines(string(out)) {
		top, _, _ := strings.Cut(strings.TrimSpace(file), "/")
		if seen[top] || strings.HasPrefix(top, ".") || slices.Contains(allowed, top) {
			continue
		}
		seen[top] = true
		t.Errorf("%s is new at the top level: does it belong into a folder?", top)
	}
}

func parse(t *testing.T, files *token.FileSet, path string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(files, path, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return file
}
