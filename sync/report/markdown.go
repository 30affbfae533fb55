package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/keyrota/keyrota/sync/finding"
)

// page is a Markdown document that is being written, in GitHub's flavour. Text of
// others is quoted where it could be markup.
type page struct{ strings.Builder }

func (p *page) line(format string, args ...any) {
	_, _ = fmt.Fprintf(p, format+"\n", args...)
}

func (doc *document) markdown() []byte {
	var p page
	p.line("# Service accounts and their keys: %s", text(doc.Instance))
	p.line("")
	p.line("Made %s by keyrota %s.", doc.atTime(&doc.Made), doc.Version)
	p.line("")
	for _, n := range doc.numbers() {
		p.line("- %s", n)
	}
	if len(doc.Unseen) > 0 {
		p.line("\nNot seen:")
		p.line("")
		for _, words := range doc.Unseen {
			p.line("- %s", doc.prose(words))
		}
	}
	if doc.Findings != nil {
		doc.findingsMarkdown(&p)
	}
	if doc.Unused != nil {
		doc.unusedMarkdown(&p)
	}
	if doc.Inventory != nil {
		doc.inventoryMarkdown(&p)
	}
	if doc.Rotations != nil {
		doc.rotationsMarkdown(&p)
	}
	return []byte(p.String())
}

func (doc *document) findingsMarkdown(p *page) {
	p.line("\n## Findings")
	urgencies := doc.urgencies()
	if len(urgencies) == 0 {
		p.line("\nNothing needs a person.")
	}
	for _, u := range urgencies {
		p.line("\n### %s (%s, %d)", u.Title, u.Severity, u.Count)
		for _, k := range u.Kinds {
			p.line("\n**%s** `%s`%s", text(k.Title), k.Code, prefixed(" · ", text(strings.Join(k.Sources, ", "))))
			about := []string{doc.prose(k.Why), doc.prose(k.Common), doc.prose(k.Do), code(k.Command)}
			if words := strings.Join(slices.DeleteFunc(about, func(s string) bool { return s == "" }), " "); words != "" {
				p.line("\n%s", words)
			}
			if k.Change != "" {
				p.line("")
				p.block("", k.Change)
			}
			p.line("")
			for _, f := range k.Findings {
				doc.findingMarkdown(p, f)
			}
		}
	}
}

func (doc *document) findingMarkdown(p *page, f findingView) {
	line := "- " + code(f.Account)
	if f.Account != "" && f.Title != "" {
		line += ": "
	}
	line += doc.prose(f.Title)
	if f.Since != nil {
		line += ", since " + doc.onDate(f.Since)
	}
	p.line("%s%s", line, prefixed(" · ", text(f.Owner)))
	for _, words := range f.Evidence {
		p.line("  - %s", doc.prose(words))
	}
	if f.Broken != "" {
		p.line("  - **Broken now:** %s", doc.prose(f.Broken))
	} else if f.Severity == string(finding.Page) {
		p.line("  - Nothing is broken now.")
	}
	if f.SafeUntil != nil {
		p.line("  - **Safe until** %s", doc.atTime(f.SafeUntil))
	}
	if f.Do != "" || f.Command != "" {
		p.line("  - %s%s", doc.prose(f.Do), prefixed(" ", code(f.Command)))
	}
	p.block("  ", f.Change)
}

// block quotes lines of configuration.
func (p *page) block(indent, lines string) {
	if lines == "" {
		return
	}
	fence := strings.Repeat("`", max(3, longestRun(lines)+1))
	p.line("%s%syaml", indent, fence)
	for line := range strings.Lines(lines) {
		p.line("%s%s", indent, strings.TrimSuffix(line, "\n"))
	}
	p.line("%s%s", indent, fence)
}

func (doc *document) unusedMarkdown(p *page) {
	p.line("\n## Unused accounts")
	p.line("\n%s %s", evidenceNote, doc.asOf())
	if len(doc.Unused) == 0 {
		p.line("\n%s", doc.allUsed())
		return
	}
	for _, section := range doc.useSections() {
		p.line("\n### %s (%d)", section.Title, len(section.Rows))
		p.line("\n%s%s\n", section.Lead, prefixed(" ", doc.prose(section.Common)))
		p.line("| account | last used | owner | evidence |")
		p.line("|---|---|---|---|")
		for _, u := range section.Rows {
			p.row(code(u.Account)+u.notManaged(), doc.lastUsed(u), text(u.Owner), doc.prose(strings.Join(u.Evidence, "; ")))
		}
	}
}

