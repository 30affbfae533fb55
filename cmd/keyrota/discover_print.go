package main

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode"
)

// printDiscovery writes what was found in the form that was asked for: a
// proposal, or the table or the document of it.
func (a *app) printDiscovery(v discoveryView) error {
	if a.output == "" || a.output == outputYAML {
		_, err := io.WriteString(a.stdout, proposal(v))
		return err
	}
	return a.print(v, func(w io.Writer) { a.discoveryTable(w, v) })
}

// proposal is a configuration of the accounts that were found, for a person to
// read, and for the loader as it is.
func proposal(v discoveryView) string {
	p := &page{}
	p.comment("", "Proposed by keyrota discover, which changed nothing. It looked at:")
	for _, s := range v.Sources {
		p.comment("  ", fmt.Sprintf("%s:%s, %s", s.Store, s.Prefix, count(s.Secrets, "secret")))
	}
	p.comment("", "Put the accounts into the configuration and see keyrota validate and keyrota plan. manage: observe "+
		"watches and writes nothing; rotate is the second step. Who reads a secret cannot be seen from here: ask, "+
		"and write it as used_by:, with purpose: and owner:, before an account rotates.")
	p.of(v, resultProposed, func(a discoveredView) { p.account(a) })
	if len(p.accounts) == 0 {
		p.line("accounts: []")
	} else {
		p.line("accounts:")
		p.lines = append(p.lines, p.accounts...)
	}
	p.section("Once an account says manage: rotate, this takes over its key and its secrets by name; add as --take PLACE what "+
		"you uncomment, and what another tool has let go of. How old the key is nobody knows, so it is replaced as soon as the "+
		"window is open, and works until the overlap is over:", func() {
		p.of(v, resultProposed, p.adoption)
	})
	p.section("Accounts of which the platform, or their name, leaves open how to write them:", func() {
		p.of(v, resultUndecided, p.undecided)
	})
	p.section("Keys of people, which no job should use:", func() { p.of(v, resultPersonal, p.keys) })
	p.section("In the configuration already:", func() { p.of(v, resultConfigured, p.keys) })
	p.section("Keys that do not work:", func() { p.places(v.Dead) })
	p.section("What may be a key, and could not be asked about:", func() { p.places(v.Unknown) })
	p.section("Secrets that could not be read:", func() {
		for _, u := range v.Unread {
			p.comment("  ", u.Secret+": "+u.Why)
		}
	})
	p.section("Not listed completely:", func() {
		for _, s := range v.Sources {
			if s.Why != "" {
				p.comment("  ", fmt.Sprintf("%s:%s: %s", s.Store, s.Prefix, s.Why))
			}
		}
	})
	return strings.Join(p.lines, "\n") + "\n"
}

// page is a proposal as it grows.
type page struct{ lines, accounts []string }

func (p *page) line(text string) { p.lines = append(p.lines, text) }

// comment adds a comment, whatever is in the text.
func (p *page) comment(indent, text string) { p.lines = append(p.lines, comment("", indent, text)...) }

// pageWidth is how wide a comment may be, in characters.
const pageWidth = 100

// comment writes text as a comment, over as many lines as it needs: before is
// what stands before its #, and indent what stands after.
func comment(before, indent, text string) []string {
	lines := wrap(oneLine(text), pageWidth-len(before+indent))
	for i := range lines {
		lines[i] = before + "# " + indent + lines[i]
		if i == 0 && indent != "" {
			indent += "  "
		}
	}
	return lines
}

func (p *page) of(v discoveryView, result string, write func(discoveredView)) {
	for _, a := range v.Accounts {
		if a.Result == result {
			write(a)
		}
	}
}

// section writes a part with its title, unless there is nothing in it.
func (p *page) section(title string, write func()) {
	before := len(p.lines)
	write()
	if part := p.lines[before:]; len(part) > 0 {
		head := append([]string{""}, comment("", "", title)...)
		p.lines = append(p.lines[:before:before], append(head, part...)...)
	}
}

// account writes an account, with a word on its keys before it, and on its
// places beside them.
func (p *page) account(a discoveredView) {
	for _, k := range a.Keys {
		text := "key " + k.name()
		if n := len(k.Places); n > 1 {
			text += fmt.Sprintf(" is in %d places: see examples/bring-in if these are several jobs", n)
		}
		p.accounts = append(p.accounts, comment("  ", "", text)...)
	}
	if n := len(a.Keys); n > 1 {
		p.accounts = append(p.accounts, comment("  ", "", fmt.Sprintf("%d keys of one account are in use: once it rotates, all places hold the same", n))...)
	}
	p.accounts = append(p.accounts, accountLines(a.Name, a.owner, nil)...)
	p.accounts = append(p.accounts, deliverLines(a.lines)...)
}

