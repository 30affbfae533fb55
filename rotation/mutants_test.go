package rotation

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestMutants breaks one guard at a time and has the smallest world that needs
// it explored: a guard whose absence no world notices is no guard, or the
// worlds are too small. What no explored world has, such as clocks that jump and
// answers that lag, the simulation must find from a fixed seed. Each file of testdata/mutants says which words of the
// finding must come, in which world, and what is edited; an edit whose old text
// is not there fails as well.
func TestMutants(t *testing.T) {
	if os.Getenv(mutantRun) != "" {
		t.Skip("this is a mutant's own run")
	}
	if testing.Short() {
		t.Skip("each mutant is compiled")
	}
	files, err := filepath.Glob("testdata/mutants/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no mutants: %v", err)
	}
	slots := make(chan struct{}, 2)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			m := readMutant(t, file)
			t.Logf("%s: %s", m.story, m.explore(t))
		})
	}
}

const mutantRun = "KEYROTA_MUTANT"

// simulated is the name of the world of mutants that only the simulation kills.
const simulated = "simulation"

type mutant struct {
	story  string
	world  string
	breaks *regexp.Regexp
	edits  map[string]string // whole files, by name
}

func readMutant(t *testing.T, file string) mutant {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m := mutant{edits: map[string]string{}}
	for line := range strings.Lines(string(archive.Comment)) {
		line = strings.TrimSpace(line)
		switch name, value, _ := strings.Cut(line, ": "); name {
		case "world":
			m.world = value
		case "breaks":
			m.breaks = regexp.MustCompile(value)
		default:
			m.story = strings.TrimSpace(m.story + " " + line)
		}
	}
	if m.world == "" || m.breaks == nil || len(archive.Files)%2 != 0 {
		t.Fatal("a mutant has a world, says what breaks, and has pairs of old and new text")
	}
	for i := 0; i < len(archive.Files); i += 2 {
		name := strings.TrimSuffix(archive.Files[i].Name, " old")
		if archive.Files[i].Name != name+" old" || archive.Files[i+1].Name != name+" new" {
			t.Fatalf("%s and %s are no pair", archive.Files[i].Name, archive.Files[i+1].Name)
		}
		text, ok := m.edits[name]
		if !ok {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			text = string(b)
		}
		old, changed := withoutEnd(archive.Files[i].Data), withoutEnd(archive.Files[i+1].Data)
		if n := strings.Count(text, old); n != 1 {
			t.Fatalf("the old text is %d times in %s:\n%s", n, name, old)
		}
		m.edits[name] = strings.Replace(text, old, changed, 1)
	}
	return m
}

// explore runs the world on the mutant and returns what broke.
func (m mutant) explore(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for name, text := range m.edits {
		from, err := filepath.Abs(name)
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(dir, name)
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay.Replace[from] = to
	}
	body, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), body, 0o600); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "mutant")
	build := exec.Command("go", "test", "-c", "-vet=off", "-overlay", filepath.Join(dir, "overlay.json"), "-o", binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("it does not compile: %v\n%s", err, out)
	}
	args := []string{"-test.v", "-test.run", "^TestExplore$/^" + strings.ReplaceAll(regexp.QuoteMeta(m.world), "/", "$/^") + "$"}
	if m.world == simulated {
		args = []string{"-test.v", "-test.run", "^TestSimulate$", "-rapid.seed=1", "-rapid.checks=30000", "-rapid.nofailfile", "-rapid.shrinktime=1ms"}
	}
	run := exec.Command(binary, args...)
	run.Env = append(os.Environ(), mutantRun+"=1")
	out, err := run.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if m.world != simulated && !bytes.Contains(out, []byte("states")) {
		t.Fatalf("there is no world %s:\n%s", m.world, out)
	}
	if err == nil {
		t.Fatalf("it survives %s: %s", m.world, m.story)
	}
	found := regexp.MustCompile(`(?m)(?:^\s*|tests: )((?:promise|convergence|slots|leak|only offered)\b.*|.*never condemned.*)$`).FindSubmatch(out)
	if found == nil || !m.breaks.Match(found[1]) {
		t.Fatalf("it breaks otherwise than with %q:\n%s", m.breaks, out)
	}
	return string(found[1])
}

// withoutEnd drops the last newline, which an archive always adds.
func withoutEnd(b []byte) string { return strings.TrimSuffix(string(b), "\n") }
