package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var documented = regexp.MustCompile("`([^`]+)`")

// TestEveryFieldIsDocumented: OUTPUT.md names every field that a command
// prints, and no field in its tables that none does.
func TestEveryFieldIsDocumented(t *testing.T) {
	page, err := os.ReadFile("OUTPUT.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			continue
		}
		for _, m := range documented.FindAllStringSubmatch(cells[1], -1) {
			if strings.Contains(m[1], ".") && !strings.Contains(m[1], "[]") && !strings.HasPrefix(m[1], ".") && !strings.HasPrefix(m[1], "engine.") {
				continue // an event
			}
			told[m[1][strings.LastIndex(m[1], ".")+1:]] = true
		}
	}
	printed := printedFields(t)
	if len(printed) == 0 {
		t.Fatal("no command prints anything")
	}
	for name := range printed {
		if !told[name] {
			t.Errorf("OUTPUT.md says nothing of %s, in %s", name, printed[name])
		}
	}
	for name := range told {
		if printed[name] == "" {
			t.Errorf("OUTPUT.md tells of %s, which no command prints", name)
		}
	}
}

// printedFields are the JSON names in the structs that commands print, with
// where they are: types that are called views or results, and literals of
// structs without a name.
func printedFields(t *testing.T) map[string]string {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	reports, err := filepath.Glob("../../sync/report/*.go")
	if err != nil || len(reports) == 0 {
		t.Fatal("where are the reports?", err)
	}
	files = append(files, reports...)
	names := map[string]string{}
	set := token.NewFileSet()
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			var typ ast.Expr
			switch n := n.(type) {
			case *ast.TypeSpec:
				if strings.HasSuffix(n.Name.Name, "View") || strings.HasSuffix(n.Name.Name, "Result") {
					typ = n.Type
				}
			case *ast.CompositeLit:
				typ = n.Type
			}
			if s, ok := typ.(*ast.StructType); ok {
				for _, f := range s.Fields.List {
					if f.Tag == nil {
						continue
					}
					tag, err := strconv.Unquote(f.Tag.Value)
					if err != nil {
						t.Fatal(err)
					}
					name, _, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
					if name != "" {
						names[name] = set.Position(f.Pos()).String()
					}
				}
			}
			return true
		})
	}
	return names
}
