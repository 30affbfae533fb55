package e2e

import (
	"errors"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// alone has the problems that a file with others cannot have: where its text
// cannot be read on, or a value has another problem already.
var alone = map[string]string{ // a file with it, by its words
	"not valid YAML: ":                  "instance: prod\n  wandb: {",
	"the file is empty":                 "# nothing\n",
	"YAML directives are not supported": "%YAML 1.2\n---\ninstance: prod\n",
	"a second YAML document begins here; one file is one configuration": "instance: prod\n---\ninstance: test\n",
	"nested too deeply": "instance: " + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "\n",
	"there are no accounts, so there is nothing to do":                "instance: prod\n",
	"no place for the ledger: neither XDG_STATE_HOME nor HOME is set": "instance: prod\n",
	"not a whole number":                                              "instance: prod\nworkers: many\n",
	"not the address of a server":                                     "instance: prod\nwandb: {url: acme}\n",
	"an address with a password in it":                                "instance: prod\nwandb: {url: \"https://me:CANARY@acme.example\"}\n",
	"not the base address of a server":                                "instance: prod\nwandb: {url: \"https://acme.example/graphql\"}\n",
	"neither the path of a file nor the URL of a PostgreSQL database": "instance: prod\nledger: s3://bucket\n",
	"not a URL":            "instance: prod\nledger: \"postgres://keyrota@[::1/keyrota\"\n",
	"no database is named": "instance: prod\nledger: postgres://keyrota@127.0.0.1\n",
	"without sslmode=verify-full, whoever is between can pose as the database":             "instance: prod\nledger: postgres://keyrota@db.example/keyrota\n",
	"there is no allow:, so every included file may deliver to every place in every store": "instance: prod\ninclude: teams/*.yaml\n",
}

// never has the problems that no file can have now: they guard against types
// of fields, and kinds of YAML, that there are not; a file that is too large is
// not even read, nor one of a directory that cannot be opened.
var never = []string{"the directory of this file cannot be read, so nothing can be included", " MiB, too large for a configuration", " cannot be configured", "not a number", "not a valid value for this field", "this part of YAML is not supported"}

// TestEveryProblemAtOnce: whatever is wrong with a configuration is shown at
// once, each with its place and what to write instead; by validate, and by
// every command that needs the configuration. Nothing that may be a key is
// repeated.
func TestEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"bad", "refused"} {
		t.Run(name, func(t *testing.T) {
			p := newProgram(t)
			text, err := os.ReadFile(filepath.Join("testdata", name+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			p.write("keyrota.yaml", string(text))
			if name == "bad" {
				team, err := os.ReadFile(filepath.Join("testdata", "bad-team.yaml"))
				for _, dir := range []string{"teams", "folder.yaml"} {
					err = errors.Join(err, os.Mkdir(filepath.Join(p.dir, dir), 0o700))
				}
				if err = errors.Join(err, os.Symlink(os.TempDir(), filepath.Join(p.dir, "away"))); err != nil {
					t.Fatal(err)
				}
				p.write("teams/speech.yaml", string(team))
			}
			r := p.run(1, "validate")
			golden := filepath.Join("testdata", name+".golden")
			got := r.stdout.String() + "--\n" + r.stderr.String()
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
			if _, at := holdsCanary(got); at >= 0 {
				t.Errorf("a value is repeated that may be a key: %s", got[at:])
			}
			for _, command := range []string{"sync", "run", "plan", "status"} {
				said := p.run(1, command).stderr.String()
				for line := range strings.SplitSeq(r.stdout.String(), "\n") {
					place, words, _ := strings.Cut(line, " ")
					if place != "" && !strings.HasPrefix(words, "warning: ") && !strings.Contains(said, place) {
						t.Errorf("%s does not say what is wrong at %q", command, place)
					}
				}
			}
		})
	}
}

// TestProblemsThatStandAlone are shown by files of their own.
func TestProblemsThatStandAlone(t *testing.T) {
	t.Parallel()
	for message, text := range alone {
		t.Run(message, func(t *testing.T) {
			p := newProgram(t)
			if strings.Contains(message, "HOME") {
				p.env = slices.DeleteFunc(p.env, func(v string) bool { return strings.HasPrefix(v, "HOME=") })
			}
			p.write("keyrota.yaml", text)
			shown := p.try("validate").text()
			place := regexp.MustCompile(`(?m)^(keyrota: )?keyrota\.yaml(:\d+:\d+)?: .*` + regexp.QuoteMeta(message) + `.*(\n    hint: |: ).`)
			if !place.MatchString(shown) {
				t.Errorf("not shown with its place and a hint:\n%s", shown)
			}
			if _, at := holdsCanary(shown); at >= 0 {
				t.Errorf("a value is repeated: %s", shown)
			}
		})
	}
}

// TestTheGoldenFileHasEveryProblem: a problem that the configuration knows and
// that neither the file shows, nor one beside the configuration's own tests, is
// missing.
func TestTheGoldenFileHasEveryProblem(t *testing.T) {
	files := []string{filepath.Join("testdata", "bad.golden")}
	for _, name := range []string{"identity", "notify", "use"} {
		files = append(files, filepath.Join("..", "..", "..", "config", "testdata", "problems", name+".txtar"))
	}
	var golden []byte
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		golden = append(golden, text...)
	}
	messages := problemsOf(t, filepath.Join("..", "..", "..", "config"))
	if len(messages) < 60 {
		t.Fatalf("only %d problems were found in the source", len(messages))
	}
	var missing []string
	for _, m := range messages {
		if !strings.Contains(string(golden), m) {
			missing = append(missing, m)
		}
	}
	slices.Sort(missing)
	if diff := cmp.Diff(slices.Sorted(slices.Values(append(slices.Collect(maps.Keys(alone)), never...))), missing); diff != "" {
		t.Errorf("testdata/bad.yaml does not show (+), or shows after all (-):\n%s", diff)
	}
}

var verb = regexp.MustCompile(`%[a-z]`)

// problemsOf finds, in the source, the longest constant part of each message
// that is reported.
func problemsOf(t *testing.T, dir string) []string {
	t.Helper()
	sources, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	which := map[string]int{"errorAt": 1, "warnAt": 1, "fault": 1, "refuse": 2, "add": 2}
	var messages []string
	for _, source := range sources {
		if strings.HasSuffix(source, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), source, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			called, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			i, reports := which[called.Sel.Name]
			if !reports || len(call.Args) <= i {
				return true
			}
			longest := ""
			ast.Inspect(call.Args[i], func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					text, err := strconv.Unquote(lit.Value)
					if err != nil {
						t.Fatal(err)
					}
					for _, part := range verb.Split(text, -1) {
						if len(part) > len(longest) {
							longest = part
						}
					}
				}
				return true
			})
			if longest != "" && !slices.Contains(messages, longest) {
				messages = append(messages, longest)
			}
			return true
		})
	}
	return messages
}
