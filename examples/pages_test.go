package examples_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/config"
)

// sums returns how an account's overlap comes about, as a folder's page and the
// table of all examples say it.
func sums(c *config.Config, a config.Account) (page, table string) {
	var cache time.Duration
	for _, d := range a.Deliver {
		cache = max(cache, d.Cache)
	}
	need := a.LongestJob.Duration + cache + c.WriteDeadline
	f := config.FormatDuration
	page = fmt.Sprintf("longest_job %s + cache %s + write_deadline %s = ", f(a.LongestJob.Duration), f(cache), f(c.WriteDeadline))
	table = fmt.Sprintf("%s + %s + %s = %s", f(a.LongestJob.Duration), f(cache), f(c.WriteDeadline), f(need))
	if need < a.Overlap {
		return page + f(need) + ". That is less than the default overlap, so it is **" + f(a.Overlap) + "**", table + ", so " + f(a.Overlap)
	}
	return page + "**" + f(a.Overlap) + "**", table
}

// TestPagesSayTheOverlap: the sums on the pages are those of the configurations.
func TestPagesSayTheOverlap(t *testing.T) {
	files, err := filepath.Glob("*/keyrota*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	table := example{dir: "."}.read(t, "README.md")
	for _, file := range files {
		dir := filepath.Dir(file)
		if dir == "quickstart" || dir == "review" || dir == "leak-drill" || dir == "on-call" {
			continue // its times are for watching; it is about no reader
		}
		e := deliver(t, dir, filepath.Base(file))
		page := strings.Join(strings.Fields(e.read(t, "README.md")), " ")
		for _, a := range e.config.Accounts {
			inPage, inTable := sums(e.config, a)
			if !strings.Contains(page, inPage) {
				t.Errorf("%s/README.md does not say of %s: %s", dir, a.Name, inPage)
			}
			said := false
			for line := range strings.Lines(table) {
				said = said || strings.HasPrefix(line, "| ["+dir+"]("+dir+"/README.md)") && strings.HasSuffix(line, " | "+inTable+" |\n")
			}
			if !said {
				t.Errorf("README.md has no row for %s that ends in: %s", dir, inTable)
			}
		}
	}
}

// TestPagesNameEveryFile: nothing lies about that no page explains.
func TestPagesNameEveryFile(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	list := example{dir: "."}.read(t, "README.md")
	for _, dir := range entries {
		if !dir.IsDir() {
			continue
		}
		if !strings.Contains(list, "| ["+dir.Name()+"/]("+dir.Name()+"/README.md) |") {
			t.Errorf("README.md does not list %s", dir.Name())
		}
		page := example{dir: dir.Name()}.read(t, "README.md")
		files, err := os.ReadDir(dir.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if name := f.Name(); name != "README.md" && !strings.Contains(page, "]("+name+")") {
				t.Errorf("%s/README.md does not name %s", dir.Name(), name)
			}
		}
	}
}
