package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

func files(t *testing.T, d report.Data, f report.Format, parts ...report.Part) []report.File {
	t.Helper()
	all, err := report.Files(d, f, parts...)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func one(t *testing.T, d report.Data, f report.Format, parts ...report.Part) string {
	t.Helper()
	all := files(t, d, f, parts...)
	if len(all) != 1 {
		t.Fatalf("%d files, want one", len(all))
	}
	return string(all[0].Body)
}

// TestGolden shows what each format looks like; look at the HTML in a browser
// before a changed one is committed.
func TestGolden(t *testing.T) {
	for _, n := range []int{0, 1, 12} {
		for _, f := range report.Formats() {
			if n == 1 && f != report.Markdown {
				continue
			}
			for _, file := range files(t, estate(n), f) {
				path := filepath.Join("testdata", fmt.Sprintf("%d%s", n, strings.TrimPrefix(file.Name, "keyrota-prod-2026-11-30")))
				if *update {
					if err := os.WriteFile(path, file.Body, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), string(file.Body)); diff != "" {
					t.Errorf("%s (-want +got):\n%s\nIf it is meant: go test ./sync/report -update", path, diff)
				}
			}
		}
	}
}

func TestPartsAreChosen(t *testing.T) {
	d := estate(12)
	for _, p := range report.Parts() {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal([]byte(one(t, d, report.JSON, p)), &fields); err != nil {
			t.Fatal(err)
		}
		for _, other := range report.Parts() {
			if _, there := fields[string(other)]; there != (p == other) {
				t.Errorf("a report of %s: has %s: %v", p, other, there)
			}
		}
		if name := files(t, d, report.CSV, p)[0].Name; name != "keyrota-prod-2026-11-30-"+string(p)+".csv" {
			t.Errorf("the CSV file of %s is named %s", p, name)
		}
		page := one(t, d, report.HTML, p)
		if n := strings.Count(page, "<section"); n != 1 {
			t.Errorf("the page of %s has %d sections", p, n)
		}
		if strings.Contains(page, "<nav>") {
			t.Errorf("the page of %s alone has something to choose from", p)
		}
	}
	for _, what := range []struct {
		format report.Format
		part   report.Part
		words  string
	}{
		{report.JSON, "everything", `there is no part "everything": write findings, unused, inventory or rotations`},
		{"pdf", report.Unused, `there is no format "pdf": write html, markdown, csv or json`},
	} {
		if _, err := report.Files(d, what.format, what.part); err == nil || !strings.Contains(err.Error(), what.words) {
			t.Errorf("%s as %s: %v, want %q", what.part, what.format, err, what.words)
		}
	}
}

// A page is opened from a mail or a share by people who may see what is in it, and
// nobody else may learn that they did.
func TestHTMLLoadsNothing(t *testing.T) {
	page := one(t, estate(12), report.HTML)
	for _, banned := range []string{"http:", "https:", "src=", "url(", "@import", "<script", "<link", "<iframe", "<img", "javascript:"} {
		if strings.Contains(page, banned) {
			t.Errorf("the page holds %s", banned)
		}
	}
	if !strings.Contains(page, `content="default-src 'none'; style-src 'unsafe-inline'"`) {
		t.Error("the page does not forbid itself to load anything")
	}
}

// hostile fills everything that others write with text that is markup, a formula
// or a link somewhere.
func hostile(text string) report.Data {
	d := estate(12)
	for i := range d.Accounts {
		a := &d.Accounts[i]
		a.Purpose, a.Reason, a.Owner, a.UsedBy, a.Position = text, text, text, []string{text}, text
		a.Spec.Account.Name = text
		a.Spec.Wants = []rotation.Want{{Destination: rotation.Destination{Store: "vault", Path: text, Field: text}}}
	}
	for i := range d.Findings {
		f := &d.Findings[i]
		f.Title, f.Owner, f.Evidence, f.Do, f.Command, f.Change, f.Broken = text, text, []string{text}, text, text, text, text
		f.Acknowledged = &finding.Acknowledgement{Reason: text, By: text, Until: now()}
		if i%2 == 0 {
			f.Acknowledged = nil
		}
	}
	for i := range d.Events {
		d.Events[i].By, d.Events[i].Event.Words, d.Events[i].Event.Key = text, text, rotation.KeyID(text)
	}
	for i := range d.Platform {
		d.Platform[i].Account.ID = rotation.AccountID(fmt.Sprint(text, i))
	}
	d.Unseen = []string{text}
	return d
}

func TestTextOfOthersIsText(t *testing.T) {
	for _, text := range []string{
		`<script>alert(1)</script>`, `"><img onerror=alert(1)>`, "</style></svg><b>", "a|b\\|c\n| d |", "`code` ``` *bold* [x](http://x.example) ~~no~~", "=HYPERLINK(\"x\")", "+1", "-1", "@SUM(A1)", "\t=1", " =1",
	} {
		d := hostile(text)
		page := one(t, d, report.HTML)
		for _, tag := range regexp.MustCompile(`<[^>]*>`).FindAllString(page, -1) {
			if strings.Contains(tag, "script") || strings.Contains(tag, "onerror") || tag == "<b>" && !strings.Contains(page, `<li><b>`) {
				t.Errorf("%q became the tag %s", text, tag)
			}
		}
		if n := strings.Count(page, "</style>"); n != 1 {
			t.Errorf("%q: %d style sheets end", text, n)
		}
		for _, file := range files(t, d, report.CSV) {
			r := csv.NewReader(bytes.NewReader(file.Body)) // refuses rows of another length
			rows, err := r.ReadAll()
			if err != nil {
				t.Errorf("%q: %s: %v", text, file.Name, err)
			}
			for _, row := range rows {
				for _, cell := range row {
					if trimmed := strings.TrimLeft(cell, " "); trimmed != "" && strings.ContainsRune("=+-@\t\r\n", rune(trimmed[0])) {
						t.Errorf("%s: a spreadsheet takes %q for a formula", file.Name, cell)
					}
				}
			}
		}
		checkTables(t, text, one(t, d, report.Markdown))
	}
}

// checkTables: every row of a Markdown table has as many cells as its header, and
// no text became a link or an element.
func checkTables(t *testing.T, text, page string) {
	t.Helper()
	cells := func(line string) int {
		return strings.Count(strings.ReplaceAll(strings.ReplaceAll(line, `\\`, ""), `\|`, ""), "|")
	}
	want := 0
	for line := range strings.Lines(page) {
		if !strings.HasPrefix(line, "|") {
			want = 0
			continue
		}
		if n := cells(line); want == 0 {
			want = n
		} else if n != want {
			t.Errorf("%q: a row has %d bars, and not %d: %s", text, n, want, line)
		}
	}
	outside := regexp.MustCompile("(?s)```.*?```|`[^`]*`|``.*?``").ReplaceAllString(page, "")
	if strings.Contains(outside, "<script") || strings.Contains(outside, "<img") {
		t.Errorf("%q is an element of the Markdown page", text)
	}
}

// What is said of use comes from the findings, and silence is never taken for
// anything.
func TestUse(t *testing.T) {
	d := estate(0)
	add := func(name string, a finding.Account) {
		a.Spec.Account = rotation.Account{Ref: rotation.Ref("ml/" + name), Name: name, Team: "ml", Scope: rotation.ScopeTeam}
		d.Accounts = append(d.Accounts, a)
	}
	used := (&builder{dice: rand.New(rand.NewPCG(1, 1)), d: d}).evidence
	add("quarterly", finding.Account{Evidence: used("ml/quarterly", "ml", 8)})
	add("dark", finding.Account{})
	d.Findings = []finding.Finding{{Code: finding.UsageUnknown, Account: "ml/gap", Evidence: []string{"a gap"}}}
	add("gap", finding.Account{Evidence: used("ml/gap", "ml", 6)})
	var doc struct {
		Unused    []struct{ Account, Use string }
		Inventory struct {
			Accounts []struct {
				Account  string
				Use      string
				LastUsed time.Time `json:"last_used"`
			}
		}
	}
	if err := json.Unmarshal([]byte(one(t, d, report.JSON)), &doc); err != nil {
		t.Fatal(err)
	}
	var uses []string
	for _, a := range doc.Inventory.Accounts {
		uses = append(uses, a.Account+" "+a.Use)
	}
	if diff := cmp.Diff([]string{"ml/dark unknown", "ml/gap unknown", "ml/quarterly used"}, uses); diff != "" {
		t.Error(diff)
	}
	if !slices.ContainsFunc(doc.Unused, func(u struct{ Account, Use string }) bool { return u.Account == "ml/dark" }) {
		t.Error("an account that nobody looked at is not shown")
	}
}

func TestHeadline(t *testing.T) {
	want := []string{
		"12 accounts in the configuration, 1 only watched, 1 not managed",
		"5 findings to act on, 1 cannot wait, 1 acknowledged",
		"2 accounts not used, 1 unknown",
		"1 key past due, of 11",
	}
	if diff := cmp.Diff(want, report.Headline(estate(12))); diff != "" {
		t.Error(diff)
	}
}
