package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/sync/ledger"
)

// serverView is a server that keyrota calls, as egress rules name it.
type serverView struct {
	Host   string   `json:"host"`
	Port   int      `json:"port"`
	For    []string `json:"for"`
	Result string   `json:"result"` // ok, failed, warning or unknown
}

// server is one that can be tried.
type server struct {
	providers.Endpoint
	of string // the part of the configuration that names it
}

const (
	// reachedWithin bounds how long one server is tried.
	reachedWithin = 10 * time.Second
	// certificateSoon is how long before its end a certificate is told of.
	certificateSoon = 14 * 24 * time.Hour
)

// network tries every server: its name, a connection, and its certificate.
func (e *examination) network(ctx context.Context) (checks, []serverView) {
	servers, found := e.servers(ctx)
	type tried struct{ result, words, hint string }
	all := make([]tried, len(servers))
	var g errgroup.Group
	g.SetLimit(readsAtOnce)
	for i, s := range servers {
		g.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, reachedWithin)
			defer cancel()
			all[i].result, all[i].words, all[i].hint = e.reach(ctx, s)
			return nil
		})
	}
	_ = g.Wait()
	var views []serverView
	for i, s := range servers {
		found.add(all[i].result, s.of, "reach "+s.address(), all[i].words, all[i].hint)
		host, port := s.hostPort()
		at := slices.IndexFunc(views, func(v serverView) bool { return v.Host == host && v.Port == port })
		if at < 0 {
			views = append(views, serverView{Host: host, Port: port, For: []string{s.For}, Result: all[i].result})
			continue
		}
		if !slices.Contains(views[at].For, s.For) {
			views[at].For = append(views[at].For, s.For)
		}
		if all[i].result != checkOK {
			views[at].Result = all[i].result
		}
	}
	slices.SortFunc(views, func(x, y serverView) int { return cmp.Or(cmp.Compare(x.Host, y.Host), cmp.Compare(x.Port, y.Port)) })
	return found, views
}

func (s server) hostPort() (string, int) {
	u, err := url.Parse(s.URL)
	if err != nil {
		return s.URL, 0
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		port = map[string]int{"https": 443, "http": 80, "postgres": 5432, "postgresql": 5432}[u.Scheme]
	}
	return u.Hostname(), port
}

func (s server) address() string {
	host, port := s.hostPort()
	return net.JoinHostPort(host, strconv.Itoa(port))
}

// reach tries one server, without any credential.
func (e *examination) reach(ctx context.Context, s server) (result, words, hint string) {
	u, err := url.Parse(s.URL)
	if err != nil {
		return checkFailed, "not an address", ""
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		return connected(ctx, s.address())
	}
	transport, err := providers.Transport(s.CAFile)
	if err != nil {
		return checkFailed, err.Error(), "name a file with certificates in PEM"
	}
	defer transport.CloseIdleConnections()
	if s.Insecure {
		transport.TLSClientConfig.InsecureSkipVerify = true // as the store itself connects, which it warns of
	}
	var certificate time.Time
	connected := false
	trace := &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected = true },
		TLSHandshakeDone: func(state tls.ConnectionState, err error) {
			if err == nil && len(state.PeerCertificates) > 0 {
				certificate = state.PeerCertificates[0].NotAfter
			}
		},
	}
	r, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), http.MethodHead, u.Scheme+"://"+u.Host+"/", nil)
	if err != nil {
		return checkFailed, "the request cannot be made", ""
	}
	through := ""
	if proxy, err := http.ProxyFromEnvironment(r); err == nil && proxy != nil {
		through = " through the proxy " + proxy.Host
	}
	client := http.Client{Transport: transport, CheckRedirect: providers.NoRedirect}
	answer, err := client.Do(r)
	if err == nil {
		_ = answer.Body.Close()
	}
	switch {
	case !connected && err != nil:
		hint := "let this machine reach it, or name a proxy in HTTPS_PROXY"
		var unverified *tls.CertificateVerificationError
		if errors.As(err, &unverified) {
			hint = "trust its authority: ca_file:, or this machine's own certificates"
		}
		return checkFailed, "not reached" + through + ": " + providers.Unanswered(err).Error(), hint
	case u.Scheme == "http":
		return checkOK, "reached" + through + ", without TLS", ""
	case s.Insecure:
		return checkWarning, "reached" + through + "; its certificate is not checked", "trust its authority instead"
	case certificate.Sub(e.app.now()) < certificateSoon:
		return checkWarning, "reached" + through + "; its certificate ends " + certificate.UTC().Format(time.RFC3339), "have it renewed before: from then on nothing works there"
	}
	return checkOK, "reached" + through + ", with TLS; its certificate ends " + certificate.UTC().Format(time.RFC3339), ""
}

