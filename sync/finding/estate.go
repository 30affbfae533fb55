package finding

import (
	"slices"
	"strings"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/usage"
)

// index finds what the platform lists: each account once, although it may be
// listed under its team and under the organization.
type index struct {
	all   []PlatformAccount
	ids   map[rotation.AccountID]int
	names map[string][]int
}

func listing(all []PlatformAccount) *index {
	x := &index{ids: map[rotation.AccountID]int{}, names: map[string][]int{}}
	for _, p := range all {
		i, again := x.ids[p.Account.ID]
		switch {
		case !again || p.Account.ID == "":
			i = len(x.all)
			x.all = append(x.all, p)
			x.ids[p.Account.ID] = i
			x.names[p.Account.Name] = append(x.names[p.Account.Name], i)
		case x.all[i].Account.Scope == "": // the other listing may know more
			x.all[i] = p
		}
	}
	return x
}

// find returns where an account is listed: by its id where that is on record,
// else by its name, scope and team.
func (x *index) find(a rotation.Account, id rotation.AccountID) int {
	if id != "" {
		if i, ok := x.ids[id]; ok {
			return i
		}
		return -1
	}
	for _, i := range x.names[a.Name] {
		b := x.all[i].Account
		sameScope := b.Scope == "" || b.Scope == a.Scope
		sameTeam := a.Scope == rotation.ScopeOrganization || b.Team == "" || b.Team == a.Team
		if sameScope && sameTeam {
			return i
		}
	}
	return -1
}

// listedUnder is the key of Input.Listed for an account.
func listedUnder(a rotation.Account) string {
	if a.Scope == rotation.ScopeOrganization {
		return ""
	}
	return a.Team
}

// Unmanaged returns the accounts that the platform has and nobody wrote down. Where
// the platform does not say what an account is, it may be a person, and is left out.
func (in Input) Unmanaged() []PlatformAccount { return in.unmanaged(listing(in.Platform)) }

func (in Input) unmanaged(platform *index) []PlatformAccount {
	known := make([]bool, len(platform.all))
	mark := func(a rotation.Account, id rotation.AccountID) {
		if i := platform.find(a, id); i >= 0 {
			known[i] = true
		}
	}
	for _, a := range in.Accounts {
		mark(a.Spec.Account, a.Record.Account)
		mark(a.Spec.Account, "") // whatever bears its name is told with it
	}
	for _, l := range in.Left {
		mark(named(l.Account), l.Record.Account)
	}
	var rest []PlatformAccount
	for i, p := range platform.all {
		if !known[i] && p.Account.Scope != "" && in.Listed[listedUnder(p.Account)] {
			rest = append(rest, p)
		}
	}
	return rest
}

// notManaged: it is in the platform, and nobody wrote it down.
func (in Input) notManaged(p PlatformAccount) Finding {
	a := p.Account
	evidence := []string{"W&B lists it with id " + string(a.ID)}
	if n := len(p.Keys); n > 0 {
		evidence = append(evidence, counted(n, "live key"))
	}
	var instances []string
	for _, k := range p.Keys {
		if instance, _, _, _, ok := k.Label.Parts(); ok && !slices.Contains(instances, instance) {
			instances = append(instances, instance)
		}
	}
	if len(instances) > 0 {
		evidence = append(evidence, "by the description of its keys, keyrota "+list(instances, 3)+" made them: it may be managed there")
	}
	switch use := usage.Judge(p.Evidence, usage.Policy{}, in.Now); use.Verdict {
	case usage.Unknown:
		evidence = append(append(evidence, "whether it is used cannot be told"), use.Reasons...)
	case usage.Unused:
		evidence = append(append(evidence, "not used for "+span(in.Now.Sub(use.Last))), use.Reasons...)
	default:
		evidence = append(evidence, use.Reasons...)
	}
	evidence = append(evidence, where(p.Evidence)...)
	lines := []string{"- name: " + scalar(a.Name)}
	switch a.Scope {
	case rotation.ScopeOrganization:
		lines = append(lines, "scope: organization", "default_team: "+scalar(a.Team))
	case rotation.ScopeExternal:
		lines = append(lines, "scope: external", "team: "+scalar(a.Team), "subject: # the sub of its JWT")
	default:
		lines = append(lines, "team: "+scalar(a.Team))
	}
	if a.Scope != rotation.ScopeExternal {
		lines = append(lines, "manage: observe")
	}
	lines = append(lines, "owner: # whom to contact", "purpose: # what it is for")
	return Finding{
		Code: NotManaged, Account: a.Ref, Team: a.Team,
		Title: "is in W&B, and not in the configuration", Evidence: evidence,
		Command: "keyrota validate", Change: "# under accounts:\n" + strings.Join(lines, "\n  "),
	}
}

