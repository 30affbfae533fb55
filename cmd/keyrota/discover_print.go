package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// print writes what was found in the form that was asked for: a proposal, or
// the table or the document of it.
func (d *discovery) print(v discoveryView) error {
	switch d.app.output {
	case outputTable:
		d.table(v)
		return nil
	case outputJSON:
		return d.app.print(v, nil)
	}
	_, err := io.WriteString(d.app.stdout, proposal(v))
	return err
}

// proposal is a configuration of the accounts that were found, for a person to
// read, and for the loader as it is.
func proposal(v discoveryView) string {
	p := &page{}
	p.comment("", "Proposed by keyrota discover, which changed nothing. It looked at:")
	for _, s := range v.Sources {
		p.comment("  ", fmt.Sprintf("%s:%s, %s", s.Store, s.Prefix, count(s.Secrets, "secret")))
	}
	p.comment("", "Put the accounts into the configuration and see keyrota validate and keyrota plan. manage: observe")
	p.comment("", "watches and writes nothing; rotate is the second step. Who reads a secret cannot be seen from here: ask,")
	p.comment("", "and write it as used_by:, with purpose: and owner:, before an account rotates.")
	p.of(v, resultProposed, func(a discoveredView) { p.account(a) })
	if len(p.accounts) == 0 {
		p.line("accounts: []")
	} else {
		p.line("accounts:")
		p.lines = append(p.lines, p.accounts...)
	}
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

// comment adds one line of it, whatever is in the text.
func (p *page) comment(indent, text string) { p.line("# " + indent + oneLine(text)) }

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
		p.lines = append(p.lines[:before:before], append([]string{"", "# " + title}, part...)...)
	}
}

// account writes an account, with a word on its keys before it, and on its
// places beside them.
func (p *page) account(a discoveredView) {
	for _, k := range a.Keys {
		text := "key " + k.name()
		if n := len(k.Places); n > 1 {
			text += fmt.Sprintf(" is in %d places: if these are several jobs, give each an account: see examples/bring-in", n)
		}
		p.accounts = append(p.accounts, "  # "+oneLine(text))
	}
	if n := len(a.Keys); n > 1 {
		p.accounts = append(p.accounts, fmt.Sprintf("  # %d keys of one account are in use: once it rotates, all places hold the same", n))
	}
	p.accounts = append(p.accounts, accountLines(a.Name, a.owner, nil)...)
	p.accounts = append(p.accounts, deliverLines(a.lines)...)
}

// deliverLines writes destinations: those that a person must decide as comments.
func deliverLines(lines []line) []string {
	var active, open []string
	for _, l := range lines {
		if l.why != "" {
			open = append(open, "      # "+oneLine(l.why)+":", "      # - "+oneLine(l.text))
			continue
		}
		if l.note != "" {
			active = append(active, "      # "+oneLine(l.note)+":")
		}
		active = append(active, "      - "+l.text)
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
		p.comment("", oneLine(text))
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
		p.comment("  ", place.where()+": "+place.Why)
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

// table prints each place with whose key is there.
func (d *discovery) table(v discoveryView) {
	var rows [][]string
	add := func(place placeView, key, whose, result, why string) {
		rows = append(rows, []string{oneLine(place.where()), oneLine(key), oneLine(whose), result, oneLine(why)})
	}
	for _, a := range v.Accounts {
		whose := cmp.Or(a.Ref, a.Name)
		for _, k := range a.Keys {
			for _, place := range k.Places {
				why := place.Why
				if why == "" && a.Result != resultConfigured {
					why = a.Why
				}
				add(place, k.Key, whose, a.Result, why)
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
	d.app.columns(d.app.stdout, []string{"WHERE", "KEY", "WHOSE", "RESULT", "WHY"}, rows)
}
