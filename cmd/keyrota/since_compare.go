package main

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/sync/inventory"
)

// The changes by their stable names, in the order in which they are told.
const (
	placeAdded        = "destination.added"
	placeMoved        = "destination.moved"
	storeMoved        = "store.moved"
	storeChanged      = "store.changed"
	storeRemoved      = "store.removed"
	issuerChanged     = "issuer.changed"
	instanceChanged   = "instance.changed"
	ledgerChanged     = "ledger.changed"
	overlapShortened  = "overlap.shortened"
	deadlineShortened = "write_deadline.shortened"
	organizationScope = "scope.organization"
	allowLifted       = "allow.lifted"
	switchedOff       = "state.off"
	jwtKept           = "jwt.kept"

	accountAdded = "account.added"
	accountLeft  = "account.left"
	accountMoved = "account.moved"
	scopeChanged = "scope.changed"

	managed    = "manage.rotate"
	unmanaged  = "manage.observe"
	switchedOn = "state.active"

	scheduleShortened = "schedule.shortened"
	scheduleChanged   = "schedule.changed"
	formatChanged     = "format.changed"
	readerChanged     = "reader.changed"
	placeLeft         = "destination.left"
	limitChanged      = "max_rotations_per_day.changed"

	windowChanged = "window.changed"
	freezeAdded   = "freeze.added"
	freezeRemoved = "freeze.removed"

	allowAdded   = "allow.added"
	allowRemoved = "allow.removed"

	storeAdded     = "store.added"
	settingChanged = "setting.changed"
)

// group is one part of the comparison, with the words that each change in it
// begins with.
type group struct {
	title  string
	names  []string
	labels map[string]string
}

// groups are the parts in their order; the first is what a reviewer must see.
func groups() []group {
	return []group{
		{"Look closely", []string{
			placeAdded, placeMoved, storeMoved, storeChanged, storeRemoved, issuerChanged, instanceChanged, ledgerChanged,
			switchedOff, jwtKept, overlapShortened, deadlineShortened, organizationScope, allowLifted,
		}, map[string]string{
			placeAdded: "New destination", placeMoved: "Destination moves", storeMoved: "Store moves", storeChanged: "Store changes", storeRemoved: "Store is gone",
			issuerChanged: "W&B changes", instanceChanged: "Instance changes", ledgerChanged: "Ledger changes",
			switchedOff: "Switched off", jwtKept: "JWT kept at", overlapShortened: "Shorter overlap", deadlineShortened: "Shorter write_deadline", organizationScope: "Organization scope", allowLifted: "allow: is gone",
		}},
		{"Accounts", []string{accountAdded, accountLeft, accountMoved, scopeChanged}, map[string]string{
			accountAdded: "New account", accountLeft: "Account leaves", accountMoved: "Account moves", scopeChanged: "Scope changes",
		}},
		{"What is managed", []string{managed, unmanaged, switchedOn}, map[string]string{managed: "Rotated", unmanaged: "Observed", switchedOn: "Switched on"}},
		{"Schedules, formats and readers", []string{scheduleShortened, scheduleChanged, formatChanged, readerChanged, placeLeft, limitChanged}, map[string]string{
			scheduleShortened: "Shorter schedule", scheduleChanged: "Schedule changes", formatChanged: "Format changes", readerChanged: "Reader changes",
			placeLeft: "Destination leaves", limitChanged: "max_rotations_per_day",
		}},
		{"Windows and freezes", []string{windowChanged, freezeAdded, freezeRemoved}, map[string]string{
			windowChanged: "Window changes", freezeAdded: "New freeze", freezeRemoved: "Freeze is gone",
		}},
		{"Where teams may deliver", []string{allowAdded, allowRemoved}, map[string]string{allowAdded: "Allowed", allowRemoved: "Allowed no more"}},
		{"The rest", []string{storeAdded, settingChanged}, map[string]string{storeAdded: "New store", settingChanged: "Changes"}},
	}
}

// comparison collects what differs between two configurations.
type comparison struct {
	was, is revision
	changes []changeView
}

// compare returns what differs, in the order of groups; what is the same for
// several accounts is one change.
func compare(was, is revision) []changeView {
	c := &comparison{was: was, is: is}
	c.stores()
	c.general()
	c.allow()
	c.accounts()
	return c.ordered()
}

func (c *comparison) add(name, account, what, was, is, means string) {
	v := changeView{Change: name, What: what, Was: was, Is: is, Means: means}
	if account != "" {
		v.Accounts = []string{account}
	}
	c.changes = append(c.changes, v)
}

