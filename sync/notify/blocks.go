package notify

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/keyrota/keyrota/sync/finding"
)

// slackMessage is a message of blocks.
type slackMessage struct {
	Channel     string       `json:"channel,omitempty"`
	Text        string       `json:"text"` // what a notification and a screen reader show
	Blocks      []slackBlock `json:"blocks"`
	UnfurlLinks bool         `json:"unfurl_links"`
	UnfurlMedia bool         `json:"unfurl_media"`
}

// slackBlock is a block of the kinds header, section, context and divider.
type slackBlock struct {
	Type     string            `json:"type"`
	Text     *slackTextObject  `json:"text,omitempty"`
	Elements []slackTextObject `json:"elements,omitempty"`
}

// slackTextObject is a text, plain or with Slack's marks.
type slackTextObject struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// What Slack takes, as docs.slack.dev says under "Blocks": 50 blocks, 150
// characters of a header, 3000 of a section. What all blocks may come to is not
// documented; messages of more than about 11,000 characters were refused with
// msg_blocks_too_long (github.com/slackapi/bolt-js, issues 2509 and 2867). So
// there is a good bit to spare.
const (
	slackShown  = 5 // findings in full: a chat is read in passing
	slackHeader = 150
	slackAll    = 9500 // all blocks, in bytes of JSON
	slackAlerts = 6000 // of those, the findings that are shown in full
	slackList   = 2900 // characters of a list
	slackRest   = 1200 // and of the list of findings that are not shown in full
	slackTitle  = 250  // and, escaped, of a title,
	slackName   = 120  // a name,
	slackLine   = 200  // a line,
	slackText   = 400  // and a few sentences: all of one finding come to less than a section takes
)

// slackify writes a digest as a Slack message.
func slackify(d digest, instance string) slackMessage {
	title := d.headline()
	m := slackMessage{Text: escape(clip("keyrota "+instance+": "+title, slackText))}
	m.add(slackBlock{Type: "header", Text: &slackTextObject{"plain_text", clip(slackMark(d)+" "+title, slackHeader)}})
	from := "keyrota · instance *" + escape(instance) + "*"
	if standing := d.standing(); standing != "" {
		from += " · " + standing
	}
	m.add(slackBlock{Type: "context", Elements: []slackTextObject{{"mrkdwn", from}}})
	d = escaped(d)
	m.alerts(d.Alerts(), title, d.Link)
	list := func(mark, what string, lines []string) {
		if len(lines) > 0 {
			m.listed(mark+" *"+what+"*", lines, slackList)
		}
	}
	list("✅", "Over", over(d.Healed))
	list("✅", "Came and went while nobody could be told", cameAndWent(d.Passed, shortClock))
	list("💬", "Acknowledged", known(d.Acknowledged, clock))
	for _, r := range d.Reports {
		text := "*" + r.Title + "*"
		if r.Link != "" {
			text += "\n" + link(r.Link, "Open the report")
		}
		m.listed(text, r.Lines, slackList)
	}
	var events []string
	for _, e := range d.Events {
		events = append(events, e.sentence())
	}
	list("🔑", "What happened", events)
	return m
}

// slackMark shows at a glance how urgent it is.
func slackMark(d digest) string {
	alerts := d.Alerts()
	switch {
	case len(alerts) > 0:
		return slackDot(alerts[0].Severity)
	case len(d.Healed)+len(d.Passed) > 0:
		return "✅"
	case len(d.Events) > 0:
		return "🔑"
	}
	return "📋"
}

func slackDot(s finding.Severity) string {
	switch s {
	case finding.Page:
		return "🚨"
	case finding.Ticket:
		return "🔶"
	}
	return "🔹"
}

func (m *slackMessage) add(b slackBlock) { m.Blocks = append(m.Blocks, b) }

func (m *slackMessage) section(text string) {
	m.add(slackBlock{Type: "section", Text: &slackTextObject{"mrkdwn", text}})
}

// size is what the blocks come to.
func (m *slackMessage) size() int {
	encoded, _ := json.Marshal(m.Blocks) // texts can be encoded
	return len(encoded)
}

// alerts shows the first findings in full, as many as there is room for, and
// counts the others and names some. title is that of the message, which need not be repeated.
func (m *slackMessage) alerts(items []alert, title, report string) {
	shown := 0
	for _, i := range items {
		before := len(m.Blocks)
		m.add(slackBlock{Type: "divider"})
		m.section(slackAlert(i, escape(clip(title, slackHeader-2)) != i.full()))
		if shown == slackShown || shown > 0 && m.size() > slackAlerts {
			m.Blocks = m.Blocks[:before]
			break
		}
		shown++
	}
	if rest := items[shown:]; len(rest) > 0 {
		all := "`keyrota report` lists them all."
		if report != "" {
			all = link(report, "Open the report")
		}
		var lines []string
		for _, i := range rest {
			lines = append(lines, i.full())
		}
		m.add(slackBlock{Type: "divider"})
		m.listed(fmt.Sprintf("*and %d more:* %s\n%s", len(rest), clip(others(rest), slackText), all), lines, slackRest)
	}
}

// listed adds lines below a title, as many as there is room for.
func (m *slackMessage) listed(title string, lines []string, most int) {
	const tail = 30 // of "and N more"
	room := min(most, max(0, slackAll-m.size())-len(title)) - tail
	text := title
	for n, l := range lines {
		next := "\n• " + l
		if room -= len(next); room < 0 {
			text += fmt.Sprintf("\nand %d more", len(lines)-n)
			break
		}
		text += next
	}
	m.section(text)
}