func (doc *document) inventoryMarkdown(p *page) {
	v := doc.Inventory
	p.line("\n## Accounts")
	p.line("\n%s", doc.managedWords())
	if len(v.Accounts) > 0 {
		p.line("\n| account | purpose | used by | contact | key | use |")
		p.line("|---|---|---|---|---|---|")
		for _, a := range v.Accounts {
			p.row(code(a.Account)+prefixed("<br>", a.note()), text(a.Purpose), strings.Join(texts(append(a.UsedBy, a.Destinations...)), "<br>"),
				text(a.Owner), doc.keyWords(a), doc.useWords(a.used))
		}
	}
	if len(v.NotManaged) > 0 {
		p.line("\n### Not managed (%d)\n", len(v.NotManaged))
		p.line("| account | keys | use |")
		p.line("|---|---|---|")
		for _, a := range v.NotManaged {
			p.row(code(a.Account), number(a.Keys), doc.useWords(a.used))
		}
	}
	if len(v.Left) > 0 {
		p.line("\n### Left the configuration (%d)\n", len(v.Left))
		for _, l := range v.Left {
			p.line("- %s%s", code(l.Account), prefixed(", since ", doc.onDate(l.Since)))
		}
	}
	if len(v.Exceptions) > 0 {
		p.line("\n### Exceptions (%d)\n", len(v.Exceptions))
		p.line("| finding | account | until | reason | by |")
		p.line("|---|---|---|---|---|")
		for _, f := range v.Exceptions {
			p.row("`"+f.Code+"` "+doc.prose(f.Title), code(f.Account), doc.onDate(f.Acknowledged.Until), text(f.Acknowledged.Reason), text(f.Acknowledged.By))
		}
	}
}

func (doc *document) rotationsMarkdown(p *page) {
	v := doc.Rotations
	p.line("\n## Rotation record")
	p.line("\n%s", doc.period())
	p.line("\n%s", v.sums())
	if len(v.Rotations) > 0 {
		p.line("\n| account | edition | key | offered | agreed | replaced key deleted | why |")
		p.line("|---|---|---|---|---|---|---|")
		for _, r := range v.Rotations {
			p.row(code(r.Account), fmt.Sprint(r.Edition), code(r.Key), doc.atTime(r.Offered), doc.atTime(r.Agreed),
				doc.deletions(r, "<br>"), doc.prose(r.Words()))
		}
	}
	if len(v.Events) > 0 {
		p.line("\n### Besides routine (%d)\n", len(v.Events))
		p.line("| time | account | event | by |")
		p.line("|---|---|---|---|")
		for _, e := range v.Events {
			p.row(doc.atTime(&e.Time), code(e.Account), doc.prose(e.Words), text(e.By))
		}
	}
	p.line("\n### Proof\n")
	p.line("%s", v.Chain.words())
	if v.Chain.Seq > 0 {
		p.line("\n```sh\n%s\n```", v.Chain.Proof)
	}
}

func (p *page) row(cells ...string) {
	for i, c := range cells {
		cells[i] = cell(c)
	}
	p.line("| %s |", strings.Join(cells, " | "))
}

// cell keeps a text within its cell: a bar in it is escaped, also where a
// backslash stands before it, which would escape that of ours.
func cell(s string) string {
	var b strings.Builder
	odd := false
	for _, r := range strings.ReplaceAll(s, "\n", " ") {
		if r == '|' {
			if odd {
				b.WriteByte('\\')
			}
			b.WriteByte('\\')
		}
		odd = r == '\\' && !odd
		b.WriteRune(r)
	}
	return b.String()
}

// text quotes what would be markup. What is none is left as it is, since people
// read this on terminals too.
func text(s string) string {
	var b strings.Builder
	for i, part := range quoted(s) {
		if i%2 == 1 {
			b.WriteString(code(part))
		} else {
			b.WriteString(escaped(part))
		}
	}
	return b.String()
}

func escaped(s string) string {
	return strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "<", "&lt;", "[", `\[`, "](", `\](`, "~~", `\~~`, "__", `\__`, "\n", " ", "\r", " ").Replace(s)
}

// prose is text in which times are written as those beside them.
func (doc *document) prose(s string) string { return text(doc.dated(s)) }

func texts(all []string) []string {
	safe := make([]string, 0, len(all))
	for _, s := range all {
		safe = append(safe, text(s))
	}
	return safe
}

// code quotes a name or a command: between more backquotes than it has in a row
// nothing in it means anything (CommonMark 0.31, 6.1).
func code(s string) string {
	if s == "" {
		return ""
	}
	s = strings.ReplaceAll(s, "\n", " ")
	quotes := strings.Repeat("`", longestRun(s)+1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return quotes + s + quotes
}

// longestRun counts the most backquotes in a row.
func longestRun(s string) int {
	longest, run := 0, 0
	for _, r := range s {
		if r == '`' {
			run++
			longest = max(longest, run)
		} else {
			run = 0
		}
	}
	return longest
}

// prefixed puts something before a text that is there.
func prefixed(before, s string) string {
	if s == "" {
		return ""
	}
	return before + s
}