// ordered merges and sorts.
func (c *comparison) ordered() []changeView {
	type same struct{ change, what, was, is, means string }
	at := map[same]int{}
	merged := make([]changeView, 0, len(c.changes))
	for _, v := range c.changes {
		key := same{v.Change, v.What, v.Was, v.Is, v.Means}
		i, known := at[key]
		if !known {
			at[key] = len(merged)
			merged = append(merged, v)
			continue
		}
		merged[i].Accounts = append(merged[i].Accounts, v.Accounts...)
	}
	groups := groups()
	for i := range merged {
		v := &merged[i]
		slices.Sort(v.Accounts)
		v.Accounts = slices.Compact(v.Accounts)
		for g, group := range groups {
			if n := slices.Index(group.names, v.Change); n >= 0 {
				v.group, v.label, v.LookClosely = g, n, g == 0
			}
		}
	}
	slices.SortStableFunc(merged, func(a, b changeView) int {
		return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.label, b.label), cmp.Compare(a.What, b.What),
			slices.Compare(a.Accounts, b.Accounts), cmp.Compare(a.Was, b.Was), cmp.Compare(a.Is, b.Is))
	})
	return merged
}

// users returns the accounts that are delivered to a store, or to one derived
// from it.
func (r revision) users(store string) []string {
	var refs []string
	for _, a := range r.Accounts {
		if slices.ContainsFunc(a.Deliver, func(d config.Destination) bool { return d.Store == store || r.Stores[d.Store].Base == store }) {
			refs = append(refs, a.Ref)
		}
	}
	return refs
}

const (
	canaryFirst = "the first rotation over it by schedule is one account alone"
	keysStay    = "keyrota reaches it otherwise; keys stay where they are, and " + canaryFirst + "."
)

func (c *comparison) stores() {
	for _, name := range c.was.StoreNames() {
		if _, stays := c.is.Stores[name]; !stays {
			users, means := c.was.users(name), "What was delivered there can be looked at no more, so no key of these accounts is deleted."
			if len(users) == 0 {
				means = "Nothing was delivered to it."
			}
			c.about(users, storeRemoved, name, "", "", means)
		}
	}
	for _, name := range c.is.StoreNames() {
		is := c.is.Stores[name]
		was, known := c.was.Stores[name]
		if !known {
			c.add(storeAdded, "", name, "", is.Type, "Nothing happens until something is delivered to it.")
			continue
		}
		change, means := storeChanged, keysStay
		if was.Type != is.Type || was.Identity("x") != is.Identity("x") {
			change, means = storeMoved, "Every key is looked for at the new address and written there, without a rotation; what is at the old address stays there unseen. Then "+canaryFirst+"."
		}
		if was.Type != is.Type {
			c.about(c.is.users(name), change, name+".type", was.Type, is.Type, means)
		}
		c.settings(was.Settings(), is.Settings(), func(path, was, is string) {
			change, means := change, means
			if strings.HasPrefix(path, "auth") || strings.HasPrefix(path, "tls") {
				change, means = storeChanged, keysStay
			}
			if path != "type" {
				c.about(c.is.users(name), change, name+"."+path, was, is, means)
			}
		})
	}
}

// about adds one change for many accounts; for none it is one all the same.
func (c *comparison) about(accounts []string, name, what, was, is, means string) {
	c.add(name, "", what, was, is, means)
	c.changes[len(c.changes)-1].Accounts = slices.Clone(accounts)
}

// settings tells what differs between two sets of settings.
func (*comparison) settings(was, is map[string]string, tell func(path, was, is string)) {
	paths := maps.Clone(was)
	maps.Copy(paths, is)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		if was[path] != is[path] {
			tell(path, was[path], is[path])
		}
	}
}