// slackAlert shows one finding. titled says that the message's header is not its
// title.
func slackAlert(i alert, titled bool) string {
	var b strings.Builder
	line := func(format string, args ...any) {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, format, args...)
	}
	if titled {
		line("%s *%s*", slackDot(i.Severity), i.Title)
	}
	if i.News != "new" {
		line("_%s_", i.News)
	}
	if where := i.where(slackDay); len(where) > 0 {
		line("%s", strings.Join(where, " · "))
	}
	for _, e := range i.Evidence[:min(len(i.Evidence), 3)] {
		line("• %s", e)
	}
	line("*Broken now:* %s", i.brokenNow())
	if safe := i.safeUntil(slackClock); safe != "" {
		line("*Safe until:* %s", safe)
	}
	if i.Do != "" {
		line("*Do:* %s", i.Do)
	}
	if i.Command != "" {
		line("```%s```", strings.ReplaceAll(i.Command, "`", "'"))
	}
	line("%s", codeAndPage(i.Item))
	return b.String()
}

func codeAndPage(i Item) string {
	page := link(i.Runbook, "runbook")
	code := "`" + strings.ReplaceAll(fit(string(i.Code), slackName), "`", "'") + "`"
	if page == "" {
		return code
	}
	return code + " · " + page
}

func over(items []Item) []string {
	var lines []string
	for _, i := range items {
		lines = append(lines, i.full())
	}
	return lines
}

func cameAndWent(all []passed, clock func(time.Time) string) []string {
	var lines []string
	for _, p := range all {
		lines = append(lines, p.words(clock))
	}
	return lines
}

func known(items []Item, clock func(time.Time) string) []string {
	var lines []string
	for _, i := range items {
		lines = append(lines, i.known(clock))
	}
	return lines
}

// slackClock has Slack show a time in the time zone of whoever reads it.
func slackClock(t time.Time) string {
	return fmt.Sprintf("<!date^%d^{date_short_pretty} {time}|%s>", t.Unix(), clock(t))
}

// shortClock is for lists, in which there are many.
func shortClock(t time.Time) string { return t.UTC().Format("2 Jan 15:04 MST") }

func slackDay(t time.Time) string {
	return fmt.Sprintf("<!date^%d^{date_short_pretty}|%s>", t.Unix(), t.UTC().Format("2 Jan 2006"))
}

// escape is what Slack asks for of text that is not its own marks.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// fit escapes a text and bounds it, in characters after that.
func fit(s string, most int) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		part := escape(string(r))
		if n += len([]rune(part)); n >= most {
			return strings.TrimRight(b.String(), " ") + "…"
		}
		b.WriteString(part)
	}
	return b.String()
}

// escaped bounds and escapes all texts of others, so that what is put around
// them are the only marks.
func escaped(d digest) digest {
	for _, items := range []*[]Item{&d.Raised, &d.Changed, &d.Reminded, &d.Healed, &d.Acknowledged} {
		*items = slices.Clone(*items)
		for n := range *items {
			escapeItem(&(*items)[n])
		}
	}
	d.Passed = slices.Clone(d.Passed)
	for n := range d.Passed {
		escapeItem(&d.Passed[n].Item)
	}
	d.Events = slices.Clone(d.Events)
	for n, e := range d.Events {
		d.Events[n].Account, d.Events[n].Text = fit(e.Account, slackName), fit(e.Text, slackText)
	}
	d.Reports = slices.Clone(d.Reports)
	for n, r := range d.Reports {
		d.Reports[n].Title, d.Reports[n].Lines = fit(r.Title, slackTitle), slices.Clone(r.Lines)
		for k, l := range r.Lines {
			d.Reports[n].Lines[k] = fit(l, slackText)
		}
	}
	return d
}

func escapeItem(i *Item) {
	for _, bound := range []struct {
		text *string
		most int
	}{
		{&i.Title, slackTitle}, {&i.Account, slackName}, {&i.Subject, slackName}, {&i.Owner, slackName},
		{&i.Do, slackText}, {&i.Broken, slackText}, {&i.Command, slackTitle},
	} {
		*bound.text = fit(*bound.text, bound.most)
	}
	i.Evidence = slices.Clone(i.Evidence)
	for n, e := range i.Evidence {
		i.Evidence[n] = fit(e, slackLine)
	}
	if a := i.Acknowledged; a != nil {
		i.Acknowledged = &Acknowledgement{a.Until, fit(a.Reason, slackText), fit(a.By, slackName)}
	}
}

// link is a link, or the bare text of what people cannot open.
func link(to, text string) string {
	clean := strings.NewReplacer("|", "%7C", "<", "%3C", ">", "%3E", "&", "&amp;", " ", "%20").Replace(to)
	if !openable(to) || len(clean) > slackText || strings.ContainsFunc(clean, unicode.IsControl) {
		return fit(to, slackTitle)
	}
	return "<" + clean + "|" + text + ">"
}

// openable says whether people can open it.
func openable(address string) bool {
	rest, ok := strings.CutPrefix(address, "https://")
	if !ok {
		rest, ok = strings.CutPrefix(address, "http://")
	}
	return ok && rest != ""
}