// adoption writes the command that takes over an account, for a shell, without
// what seems to be someone else's.
func (p *page) adoption(a discoveredView) {
	flag, text := " --from ", "keyrota adopt "+quote(a.Ref)
	for i, l := range a.lines {
		if l.why == "" && !l.kept {
			text += flag + quote(a.found[i].at.String())
			flag = " --take "
		}
	}
	if flag == " --take " && oneLine(text) == text {
		p.line("#   " + text)
	}
}

// quote writes an argument for a shell.
func quote(text string) string {
	if plainArgument.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

var plainArgument = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=,-]+(#[A-Za-z0-9_./:@%+=,-]+)?$`)

// deliverLines writes destinations: those that a person must decide as comments.
func deliverLines(lines []line) []string {
	var active, open []string
	for _, l := range lines {
		text := "- " + oneLine(l.text)
		if l.read != "" {
			text += "   # last read " + l.read
		}
		if l.why != "" {
			open = append(append(open, comment("      ", "", l.why+":")...), "      # "+text)
			continue
		}
		if l.note != "" {
			active = append(active, comment("      ", "", l.note+":")...)
		}
		active = append(active, "      "+text)
	}
	if len(active) > 0 {
		return append(append([]string{"    deliver:"}, active...), open...)
	}
	if len(open) > 0 {
		return append([]string{"    # deliver:"}, open...)
	}
	return nil
}

// undecided writes an account as comments: what it would be if it were of
// organization scope.
func (p *page) undecided(a discoveredView) {
	p.keys(a)
	owner := a.owner
	if owner.Scope == "" {
		owner.Scope = "organization"
	}
	for _, text := range append(accountLines(a.Name, owner, nil), deliverLines(a.lines)...) {
		p.line("# " + oneLine(text))
	}
}

// keys names an account's keys and where they are.
func (p *page) keys(a discoveredView) {
	whose := cmp.Or(a.Ref, a.Name)
	for _, k := range a.Keys {
		var at []string
		for _, place := range k.Places {
			at = append(at, place.Destination)
		}
		p.comment("  ", fmt.Sprintf("%s (%s), key %s: %s", whose, a.ID, k.name(), strings.Join(at, ", ")))
	}
	if a.Why != "" {
		p.comment("    ", a.Why)
	}
	if a.Result != resultConfigured {
		return
	}
	for _, k := range a.Keys {
		for _, place := range k.Places {
			if place.Why != "" {
				p.comment("    ", place.Destination+": "+place.Why)
			}
		}
	}
}

func (p *page) places(places []placeView) {
	for _, place := range places {
		text := place.where() + ": " + place.Why
		if place.LastRead != "" {
			text += "; last read " + place.LastRead
		}
		p.comment("  ", text)
	}
}

// where is a place with the name of the line in it, for people.
func (v placeView) where() string {
	if v.Name == "" {
		return v.Destination
	}
	return v.Destination + ", " + v.Name
}

// name is a key's id and description, for people.
func (v keyView) name() string {
	switch {
	case v.Key == "":
		return "without an id: the server does not show which of the account's it is"
	case v.Label == "":
		return v.Key
	case strings.HasPrefix(v.Label, "keyrota/"):
		return v.Key + " (made by keyrota)"
	}
	return fmt.Sprintf("%s (%s)", v.Key, v.Label)
}

// oneLine keeps text within its line: a name may hold whatever its maker liked.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}

// discoveryTable prints each place with whose key is there.
func (a *app) discoveryTable(w io.Writer, v discoveryView) {
	var rows [][]string
	add := func(place placeView, key, whose, result, why string) {
		rows = append(rows, []string{oneLine(place.where()), oneLine(key), oneLine(whose), result, oneLine(why)})
	}
	for _, found := range v.Accounts {
		whose := cmp.Or(found.Ref, found.Name)
		for _, k := range found.Keys {
			for _, place := range k.Places {
				why := place.Why
				if why == "" && found.Result != resultConfigured {
					why = found.Why
				}
				add(place, k.Key, whose, found.Result, why)
			}
		}
	}
	for _, place := range v.Dead {
		add(place, "-", "-", "dead", place.Why)
	}
	for _, place := range v.Unknown {
		add(place, "-", "-", "unknown", place.Why)
	}
	for _, u := range v.Unread {
		rows = append(rows, []string{oneLine(u.Secret), "-", "-", "unread", oneLine(u.Why)})
	}
	for _, s := range v.Sources {
		if s.Why != "" {
			rows = append(rows, []string{oneLine(s.Store + ":" + s.Prefix), "-", "-", "unlisted", oneLine(s.Why)})
		}
	}
	a.columns(w, []string{"WHERE", "KEY", "WHOSE", "RESULT", "WHY"}, rows)
}
