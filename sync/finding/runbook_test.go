package finding_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrota/keyrota/sync/finding"
)

// TestCatalogue: every code that the package names has a complete entry, and only
// one.
func TestCatalogue(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "code.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var declared []string
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			lit, ok := spec.Values[0].(*ast.BasicLit)
			if !ok {
				t.Fatalf("%s is no literal", spec.Names[0])
			}
			code, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			declared = append(declared, code)
		}
		return true
	})
	codes := finding.Codes()
	slices.Sort(declared)
	sorted := slices.Sorted(slices.Values(codes))
	if diff := cmp.Diff(declared, sorted); diff != "" {
		t.Errorf("declared -, in the catalogue +\n%s", diff)
	}
	snake := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	for _, e := range finding.Catalogue() {
		if !snake.MatchString(string(e.Code)) || e.Title == "" || e.Why == "" || e.Do == "" ||
			!slices.Contains([]finding.Severity{finding.Page, finding.Ticket, finding.Report}, e.Severity) {
			t.Errorf("not complete: %+v", e)
		}
		if kind, ok := finding.Kind(e.Code); !ok || kind.Title != e.Title {
			t.Errorf("%s: there is another by this code", e.Code)
		}
	}
	if _, ok := finding.Kind("no_such"); ok {
		t.Error("there is a kind that there is not")
	}
}

// section is one of the runbook.
type section struct {
	text  string
	lines map[string]string // by their bold word
}

// runbook reads deploy/RUNBOOK.md, and the order of its sections.
func runbook(t *testing.T) (map[string]section, []string) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "deploy", "RUNBOOK.md"))
	if err != nil {
		t.Fatal(err)
	}
	sections, order := map[string]section{}, []string{}
	bold := regexp.MustCompile(`(?ms)^- \*\*([^:*]+):\*\* (.*?)(?:\n- |\n\n|\n*\z)`)
	for _, part := range strings.Split("\n"+string(page), "\n### ")[1:] {
		name, text, _ := strings.Cut(part, "\n")
		if next := strings.Index(text, "\n## "); next >= 0 {
			text = text[:next] + "\n"
		}
		s := section{text: text, lines: map[string]string{}}
		for rest := text; ; {
			at := bold.FindStringSubmatchIndex(rest)
			if at == nil {
				break
			}
			s.lines[rest[at[2]:at[3]]] = strings.Join(strings.Fields(rest[at[4]:at[5]]), " ")
			rest = rest[at[5]:]
		}
		sections[name] = s
		order = append(order, name)
	}
	return sections, order
}

// TestRunbook: each kind of finding has its section, in the catalogue's order,
// which answers what a person on call asks, and says whose advice it is.
func TestRunbook(t *testing.T) {
	sections, order := runbook(t)
	if diff := cmp.Diff(finding.Codes(), order); diff != "" {
		t.Errorf("catalogue -, deploy/RUNBOOK.md +\n%s", diff)
	}
	for _, e := range finding.Catalogue() {
		s := sections[string(e.Code)]
		for _, word := range []string{"Severity", "Broken now", "Safe until", "Run", "Worry when"} {
			if s.lines[word] == "" {
				t.Errorf("%s says nothing under %s", e.Code, word)
			}
		}
		if says, _, _ := strings.Cut(s.lines["Severity"], ";"); !strings.HasPrefix(says, string(e.Severity)) && e.Code != finding.ForeignKey {
			t.Errorf("%s is a %s, and the runbook says %q", e.Code, e.Severity, says)
		}
		if strings.HasPrefix(strings.TrimSpace(s.text), "- ") {
			t.Errorf("%s does not say what it means", e.Code)
		}
		var advice []string
		for _, a := range e.Sources {
			words := a.Document + ": " + a.Section
			if a.Analogy {
				words += " (by analogy)"
			}
			advice = append(advice, words)
		}
		if diff := cmp.Diff(strings.Join(advice, "; "), s.lines["Advice"]); diff != "" {
			t.Errorf("%s: catalogue -, runbook +\n%s", e.Code, diff)
		}
	}
}

// TestRunbookHasTheCommand: what a message has people run, and how urgent it may
// be, its section knows.
func TestRunbookHasTheCommand(t *testing.T) {
	sections, _ := runbook(t)
	for _, c := range cases() {
		a := healthy()
		if c.account != nil {
			c.account(&a)
		}
		in := estate(a)
		if c.input != nil {
			c.input(&in)
		}
		for _, f := range finding.Find(in) {
			command := f.Command
			if f.Account != "" {
				command = strings.ReplaceAll(command, string(f.Account), "ACCOUNT")
			}
			if f.Code == finding.ForeignKey {
				command = strings.ReplaceAll(command, f.Subject, "KEY")
			}
			if f.Code == finding.SinkFailing {
				command = strings.ReplaceAll(command, f.Subject, "SINK")
			}
			s := sections[string(f.Code)]
			if want := fmt.Sprintf("`%s`", command); !strings.Contains(s.lines["Run"], want) {
				t.Errorf("%s: the section has no %s under Run: %s", f.Code, want, s.lines["Run"])
			}
			if !strings.Contains(s.lines["Severity"], string(f.Severity)) {
				t.Errorf("%s may be a %s, and the section says %q", f.Code, f.Severity, s.lines["Severity"])
			}
		}
	}
}
