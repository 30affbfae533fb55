package config

import (
	"fmt"
	"maps"
	"slices"
)

// checkTeam checks one team and that some account is in it.
func (r resolver) checkTeam(path, name string) {
	if !accountName.MatchString(name) {
		r.errorAt(path, "not the name of a team", "write it as in the address of the team's page")
		return
	}
	var used []string
	for _, a := range r.doc.Accounts {
		used = append(used, a.Team, a.DefaultTeam)
	}
	used = slices.DeleteFunc(used, func(t string) bool { return t == "" || !accountName.MatchString(t) })
	if !slices.Contains(used, name) {
		hint := "check its name, or remove it"
		if near := nearest(name, used); near != "" && speakable(near) {
			hint = "did you mean " + near + "?"
		}
		r.warnAt(path, "no account is in this team", hint)
	}
}

// checkAccounts finds repeated accounts, and tells what W&B advises about
// service accounts (W&B docs, Service accounts, best practices).
func (r resolver) checkAccounts(c *Config) {
	if len(c.Accounts) == 0 && len(r.problems.Errors()) == 0 {
		r.warnAt("accounts", "there are no accounts, so there is nothing to do", "add accounts:")
	}
	if w := c.WriteDeadline; r.doc.Defaults.WriteDeadline != nil && w < defaultWriteDeadline {
		r.warnAt("defaults.write_deadline", "a write that lands later than this can bring a deleted key back", "leave it at "+FormatDuration(defaultWriteDeadline)+" outside of demonstrations")
	}
	r.adviseBoth(c)
	first, nameProblem := map[string]Account{}, c.NameProblem()
	for _, a := range c.Accounts {
		path := a.path
		if a.Name == "" || a.Scope == "" {
			continue // told as missing
		}
		if other, ok := first[a.Ref]; ok {
			r.errorAt(path+".name", fmt.Sprintf("the same account as %s at %s", other.Pos.Path, other.Pos.from(a.Pos)), "write each account once, with all its destinations")
			continue
		}
		first[a.Ref] = a
		if problem := nameProblem(a.Name); problem != "" {
			hint := "name it by its use case, like ci-model-training or nightly-eval-pipeline"
			if c.NamePattern != "" {
				hint = "name it as written there"
			}
			r.warnAt(path+".name", problem, hint)
		}
		if a.Purpose == "" {
			r.warnAt(path, "purpose is missing", "add purpose:, what the account is for")
		}
		if a.Owner == "" {
			r.warnAt(path, "owner is missing", "add owner:, whom to contact")
		}
		if a.Scope == ScopeOrganization && a.Reason == "" {
			r.warnAt(path, "organization scope reaches every team, and no reason is given", "add reason:, or use a team's account")
		}
		if s := a.Schedule; a.Manage == Rotate && s.Every > 0 && s.Every <= a.Overlap {
			r.warnAt(path, fmt.Sprintf("a key is due after %s, but rotates only once the last one is gone, after an overlap of %s", FormatDuration(s.Every), FormatDuration(a.Overlap)), "write a longer every: or a shorter overlap:")
		}
	}
}

// StoreNames lists the names of the stores that are written under stores:,
// sorted.
func (c *Config) StoreNames() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(c.Stores)), func(name string) bool { return c.Stores[name].Base != "" })
}
