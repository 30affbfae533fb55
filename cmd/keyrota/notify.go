package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/export"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/notify"
)

// The runbook, where a configuration names no copy of it.
const runbook = "https://github.com/keyrota/keyrota/blob/main/deploy/RUNBOOK.md"

// healedAfter is how long a finding is gone until people are told that it is over.
const healedAfter = 10 * time.Minute

// notifier tells people what a system's configuration says. Nothing is called
// yet.
func (a *app) notifier(s *system) (*notify.Notifier, error) {
	e := export.Encoder{Instance: s.config.Instance, Organization: s.config.WandB.Organization, Version: version(), Describe: describe}
	if s.ledger != nil {
		e = encoder(s.config, s.ledger)
	}
	targets, err := a.sinks(s.config, s.worker.Stores, e)
	if err != nil {
		return nil, err
	}
	n := &notify.Notifier{
		Ledger: s.ledger, Encoder: e, Targets: targets, Routes: routes(s.config), Runbook: s.config.Runbook, Settle: healedAfter,
		Holder: fmt.Sprintf("%s, process %d", actor(), os.Getpid()), Now: a.now, Jitter: rand.N[time.Duration],
	}
	if n.Runbook == "" {
		n.Runbook = runbook
	}
	for _, r := range s.config.Reports {
		if n.Link == "" {
			n.Link = r.Link
		}
	}
	return n, nil
}

// sinks makes the places where people are told things.
func (a *app) sinks(c *config.Config, stores map[string]providers.SecretStore, e export.Encoder) ([]notify.Target, error) {
	r := resolver{env: a.env, stores: stores, paces: a.paces}
	source := func(ref config.Reference) export.Source {
		if ref.IsZero() {
			return nil
		}
		return func(ctx context.Context) (providers.Secret, error) { return r.resolve(ctx, ref.String()) }
	}
	var all []notify.Target
	for _, s := range c.Sinks {
		t := notify.Target{Name: s.Name, Repeat: s.Repeat, Severities: []finding.Severity{finding.Page, finding.Ticket}}
		var err error
		switch {
		case s.Slack != nil:
			t.Sink, err = notify.NewSlack(notify.SlackOptions{
				Name: s.Name, Webhook: source(s.Slack.Webhook), Token: source(s.Slack.Token), Channel: s.Slack.Channel,
				Instance: c.Instance, Version: version(), Now: a.now,
			})
		case s.PagerDuty != nil:
			t.Severities, t.Withdraws = []finding.Severity{finding.Page}, true // nobody is woken for less unless a route says so
			if s.PagerDuty.Changes {
				t.Events = []rotation.EventKind{rotation.EventAgreed}
			}
			t.Sink, err = notify.NewPagerDuty(notify.PagerDutyOptions{
				Name: s.Name, RoutingKey: source(s.PagerDuty.RoutingKey), URL: s.PagerDuty.URL,
				Instance: c.Instance, Version: version(), Now: a.now,
			})
		case s.Email != nil:
			t.Files = true
			t.Sink, err = notify.NewEmail(notify.EmailOptions{
				Name: s.Name, Server: s.Email.Server, TLS: s.Email.TLS, From: s.Email.From, To: s.Email.To, Owners: s.Email.Owners,
				User: source(s.Email.User), Password: source(s.Email.Password), CAFile: s.Email.CAFile,
				Instance: c.Instance, Version: version(), Now: a.now,
			})
		case s.Webhook != nil:
			headers := map[string]export.Source{}
			for name, ref := range s.Webhook.Headers {
				headers[name] = source(ref)
			}
			for _, kind := range s.Webhook.Events {
				t.Events = append(t.Events, rotation.EventKind(kind))
			}
			t.Sink, err = notify.NewWebhook(export.WebhookOptions{
				URL: s.Webhook.URL, Headers: headers, Bearer: source(s.Webhook.Bearer), Sign: source(s.Webhook.Sign),
				CAFile: s.Webhook.CAFile, Version: version(), Now: a.now,
			}, e)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: notify: sink %s: %w", s.Pos, s.Name, err)
		}
		all = append(all, t)
	}
	return all, nil
}

// routes are those of a configuration.
func routes(c *config.Config) []notify.Route {
	var all []notify.Route
	for _, r := range c.Routes {
		route := notify.Route{Sinks: r.Sinks, Teams: r.Teams, Owners: r.Owners}
		for _, s := range r.Severities {
			route.Severities = append(route.Severities, finding.Severity(s))
		}
		for _, code := range r.Codes {
			route.Codes = append(route.Codes, finding.Code(code))
		}
		all = append(all, route)
	}
	return all
}

func newNotify(a *app) *cobra.Command {
	var sink string
	c := &cobra.Command{
		Use:   "notify",
		Short: "Show who is told what, and try it out",
		Long: `notify lists the sinks of the configuration, where people are told of findings,
and what waits for each of them.

With --test it sends a sample to one sink, now: a message that says of itself
that it is a test. At PagerDuty an alert is opened and resolved again.`,
		Example: "  keyrota notify\n  keyrota notify --test ops-slack",
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.open(c.Context(), ledgerRead)
			if err != nil {
				return err
			}
			defer s.Close()
			n, err := a.notifier(s)
			if err != nil {
				return err
			}
			if c.Flags().Changed("test") {
				return a.tryOut(c.Context(), s, n, sink)
			}
			return a.listSinks(c.Context(), s, n)
		},
	}
	c.Flags().StringVar(&sink, "test", "", "send a sample to this `SINK`")
	_ = c.RegisterFlagCompletionFunc("test", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		c, err := a.loadConfig()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return sinkNames(c), cobra.ShellCompDirectiveNoFileComp
	})
	return c
}

