package export

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/keyrota/keyrota/rotation"
)

// kinds are all kinds of events, read from the source of rotation.
func kinds(t *testing.T) []rotation.EventKind {
	t.Helper()
	files, err := filepath.Glob("../../rotation/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	var all []rotation.EventKind
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if is, ok := v.Type.(*ast.Ident); ok && is.Name == "EventKind" {
				for _, value := range v.Values {
					if lit, ok := value.(*ast.BasicLit); ok {
						text, err := strconv.Unquote(lit.Value)
						if err != nil {
							t.Fatal(err)
						}
						all = append(all, rotation.EventKind(text))
					}
				}
			}
			return true
		})
	}
	if len(all) < 30 {
		t.Fatalf("only %d kinds were found", len(all))
	}
	return all
}

// What ECS 8.17 allows (https://www.elastic.co/guide/en/ecs/8.17/ecs-category-field-values-reference.html).
var allowed = map[string][]string{
	"iam":           {"admin", "change", "creation", "deletion", "group", "info", "user"},
	"configuration": {"access", "change", "creation", "deletion", "info"},
}

func TestEveryKindOfEventHasAClass(t *testing.T) {
	all := Kinds()
	for _, k := range kinds(t) {
		if n := len(slices.DeleteFunc(slices.Clone(all), func(other rotation.EventKind) bool { return other != k })); n != 1 {
			t.Errorf("%s is in %d classes: say in class.go where it belongs", k, n)
		}
		c := classOf(k)
		for _, typ := range c.types {
			if !slices.Contains(allowed[c.category], typ) {
				t.Errorf("%s: ECS has no type %s in category %s", k, typ, c.category)
			}
		}
	}
	if c := classOf("of.tomorrow"); c.kind != kindEvent || c.category == "" {
		t.Errorf("a kind of a later version: %+v", c)
	}
}
