package history

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The settings that Config writes, and that what is true is measured by.
const (
	UnusedAfter  = 45 * day
	ProposeAfter = 90 * day
	ReviewEvery  = 365 * day
)

// Setting is where a history's accounts are and where their keys go.
type Setting struct {
	URL      string               // of the sandbox
	AdminKey string               // a reference, such as env:WANDB_ADMIN_KEY
	Stores   string               // the block below stores:, in flow style
	Deliver  func(Truth) []string // its destinations
	// Bare leaves out what only people know of an account's use: rhythm, Weave, projects, the environment of its jobs.
	Bare bool
}

// Config is the text of a configuration of the history's accounts, with what is amiss in it.
func (h *History) Config(s Setting) string {
	var b strings.Builder
	fmt.Fprintf(&b, "instance: %s\nledger: ledger.db\nlisten: off\n", Instance)
	fmt.Fprintf(&b, "wandb: {url: %q, organization: %s, admin_key: %q}\nstores: %s\n", s.URL, Organization, s.AdminKey, s.Stores)
	b.WriteString("defaults: {every: 90d, overlap: 7d, unused_after: 45d, propose_quarantine_after: 90d, review_every: 365d}\naccounts:\n")
	for _, a := range h.accounts {
		if a.Managed {
			h.write(&b, a, s)
		}
	}
	return b.String()
}

func (h *History) write(b *strings.Builder, a *account, s Setting) {
	fmt.Fprintf(b, "  - name: %q\n", a.Name)
	line := func(format string, values ...any) { fmt.Fprintf(b, "    "+format+"\n", values...) }
	if a.Ref == a.Team+"/"+a.Name {
		line("team: %s", a.Team)
	}
	if !a.aimless {
		line("purpose: %q", "runs "+a.Name)
	}
	if !a.ownerless {
		line("owner: %q", address(lead(a.Team)))
	}
	reviewed := h.Now.Add(-60 * day)
	if a.unreviewed {
		reviewed = h.Now.Add(-ReviewEvery - 60*day)
	}
	line("reviewed: %s", reviewed.Format("2006-01-02"))
	line("used_by: [%s]", strings.Join(a.usedBy, ", "))
	for _, setting := range a.settings {
		line("%s", setting)
	}
	if !s.Bare {
		for _, known := range a.known {
			line("%s", known)
		}
		line("env:")
		for _, name := range slices.Sorted(maps.Keys(a.env)) {
			line("  %s: %q", name, a.env[name])
		}
	}
	line("deliver:")
	for _, d := range s.Deliver(a.Truth) {
		line("  - %q", d)
	}
}