// connected tries a server that speaks something else than HTTP.
func connected(ctx context.Context, address string) (result, words, hint string) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return checkFailed, "not reached: " + providers.Unanswered(err).Error(), "let this machine reach it"
	}
	_ = c.Close()
	return checkOK, "reached", ""
}

// servers are all that the configuration names.
func (e *examination) servers(ctx context.Context) ([]server, checks) {
	var all []server
	var found checks
	add := func(of, address, what, caFile string) {
		all = append(all, server{providers.Endpoint{URL: address, For: what, CAFile: caFile}, of})
	}
	ask := func(of string, provider any) {
		c, ok := provider.(providers.Connector)
		if !ok {
			return
		}
		endpoints, err := c.Endpoints(ctx)
		if err != nil {
			found.judge(of, "addresses", err, "")
		}
		for _, endpoint := range endpoints {
			if known := slices.ContainsFunc(all, func(s server) bool { return s.URL == endpoint.URL && s.CAFile == endpoint.CAFile }); !known {
				all = append(all, server{endpoint, of})
			}
		}
	}
	c := e.s.config
	ask("W&B", e.s.inventory.Issuer)
	for _, name := range e.storeNames() {
		ask("store "+name, e.s.worker.Stores[name])
	}
	if strings.HasPrefix(c.Ledger, "postgres") {
		if u, err := url.Parse(c.Ledger); err == nil && u.Hostname() != "" {
			add("ledger", "postgres://"+u.Host, "the ledger "+ledger.NameOf(c.Ledger), "")
		}
	}
	for _, t := range c.Events {
		if t.Webhook != "" {
			add("events "+t.Name, t.Webhook, "events for "+t.Name, t.CAFile)
		}
	}
	for _, s := range c.Sinks {
		e.sinkServer(ctx, s, add)
	}
	for _, account := range c.Accounts {
		if i := account.Identity; i != nil && i.TokenURL != "" {
			add("identity of "+account.Ref, i.TokenURL, "JWTs of external accounts", i.CAFile)
		}
	}
	return all, found
}

// sinkServer adds the server that a sink is told at. A webhook of Slack is a
// credential: its host alone is told.
func (e *examination) sinkServer(ctx context.Context, s config.Sink, add func(of, address, what, caFile string)) {
	of, what := "sink "+s.Name, "messages for "+s.Name
	switch {
	case s.Slack != nil && !s.Slack.Webhook.IsZero():
		host := "hooks.slack.com"
		if value, err := e.resolver().resolve(ctx, s.Slack.Webhook.String()); err == nil {
			if u, err := url.Parse(value.Expose()); err == nil && u.Host != "" {
				host = u.Host
				if u.Scheme == "http" {
					add(of, "http://"+host, what, "")
					return
				}
			}
		}
		add(of, "https://"+host, what, "")
	case s.Slack != nil:
		add(of, "https://slack.com", what, "")
	case s.PagerDuty != nil:
		add(of, cmp.Or(s.PagerDuty.URL, "https://events.pagerduty.com"), what, "")
	case s.Email != nil:
		add(of, "smtp://"+s.Email.Server, what, "")
	case s.Webhook != nil:
		add(of, s.Webhook.URL, what, s.Webhook.CAFile)
	}
}

func (e *examination) resolver() resolver {
	return resolver{env: e.app.env, stores: e.s.worker.Stores, paces: e.app.paces}
}

// credentials tries to read every credential of keyrota's own that is read only
// when it is needed.
func (e *examination) credentials(ctx context.Context) checks {
	var found checks
	read := 0
	try := func(name string, ref config.Reference) {
		if ref.IsZero() {
			return
		}
		if _, err := e.resolver().resolve(ctx, ref.String()); err != nil {
			found.judge("credentials", "read "+name, err, "")
			return
		}
		read++
	}
	c := e.s.config
	for _, t := range c.Events {
		try("bearer of events "+t.Name, t.Bearer)
		try("sign of events "+t.Name, t.Sign)
		for header, ref := range t.Headers {
			try("header "+header+" of events "+t.Name, ref)
		}
	}
	for _, s := range c.Sinks {
		switch {
		case s.Slack != nil:
			try("webhook of sink "+s.Name, s.Slack.Webhook)
			try("token of sink "+s.Name, s.Slack.Token)
		case s.PagerDuty != nil:
			try("routing_key of sink "+s.Name, s.PagerDuty.RoutingKey)
		case s.Email != nil:
			try("user of sink "+s.Name, s.Email.User)
			try("password of sink "+s.Name, s.Email.Password)
		case s.Webhook != nil:
			try("bearer of sink "+s.Name, s.Webhook.Bearer)
			try("sign of sink "+s.Name, s.Webhook.Sign)
			for header, ref := range s.Webhook.Headers {
				try("header "+header+" of sink "+s.Name, ref)
			}
		}
	}
	if read > 0 {
		found.add(checkOK, "credentials", "read", fmt.Sprintf("%s for events and messages can be read", count(read, "credential")), "")
	}
	return found
}
