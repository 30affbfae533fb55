package config

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
)

// notify says who is told of findings, and where, as written.
type notify struct {
	// Sinks are the places where people are told things: Slack, PagerDuty, e-mail, webhooks.
	Sinks []writtenSink `yaml:"sinks"`
	// Routes say which findings go to which sinks; left out, every sink is told of those of severity page and ticket, PagerDuty of page alone.
	Routes []writtenRoute `yaml:"routes"`
	// Runbook is where your copy of the runbook is, like https://wiki.example/keyrota/RUNBOOK: messages link to it, with # and the code of the finding.
	Runbook string `yaml:"runbook"`
}

// Route says which findings go to which sinks: all of its conditions must meet.
// Without severities pages and tickets do, for PagerDuty pages alone; any other
// empty condition meets everything.
type Route struct {
	Sinks      []string
	Severities []string // page, ticket, report
	Teams      []string
	Owners     []string
	Codes      []string
	Pos        Position
}

// writtenRoute is a route as written.
type writtenRoute struct {
	// To are the names of the sinks.
	To []string `yaml:"to" keyrota:"required"`
	// Severity is how urgent findings are that go this way: page (a reader is failing, or will before somebody is at work), ticket (somebody must act), report (a line in the next report is enough); page and ticket when left out, and page alone to PagerDuty.
	Severity []urgency `yaml:"severity"`
	// Teams are those whose accounts the findings are about; all when left out.
	Teams []string `yaml:"teams"`
	// Owners are those of the accounts that the findings are about; all when left out.
	Owners []string `yaml:"owners"`
	// Codes are the kinds of findings, like unused; all when left out.
	Codes []string `yaml:"codes"`
}

// urgency is how urgent a finding is.
type urgency string

// Values lists all values.
func (urgency) Values() []string { return []string{"page", "ticket", "report"} }

var findingCode = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// notify settles who is told what.
func (r resolver) notify(c *Config, o Options) {
	w := r.doc.Notify
	c.Runbook = w.Runbook
	r.checkLink("notify.runbook", w.Runbook)
	for i := range w.Sinks {
		at := fmt.Sprintf("notify.sinks[%d]", i)
		if s, ok := r.sink(&w.Sinks[i], at, o); ok {
			c.Sinks = append(c.Sinks, s)
		}
	}
	r.checkSinkNames(c.Sinks)
	for i := range w.Routes {
		c.Routes = append(c.Routes, r.route(&w.Routes[i], fmt.Sprintf("notify.routes[%d]", i), o))
	}
	r.adviseRoutes(c)
}

// checkLink checks an address that is shown to people.
func (r resolver) checkLink(path, link string) {
	u, err := url.Parse(link)
	if link != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || !printable(link)) {
		r.errorAt(path, "not an address that people can open", "write https://HOST/path")
	}
}

func (r resolver) route(w *writtenRoute, at string, o Options) Route {
	route := Route{Sinks: w.To, Teams: w.Teams, Owners: w.Owners, Codes: w.Codes, Pos: r.position(at)}
	for _, s := range w.Severity {
		route.Severities = append(route.Severities, string(s))
	}
	r.checkSinks(at+".to", w.To)
	for i, team := range w.Teams {
		if !accountName.MatchString(team) {
			r.errorAt(fmt.Sprintf("%s.teams[%d]", at, i), "not the name of a team", "write it as in the address of the team's page")
		}
	}
	for i, code := range w.Codes {
		path := fmt.Sprintf("%s.codes[%d]", at, i)
		switch {
		case !findingCode.MatchString(code):
			r.errorAt(path, "not the code of a finding", "write one like unused or rotation_overdue")
		case o.FindingCodes != nil && !slices.Contains(o.FindingCodes, code):
			r.errorAt(path, "there is no finding of this code", suggest(code, o.FindingCodes))
		}
	}
	return route
}

// checkSinks holds names of sinks against those that there are.
func (r resolver) checkSinks(at string, names []string) {
	var known []string
	for _, s := range r.doc.Notify.Sinks {
		known = append(known, s.Name)
	}
	if n := r.nodes[at]; n != nil && !n.bad && len(names) == 0 {
		r.errorAt(at, "no sink", "write the names of sinks, like [ops-slack]")
	}
	for i, name := range names {
		if slices.Contains(known, name) {
			continue
		}
		hint := "add it under notify: sinks:"
		if near := nearest(name, known); near != "" && speakable(near) {
			hint = "did you mean " + near + "?"
		}
		r.errorAt(fmt.Sprintf("%s[%d]", at, i), "there is no sink of this name", hint)
	}
}

// adviseRoutes warns of what a person most likely did not mean: names that meet
// nothing, and pages that reach nobody.
func (r resolver) adviseRoutes(c *Config) {
	if len(c.Routes) == 0 {
		return
	}
	meets := func(known func(Account) string, name string) bool {
		return slices.ContainsFunc(c.Accounts, func(a Account) bool { return known(a) == name })
	}
	paged := false
	for i, route := range c.Routes {
		at := fmt.Sprintf("notify.routes[%d]", i)
		for j, team := range route.Teams {
			if accountName.MatchString(team) && !meets(func(a Account) string { return a.Team + a.DefaultTeam }, team) {
				r.warnAt(fmt.Sprintf("%s.teams[%d]", at, j), "no account is in this team", "check its name, or remove it")
			}
		}
		for j, owner := range route.Owners {
			if !meets(func(a Account) string { return a.Owner }, owner) {
				r.warnAt(fmt.Sprintf("%s.owners[%d]", at, j), "no account has this owner", "write it as owner: has it, or remove it")
			}
		}
		narrow := len(route.Teams)+len(route.Owners)+len(route.Codes) > 0
		paged = paged || !narrow && (len(route.Severities) == 0 || slices.Contains(route.Severities, "page"))
	}
	if !paged {
		r.warnAt("notify.routes", "no route takes every page, so one may reach nobody", "add {to: [NAME], severity: [page]}")
	}
}