// withoutPassword is the place of a ledger as everybody may read it: of a URL
// the host and the database.
func withoutPassword(at string) string {
	u, err := url.Parse(at)
	switch {
	case err != nil:
		return "a URL"
	case u.Scheme == "":
		return at
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// general compares what holds for all accounts.
func (c *comparison) general() {
	was, is := c.was, c.is
	for _, s := range []struct{ change, what, was, is, means string }{
		{issuerChanged, "wandb.url", was.WandB.URL, is.WandB.URL, "Every account and key is looked for at another server."},
		{issuerChanged, "wandb.organization", was.WandB.Organization, is.WandB.Organization, "Accounts are looked for in another organization."},
		{issuerChanged, "wandb.admin_key", was.WandB.AdminKey.String(), is.WandB.AdminKey.String(), "keyrota acts with another credential; without one it creates no account."},
		{issuerChanged, "wandb.user_agent", was.WandB.UserAgent, is.WandB.UserAgent, "keyrota names itself otherwise to the server."},
		{instanceChanged, "instance", was.Instance, is.Instance, "Refused where keys were made under the old name: it is in every label and mark."},
		{ledgerChanged, "ledger", withoutPassword(was.Ledger), withoutPassword(is.Ledger), "Another ledger knows nothing of these accounts unless it was moved there."},
		{limitChanged, "", was.MaxRotations.String(), is.MaxRotations.String(), fmt.Sprintf("At most %s by schedule begin in 24 hours.", count(is.RotationLimit(), "rotation"))},
		{settingChanged, "listen", was.Listen, is.Listen, "Takes a restart."},
		{settingChanged, "sweep_every", config.FormatDuration(was.SweepEvery), config.FormatDuration(is.SweepEvery), "How often the daemon looks at all accounts."},
		{settingChanged, "workers", fmt.Sprint(was.Workers), fmt.Sprint(is.Workers), "How many accounts are worked on at once."},
	} {
		if s.was != s.is {
			c.add(s.change, "", s.what, s.was, s.is, s.means)
		}
	}
	if was, is := c.was.WriteDeadline, c.is.WriteDeadline; was != is {
		change, means := settingChanged, "Every overlap is at least as long."
		if is < was {
			change, means = deadlineShortened, "A write that lands later than this can bring a deleted key back."
		}
		c.add(change, "", "defaults.write_deadline", config.FormatDuration(was), config.FormatDuration(is), means)
	}
	keys := func(r revision) map[string]string {
		all := map[string]string{}
		for name, t := range r.Teams {
			all["teams."+name+".admin_key"] = t.AdminKey.String()
		}
		return all
	}
	c.settings(keys(c.was), keys(c.is), func(path, was, is string) {
		c.add(issuerChanged, "", path, was, is, "keyrota acts for this team with another credential.")
	})
	c.told()
}

func (c *comparison) allow() {
	switch {
	case c.was.Allow != nil && c.is.Allow == nil:
		c.add(allowLifted, "", "", "", "", "Every included file may deliver to every place in every store.")
		return
	case c.was.Allow == nil && c.is.Allow != nil:
		c.add(allowAdded, "", "", "", "", "From now on included files deliver only where allow: lets their team.")
	}
	patterns := func(r revision) map[string]string {
		all := map[string]string{}
		for team, places := range r.Allow {
			for _, p := range places {
				all[team+" to "+p] = p
			}
		}
		return all
	}
	c.settings(patterns(c.was), patterns(c.is), func(what, was, _ string) {
		if was == "" {
			c.add(allowAdded, "", what, "", "", "The team's file may deliver there.")
		} else {
			c.add(allowRemoved, "", what, "", "", "The team's file may deliver there no more.")
		}
	})
}

// accounts pairs the accounts, those that move among them.
func (c *comparison) accounts() {
	before, after := map[string]inventory.Account{}, map[string]bool{}
	for _, a := range c.was.inventory.Accounts {
		before[a.Config.Ref] = a
	}
	for _, a := range c.is.inventory.Accounts {
		after[a.Config.Ref] = true
	}
	for _, is := range c.is.inventory.Accounts {
		ref, from := is.Config.Ref, is.Config.Formerly
		was, known := before[ref]
		if moved, ok := before[from]; !known && ok {
			was, known = moved, true
			after[from] = true
			c.add(accountMoved, ref, "", from, ref, "Its record goes on under the new name; no key changes.")
		}
		if known {
			c.account(was, is)
			continue
		}
		c.newAccount(is)
	}
	for _, was := range c.was.inventory.Accounts {
		if ref := was.Config.Ref; !after[ref] {
			c.add(accountLeft, ref, "", "", "", "Its keys keep working and are not rotated any more; it is marked as left, and keyrota status shows it until keyrota forget.")
		}
	}
}

func (c *comparison) newAccount(a inventory.Account) {
	what, means := string(a.Config.Manage), "It is created where there is none, and its first key is delivered; of one that exists a key is adopted, and is due at once if its age is unknown."
	switch {
	case a.Config.Scope == config.ScopeExternal:
		what, means = string(config.ScopeExternal), "It owns no key: it is only watched."
	case a.Config.Manage == config.Observe:
		means = "It is watched; nothing is written."
	case a.Config.Scope == config.ScopeOrganization:
		means = "An admin creates it in W&B's own pages, and a key of it is adopted; a key of unknown age is due at once."
	}
	c.add(accountAdded, a.Config.Ref, "", "", strings.Join(append([]string{what}, nonEmpty(a.Config.Purpose)...), ": "), means)
	c.organization(a.Config)
	c.state(&config.Account{State: config.Active}, a.Config)
	c.jwts(&config.Account{}, a.Config)
	for i := range a.Config.Deliver {
		c.added(a, i, "Its key is written there.")
	}
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func (c *comparison) organization(a *config.Account) {
	if a.Scope == config.ScopeOrganization {
		c.add(organizationScope, a.Ref, "", "", a.Reason, "Its key reaches every team of the organization.")
	}
}

// added tells a destination that is new.
func (c *comparison) added(a inventory.Account, i int, means string) {
	d := a.Config.Deliver[i]
	if a.Config.Manage == config.Observe {
		means = "Nothing is written while the account is observed."
	}
	if a.Config.State != config.Active {
		means = "No key is made for it while the account is switched off."
	}
	c.add(placeAdded, a.Config.Ref, d.String(), "", formOf(d), means)
}

// formOf is how a key is written to a destination, for people.
func formOf(d config.Destination) string {
	words := []string{string(d.Format)}
	if d.Style != "" {
		words = append(words, string(d.Style))
	}
	if len(d.Fields) > 0 {
		var names []string
		for _, f := range d.Fields {
			names = append(names, f.Name)
		}
		words = append(words, "{"+strings.Join(names, ", ")+"}")
	}
	if d.Reader != "" {
		words = append(words, "for "+string(d.Reader))
	}
	return strings.Join(words, " ")
}