func sinkNames(c *config.Config) []string {
	var names []string
	for _, s := range c.Sinks {
		names = append(names, s.Name)
	}
	return names
}

// sampleResult is what became of a sample.
type sampleResult struct {
	Sink string   `json:"sink"`
	Kind string   `json:"kind"`
	To   []string `json:"to"`
}

// tryOut sends a sample to one sink.
func (a *app) tryOut(ctx context.Context, s *system, n *notify.Notifier, name string) error {
	i := slices.IndexFunc(n.Targets, func(t notify.Target) bool { return t.Name == name })
	switch {
	case len(n.Targets) == 0:
		return errors.New("the configuration has no sinks: add one to the list sinks under notify")
	case i < 0:
		return fmt.Errorf("there is no sink %q: there are %s", name, strings.Join(sinkNames(s.config), ", "))
	}
	if _, err := n.Test(ctx, n.Targets[i]); err != nil {
		return fmt.Errorf("the sample for %s was not taken: %w", name, err)
	}
	kind, to := placeOf(s.config.Sinks[i])
	return a.print(sampleResult{name, kind, to}, func(w io.Writer) {
		done := "A sample was sent"
		if kind == "pagerduty" {
			done = "An alert was opened and resolved"
		}
		_, _ = fmt.Fprintf(w, "%s: %s, to %s.\n", done, kindWords(kind), strings.Join(to, ", "))
	})
}

// placeOf says what kind of sink it is, and where a message to it goes, without
// what is a credential.
func placeOf(s config.Sink) (kind string, to []string) {
	switch {
	case s.Slack != nil && s.Slack.Webhook.IsZero():
		return "slack", []string{"channel " + s.Slack.Channel}
	case s.Slack != nil:
		return "slack", []string{"the webhook in " + s.Slack.Webhook.String()}
	case s.PagerDuty != nil:
		return "pagerduty", []string{"the integration of " + s.PagerDuty.RoutingKey.String()}
	case s.Email != nil:
		to = slices.Clone(s.Email.To)
		if s.Email.Owners {
			to = append(to, "owners")
		}
		return "email", to
	}
	if u, err := url.Parse(s.Webhook.URL); err == nil { // the rest of it may be a credential
		return "webhook", []string{u.Host}
	}
	return "webhook", nil
}

func kindWords(kind string) string {
	return map[string]string{"slack": "Slack", "pagerduty": "PagerDuty", "email": "e-mail", "webhook": "webhook"}[kind]
}

// notifyView is who is told, and what waits for them.
type notifyView struct {
	Sinks []sinkView `json:"sinks"`
}

type sinkView struct {
	Sink    string     `json:"sink"`
	Kind    string     `json:"kind,omitempty"` // absent: it is no longer in the configuration
	To      []string   `json:"to,omitempty"`
	Pending int        `json:"pending"`
	Oldest  *time.Time `json:"oldest,omitempty"`
	Why     string     `json:"why,omitempty"`
}

// listSinks shows the sinks, and those that left the configuration while
// something waited for them.
func (a *app) listSinks(ctx context.Context, s *system, n *notify.Notifier) error {
	waiting := map[string]ledger.Backlog{}
	if s.ledger != nil {
		backlogs, err := s.ledger.Backlogs(ctx)
		if err != nil {
			return err
		}
		for _, b := range backlogs {
			waiting[b.Sink] = b
		}
	}
	v := notifyView{Sinks: []sinkView{}}
	for i, t := range n.Targets {
		kind, to := placeOf(s.config.Sinks[i])
		view := sinkView{Sink: t.Name, Kind: kind, To: to}
		if err := s.fill(ctx, &view, waiting[t.Name]); err != nil {
			return err
		}
		delete(waiting, t.Name)
		v.Sinks = append(v.Sinks, view)
	}
	for _, b := range waiting {
		view := sinkView{Sink: b.Sink}
		if err := s.fill(ctx, &view, b); err != nil {
			return err
		}
		v.Sinks = append(v.Sinks, view)
	}
	return a.print(v, func(w io.Writer) {
		if len(v.Sinks) == 0 {
			printLine(w, "Nobody is told of findings: the configuration has no sinks.")
			return
		}
		var rows [][]string
		for _, view := range v.Sinks {
			rows = append(rows, view.row())
		}
		a.columns(w, []string{"SINK", "KIND", "PENDING", "SINCE", "TO"}, rows)
	})
}

// fill adds what waits for a sink.
func (s *system) fill(ctx context.Context, v *sinkView, b ledger.Backlog) error {
	if b.Messages == 0 {
		return nil
	}
	v.Pending, v.Oldest = b.Messages, moment(b.Oldest)
	first, err := s.ledger.Messages(ctx, b.Sink, 1)
	if err == nil && len(first) == 1 {
		v.Why = first[0].Words
	}
	return err
}

func (v sinkView) row() []string {
	kind, to, since := kindWords(v.Kind), strings.Join(v.To, ", "), "-"
	if v.Kind == "" {
		kind, to = "-", "nowhere: it is not in the configuration any more"
	}
	if v.Oldest != nil {
		since = localTime(*v.Oldest)
	}
	if v.Why != "" {
		to += "; " + v.Why
	}
	return []string{v.Sink, kind, strconv.Itoa(v.Pending), since, to}
}
