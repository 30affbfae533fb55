package main

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/keyrota/keyrota/config"
)

// state says whether an account is switched off, or on again.
func (c *comparison) state(a, b *config.Account) {
	switch {
	case a.State == b.State && (a.Force == b.Force || !b.Force):
	case b.State == config.Active:
		c.add(switchedOn, b.Ref, "", string(a.State), string(b.State), "A live key of it is looked for. If there is none, the account is removed and made anew where W&B shows the first key of one; else a person makes a key by hand, and keyrota adopts it. It is delivered to all destinations.")
	default:
		means := "Its owner is warned; after " + config.FormatDuration(b.QuarantineWait) + " every key of it is deleted at W&B, and what still uses one is unauthorized from then on. Its secrets stay."
		if b.State == config.Removed {
			means += " Then it is taken out of its team, which deletes it."
		}
		if b.Force {
			means += " With force: also if it was used a short while ago."
		}
		c.add(switchedOff, b.Ref, "", string(a.State), string(b.State), means)
	}
}

// use compares what is said of an account's use.
func (c *comparison) use(a, b *config.Account) {
	long := func(d time.Duration) string {
		if d == 0 {
			return ""
		}
		return config.FormatDuration(d)
	}
	for _, s := range []struct{ what, was, is, means string }{
		{"unused_after", long(a.UnusedAfter), long(b.UnusedAfter), "How long without use until it is called unused."},
		{"propose_quarantine_after", long(a.ProposeAfter), long(b.ProposeAfter), "How long without use until it is proposed to switch it off; keyrota never does so by itself."},
		{"review_every", long(a.ReviewEvery), long(b.ReviewEvery), "How long a review holds."},
		{"rhythm", long(a.Rhythm), long(b.Rhythm), "How far apart its uses may be."},
		{"quarantine_wait", long(a.QuarantineWait), long(b.QuarantineWait), "How long its owner is warned before it is switched off."},
		{"weave", onlyTrue(a.Weave), onlyTrue(b.Weave), "Whether its use may leave no run."},
		{"projects", strings.Join(a.Projects, ", "), strings.Join(b.Projects, ", "), "Restricted projects that it is seen to be able to open."},
	} {
		if s.was != s.is {
			c.add(settingChanged, b.Ref, s.what, s.was, s.is, s.means)
		}
	}
}

func onlyTrue(b bool) string {
	if b {
		return "true"
	}
	return ""
}

// jwts compares where the JWT of an external account comes from, and where it
// goes.
func (c *comparison) jwts(a, b *config.Account) {
	places := func(a *config.Account) map[string]string {
		all := map[string]string{}
		if a.Identity == nil {
			return all
		}
		for _, d := range a.Identity.Keep {
			all[d.String()] = "kept"
		}
		if a.Identity.KeepFile != "" {
			all["file "+a.Identity.KeepFile] = "kept"
		}
		return all
	}
	c.settings(places(a), places(b), func(what, was, _ string) {
		if was == "" {
			c.add(jwtKept, b.Ref, what, "", "", "A fresh JWT of it is written there, again and again.")
		} else {
			c.add(placeLeft, b.Ref, what, "", "", "The JWT that is there ends by itself; no fresh one is written.")
		}
	})
	from := func(a *config.Account) map[string]string {
		i := a.Identity
		if i == nil {
			return nil
		}
		return map[string]string{
			"token_file": i.TokenFile, "token_url": withoutPassword(i.TokenURL), "client_id": i.ClientID, "client_secret": i.ClientSecret.String(),
			"scope": i.Scope, "audience": i.Audience, "jwt_issuer": i.JWTIssuer, "ca_file": i.CAFile,
		}
	}
	c.settings(from(a), from(b), func(path, was, is string) {
		c.add(settingChanged, b.Ref, "identity."+path, was, is, "Where its JWT comes from, and what is expected of it.")
	})
}

// told compares how use is observed, and who is told what.
func (c *comparison) told() {
	settings := func(r revision) map[string]string {
		all := map[string]string{
			"usage.every": config.FormatDuration(r.Use.Every), "usage.runs": fmt.Sprint(r.Use.Runs), "usage.audit_log": fmt.Sprint(r.Use.AuditLog),
			"usage.audit_files": strings.Join(r.Use.AuditFiles, ", "), "usage.stores": fmt.Sprint(r.Use.Stores),
			"names.pattern": r.NamePattern, "working_hours": r.WorkingHours.String(), "notify.runbook": r.Runbook,
		}
		for _, s := range r.Sinks {
			all["notify.sinks."+s.Name] = sinkOf(s)
		}
		for i, route := range r.Routes {
			all[fmt.Sprintf("notify.routes[%d]", i)] = routeOf(route)
		}
		for _, report := range r.Reports {
			all["reports."+report.Name] = strings.Join(nonEmptyOf(report.Schedule.String(), strings.Join(report.Parts, " "), strings.Join(report.Formats, " "), strings.Join(report.Sinks, " "), report.Dir), ", ")
		}
		return all
	}
	c.settings(settings(c.was), settings(c.is), func(path, was, is string) {
		means := "Who is told what, and where."
		switch root, _, _ := strings.Cut(path, "."); root {
		case "usage":
			means = "How use is observed."
		case "names":
			means = "What names of accounts are held against."
		case "working_hours":
			means = "What breaks before somebody is at work again is a page."
		case "reports":
			means = "Which reports are made by themselves."
		}
		c.add(settingChanged, "", path, was, is, means)
	})
}

func nonEmptyOf(texts ...string) []string {
	var all []string
	for _, t := range texts {
		all = append(all, nonEmpty(t)...)
	}
	return all
}

// sinkOf names a sink without any part of an address that may be a credential.
func sinkOf(s config.Sink) string {
	host := func(address string) string {
		u, err := url.Parse(address)
		if err != nil {
			return "a URL"
		}
		return u.Host
	}
	switch {
	case s.Slack != nil:
		return "slack " + cmp.Or(s.Slack.Channel, s.Slack.Webhook.String())
	case s.PagerDuty != nil:
		return "pagerduty " + s.PagerDuty.RoutingKey.String()
	case s.Email != nil:
		to := strings.Join(s.Email.To, ", ")
		if s.Email.Owners {
			to = strings.Join(nonEmptyOf(to, "owners"), ", ")
		}
		return "email by " + s.Email.Server + " to " + to
	case s.Webhook != nil:
		return strings.Join(nonEmptyOf("webhook "+host(s.Webhook.URL), strings.Join(s.Webhook.Events, " ")), ", ")
	}
	return ""
}

// routeOf is a route on one line.
func routeOf(r config.Route) string {
	var words []string
	for _, part := range []struct {
		name  string
		names []string
	}{{"severity", r.Severities}, {"teams", r.Teams}, {"owners", r.Owners}, {"codes", r.Codes}} {
		if len(part.names) > 0 {
			words = append(words, part.name+" "+strings.Join(part.names, " "))
		}
	}
	return strings.Join(append(words, "to "+strings.Join(r.Sinks, " ")), ", ")
}
