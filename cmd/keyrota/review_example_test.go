package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// reviewed is a repository made of examples/review, with the change of a pull
// request in it.
type reviewed struct {
	t   *testing.T
	dir string // the working tree
	tmp string // what the job's machine has besides
}

// command runs a program in the repository, as the job's machine would.
func (r reviewed) command(name string, args ...string) (string, error) {
	cmd := exec.CommandContext(r.t.Context(), name, args...)
	cmd.Dir = r.dir
	cmd.Env = []string{
		"PATH=" + r.tmp + ":" + os.Getenv("PATH"), "HOME=" + r.tmp, "RUNNER_TEMP=" + r.tmp, "GITHUB_BASE_REF=main", "PR=7", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@acme.example", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@acme.example",
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (r reviewed) must(name string, args ...string) {
	r.t.Helper()
	if out, err := r.command(name, args...); err != nil {
		r.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// newReview makes the repository, whose origin has the example on main. The
// program is this one; gh keeps what it was told to comment.
func newReview(t *testing.T) reviewed {
	t.Helper()
	for _, tool := range []string{"git", "jq", "bash"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := reviewed{t, filepath.Join(t.TempDir(), "repo"), t.TempDir()}
	if err := os.Symlink(self, filepath.Join(r.tmp, "keyrota")); err != nil { // see TestMain
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.tmp, "gh"), []byte("#!/bin/sh\ncp \"$7\" \"$RUNNER_TEMP/commented\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(r.dir, os.DirFS(filepath.Join("..", "..", "examples", "review"))); err != nil {
		t.Fatal(err)
	}
	r.must("chmod", "+x", "policy.sh")
	r.must("git", "init", "--quiet", "--initial-branch=main")
	r.must("git", "add", "--all")
	r.must("git", "commit", "--quiet", "--message", "as it is")
	r.must("git", "clone", "--quiet", "--bare", ".", filepath.Join(r.tmp, "origin.git"))
	r.must("git", "remote", "add", "origin", filepath.Join(r.tmp, "origin.git"))
	r.must("git", "checkout", "--quiet", "-b", "change")
	return r
}

// edit replaces text of a file.
func (r reviewed) edit(file, old, text string) {
	r.t.Helper()
	path := filepath.Join(r.dir, file)
	was, err := os.ReadFile(path)
	if err != nil || !bytes.Contains(was, []byte(old)) {
		r.t.Fatalf("%s has no %q: %v", file, old, err)
	}
	if err := os.WriteFile(path, bytes.Replace(was, []byte(old), []byte(text), 1), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// job runs the steps of review.yml, as far as they succeed, and returns the one
// that failed with what was said.
func (r reviewed) job() (failed, said string) {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", "review", "review.yml"))
	if err != nil {
		r.t.Fatal(err)
	}
	var workflow struct {
		Jobs map[string]struct {
			Steps []struct{ Name, Run, Shell string }
		}
	}
	if err := yaml.Unmarshal(text, &workflow); err != nil {
		r.t.Fatal(err)
	}
	ran := 0
	for _, step := range workflow.Jobs["review"].Steps {
		if step.Run == "" || step.Name == "install" {
			continue
		}
		ran++
		shell := []string{"-e", "-c"} // GitHub docs, Workflow syntax, jobs.<job_id>.steps[*].shell
		if step.Shell == "bash" {
			shell = []string{"--noprofile", "--norc", "-eo", "pipefail", "-c"}
		}
		if out, err := r.command("bash", append(shell, step.Run)...); err != nil {
			return step.Name, out
		}
	}
	if ran != 4 {
		r.t.Errorf("%d steps were run", ran)
	}
	comment, err := os.ReadFile(filepath.Join(r.tmp, "commented"))
	if err != nil {
		r.t.Error(err)
	}
	return "", string(comment)
}

// TestTheReviewExample: the job of examples/review says what a change means, and
// lets through what its policy lets.
func TestTheReviewExample(t *testing.T) {
	t.Parallel()
	const org = "accounts:\n  - {name: model-report, scope: organization, purpose: \"@all <img src=x>\", owner: p@acme.example, deliver: \"vault:kv/platform/model#KEY\"}\n"
	for name, c := range map[string]struct {
		change func(reviewed)
		failed string
		says   []string
	}{
		"nothing": {func(reviewed) {}, "", []string{"Nothing changes."}},
		"a new destination": {func(r reviewed) {
			r.edit("teams/speech.yaml", "accounts:\n", "accounts:\n  - {name: asr-demo, purpose: p}\n")
		}, "", []string{"**New destination** `vault:kv/speech/asr-demo#WANDB_API_KEY` of `speech/asr-demo`"}},
		"outside of allow": {func(r reviewed) {
			r.edit("teams/speech.yaml", "deliver: vault:kv/speech/", "deliver: vault:kv/ml-platform/")
		}, "check", []string{"teams/speech.yaml:4:10: deliver: for accounts[0]: the team is not allowed to deliver to this place"}},
		"organization scope in a team's file": {func(r reviewed) {
			r.edit("teams/speech.yaml", "accounts:\n", "accounts:\n  - {name: asr-demo, scope: organization, reason: r, purpose: p}\n")
		}, "check", []string{"organization scope reaches every team, so only the root file can give it"}},
		"organization scope without a reason": {func(r reviewed) { r.edit("keyrota.yaml", "accounts:\n", org) },
			"policy", []string{"refused: organization scope without a reason: acme//model-report"}},
		"organization scope with one": {func(r reviewed) {
			r.edit("keyrota.yaml", "accounts:\n", strings.Replace(org, "purpose:", "reason: all models, purpose:", 1))
		}, "", []string{"**Organization scope** `acme//model-report`: `all models`", "`rotate: @all <img src=x>`"}},
		"no allow": {func(r reviewed) { r.edit("keyrota.yaml", "allow:", "teams: {speech: {}, ml-platform: {}}\nx-allow:") },
			"check", []string{"unknown field"}},
		"another instance, and a policy of its own": {func(r reviewed) {
			r.edit("keyrota.yaml", "instance: prod", "instance: other")
			r.edit("policy.sh", "set -eu", "exit 0")
		}, "policy", []string{"refused: this takes a migration, not a merge: instance.changed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReview(t)
			c.change(r)
			failed, said := r.job()
			if failed != c.failed {
				t.Errorf("failed: %q, want %q\n%s", failed, c.failed, said)
			}
			for _, want := range c.says {
				if !strings.Contains(said, want) {
					t.Errorf("it does not say %s:\n%s", want, said)
				}
			}
		})
	}
}

// TestTheReviewExampleHasOwners: it is valid, and each file of it that decides
// something has an owner of its own.
func TestTheReviewExampleHasOwners(t *testing.T) {
	dir := filepath.Join("..", "..", "examples", "review")
	a, out := anywhere(t), new(bytes.Buffer)
	a.stdout = out
	if code := run([]string{"validate", "--config", filepath.Join(dir, "keyrota.yaml")}, a); code != 0 || !strings.Contains(out.String(), " 0 warnings") {
		t.Errorf("validate ended with %d\n%s", code, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "CODEOWNERS"))
	if err != nil {
		t.Fatal(err)
	}
	var owned []string
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && !strings.HasPrefix(line, "#") {
			owned = append(owned, strings.TrimPrefix(fields[0], "/"))
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "teams", "*.yaml"))
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, file := range append(files, filepath.Join(dir, "keyrota.yaml"), filepath.Join(dir, "policy.sh")) {
		name, _ := filepath.Rel(dir, file)
		if !slices.Contains(owned, filepath.ToSlash(name)) {
			t.Errorf("nobody owns %s", name)
		}
	}
	for _, path := range owned {
		if _, err := os.Stat(filepath.Join(dir, path)); err != nil && path != ".github/" {
			t.Errorf("CODEOWNERS names %s: %v", path, err)
		}
	}
}
