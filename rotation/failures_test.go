package rotation

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// cases is how many kinds of failure the documentation accounts for.
const cases = 35

// TestEveryFailureHasItsTest reads the table in the package's documentation: of
// every case, what has it happen is there.
func TestEveryFailureHasItsTest(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	worlds := map[string]bool{}
	for _, c := range settings() {
		worlds[strings.ReplaceAll(c.name, " ", "_")] = true
	}
	made := map[string]bool{}
	for _, name := range chances() {
		made[name] = true
	}
	for _, name := range faults() {
		made[name] = true
	}
	tests := testsOfTheTree(t)
	var seen []int
	for _, row := range regexp.MustCompile(`(?m)^//\t *(\d+)  (.*):\n//\t +(.*)$`).FindAllStringSubmatch(string(doc), -1) {
		n, err := strconv.Atoi(row[1])
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, n)
		for _, name := range strings.Split(row[3], ", ") {
			kind, rest, _ := strings.Cut(name, " ")
			switch {
			case kind == "world" && worlds[rest], kind == "fault" && made[rest], tests[name]:
			default:
				t.Errorf("%d (%s): there is no %s", n, row[2], name)
			}
		}
	}
	for n := 1; n <= cases; n++ {
		if !slices.Contains(seen, n) {
			t.Errorf("nothing is said of case %d", n)
		}
	}
}

// testsOfTheTree returns the names of all tests of the module.
func testsOfTheTree(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	test := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range test.FindAllSubmatch(text, -1) {
			names[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