// named takes a ref apart.
func named(ref rotation.Ref) rotation.Account {
	if _, name, ok := strings.Cut(string(ref), "//"); ok {
		return rotation.Account{Ref: ref, Name: name, Scope: rotation.ScopeOrganization}
	}
	team, name, _ := strings.Cut(string(ref), "/")
	return rotation.Account{Ref: ref, Name: name, Team: team, Scope: rotation.ScopeTeam}
}

// gone reports whether the platform is seen not to have an account that is on
// record, or not to have one of its name.
func (v view) gone() bool {
	a, id := v.Spec.Account, v.Record.Account
	if v.in.Listed[listedUnder(a)] {
		return v.platform.find(a, id) < 0
	}
	l := v.seen.Listing
	return l.Complete && l.AccountsKnown && l.Account == id &&
		(id == "" && len(l.Accounts) == 0 || id != "" && !slices.Contains(l.Accounts, id))
}

// notAtPlatform: it is written down, and the platform has no such account.
func (v view) notAtPlatform() []Finding {
	r := v.Record
	if !v.gone() || v.off() || r.Account == "" && v.managed() && v.Spec.Provision && !v.Spec.Renamed && r.Parked == "" {
		return nil
	}
	f := Finding{
		Code: NotAtPlatform, Title: "is in the configuration, and not in W&B",
		Evidence: []string{"W&B lists no such account"}, Command: v.status(),
	}
	if v.Position != "" {
		f.Evidence = append(f.Evidence, "written at "+v.Position)
	}
	if r.Account != "" {
		f.Title = "W&B has it no more: somebody removed it"
		f.Evidence[0] = "W&B lists no account with the id on record, " + string(r.Account)
		if len(r.Dests) > 0 {
			f.Severity = Page
			f.Broken = "its keys went with it: whoever reads " + destinations(r.Dests) + " has a dead key"
		}
	}
	return one(f)
}

func destinations(all []rotation.Destination) string {
	names := make([]string, 0, len(all))
	for _, d := range all {
		names = append(names, d.String())
	}
	return list(names, 4)
}

// left are the accounts that left the configuration: their keys work on, and
// nobody rotates them.
func (in Input) left(platform *index) []Finding {
	var found []Finding
	for _, l := range in.Left {
		a := named(l.Account)
		f := Finding{
			Code: LeftUnattended, Account: l.Account, Team: a.Team, Since: l.Record.Left,
			Title:    "left the configuration, and its keys still work",
			Evidence: []string{"out of the configuration since " + moment(l.Record.Left)},
			Command:  "keyrota status " + string(l.Account),
		}
		if n := len(l.Record.Dests); n > 0 {
			f.Evidence = append(f.Evidence, "its key is still in "+destinations(l.Record.Dests))
		}
		if last := latest(l.Evidence); !last.IsZero() {
			f.Evidence = append(append(f.Evidence, "last use seen on "+date(last)), where(l.Evidence)...)
		}
		if in.Listed[listedUnder(a)] && platform.find(a, l.Record.Account) < 0 {
			f.Severity, f.Title = Report, "left the configuration, and W&B has it no more"
			f.Do, f.Command = "Nothing is left to rotate. Give its record up.", "keyrota forget "+string(l.Account)
		} else if l.Record.Emergency() {
			found = append(found, Finding{
				Code: LeakStalled, Account: l.Account, Team: a.Team, Since: l.Record.Leak.At,
				Title:    "others may know its keys, and it left the configuration",
				Broken:   "others may use its keys",
				Evidence: []string{"no key of an account that is not in the configuration is replaced or deleted"},
				Do:       "Put it back into the configuration, and have the daemon load it.", Command: f.Command,
			})
		}
		found = append(found, f)
	}
	return found
}

func latest(e usage.Evidence) time.Time {
	var last time.Time
	for _, t := range e.Traces {
		last = later(last, t.Last)
	}
	return last
}
