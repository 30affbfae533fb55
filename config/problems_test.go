package config

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write the golden files and schema.json anew")

// Each archive in testdata/problems holds pairs of files: NAME.yaml, and
// NAME.txt with exactly what is printed about it.
func TestProblems(t *testing.T) {
	archives, err := filepath.Glob("testdata/problems/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no archives", err)
	}
	for _, name := range archives {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		golden := map[string]string{}
		for _, f := range archive.Files {
			golden[f.Name] = string(f.Data)
		}
		var out []txtar.File
		for _, f := range archive.Files {
			story, ok := strings.CutSuffix(f.Name, ".yaml")
			if !ok {
				continue
			}
			t.Run(filepath.Base(name)+"/"+story, func(t *testing.T) {
				c, problems := Parse(f.Name, f.Data, Options{Env: testEnv, StoreTypes: testTypes, FindingCodes: []string{"unused", "shared_key"}, EventKinds: []string{"key.delivered"}})
				got := problems.String() + "\n"
				if c == nil {
					got += "refused\n"
				} else {
					got += "loaded\n"
				}
				out = append(out, f, txtar.File{Name: story + ".txt", Data: []byte(got)})
				if strings.Contains(got, "CANARY") {
					t.Errorf("a value is shown:\n%s", got)
				}
				if !*update && got != golden[story+".txt"] {
					t.Error(cmp.Diff(golden[story+".txt"], got))
				}
			})
		}
		if *update {
			archive.Files = out
			if err := os.WriteFile(name, txtar.Format(archive), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}
