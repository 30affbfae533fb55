package gather_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/attempt"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/usage"
	"github.com/keyrota/keyrota/sync/usage/gather"
)

const day = 24 * time.Hour

var start = time.Date(2026, 11, 30, 9, 30, 0, 0, time.UTC)

// world is a platform, a store and a ledger, and a look at them.
type world struct {
	*testing.T
	now      time.Time
	members  map[string][]providers.Member
	projects map[string][]string // by team, as the admin sees them
	runs     map[string][]providers.Run
	inside   map[string]bool // projects that accounts alone see
	log      []providers.AuditEntry
	pageSize int
	keeps    time.Duration // how far back the log goes; 0: for ever
	takes    time.Duration // to page through a day of it
	fails    func(op, what string) error
	asked    []string

	reads  map[rotation.Destination]time.Time
	values map[rotation.Destination]string

	ledger   *ledger.Ledger
	accounts []inventory.Account
	records  map[rotation.Ref]rotation.Record
	use      config.Use
}

func newWorld(t *testing.T) *world {
	w := &world{
		T: t, now: start, members: map[string][]providers.Member{}, projects: map[string][]string{}, runs: map[string][]providers.Run{},
		inside: map[string]bool{}, pageSize: 1000, fails: func(string, string) error { return nil },
		reads: map[rotation.Destination]time.Time{}, values: map[rotation.Destination]string{},
		records: map[rotation.Ref]rotation.Record{}, use: config.Use{Runs: true, AuditLog: true, Stores: true},
	}
	var err error
	w.ledger, err = ledger.Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"), ledger.Options{Instance: "prod", Now: func() time.Time { return w.now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.ledger.Close() })
	return w
}

// account puts an account on the platform and into the configuration.
func (w *world) account(team, name string, change func(*config.Account)) rotation.Ref {
	ref := rotation.Ref(team + "/" + name)
	w.platform(team, name)
	w.configure("name: "+name+", team: "+team+", env: {WANDB_PROJECT: "+name+"}", ref, change)
	return ref
}

// configure reads the lines of an account's configuration.
func (w *world) configure(lines string, ref rotation.Ref, change func(*config.Account)) {
	w.Helper()
	c, problems := config.Parse("keyrota.yaml", []byte("instance: prod\nledger: l\nwandb: {organization: acme, url: https://wandb.example}\n"+
		"stores: {aws: {}}\naccounts:\n  - {"+lines+", deliver: aws:"+pathOf(ref)+"}\n"), config.Options{})
	if err := problems.Err(); err != nil {
		w.Fatal(err)
	}
	if change != nil {
		change(&c.Accounts[0])
	}
	inv, err := inventory.Build(c, inventory.Providers{
		Stores:    map[string]providers.SecretStore{"aws": store{world: w}},
		Abilities: func(rotation.Account) inventory.Abilities { return inventory.Abilities{} },
	}, "ledger")
	if err != nil {
		w.Fatal(err)
	}
	if got := inv.Accounts[0].Ref(); got != ref {
		w.Fatalf("%s, want %s", got, ref)
	}
	w.values[rotation.Destination{Store: "aws", Path: pathOf(ref)}] = keyOf(ref)
	w.accounts = append(w.accounts, inv.Accounts...)
}

// platform puts an account on the platform alone.
func (w *world) platform(team, name string) rotation.Ref {
	ref := rotation.Ref(team + "/" + name)
	w.members[team] = append(w.members[team], providers.Member{ID: idOf(ref), Username: name + "-" + team, Name: name, Service: true})
	return ref
}

func pathOf(ref rotation.Ref) string { return strings.ReplaceAll(string(ref), "//", "/") }

func idOf(ref rotation.Ref) rotation.AccountID { return rotation.AccountID("id:" + ref) }

func keyOf(ref rotation.Ref) string {
	return "CANARY" + strings.NewReplacer("/", "0", "-", "1").Replace(string(ref)) + strings.Repeat("0", 40)
}

// run adds a run of a user, so many days ago, for so long.
func (w *world) run(team, project, user string, daysAgo int, lasts time.Duration) {
	at := start.Add(-time.Duration(daysAgo) * day)
	r := providers.Run{Team: team, Project: project, Name: "r", User: user, Created: at, Heartbeat: at.Add(lasts)}
	w.runs[team+"/"+project] = append(w.runs[team+"/"+project], r)
}

func (w *world) entry(ref rotation.Ref, action string, daysAgo, status int) {
	team, _, _ := strings.Cut(string(ref), "/")
	w.log = append(w.log, providers.AuditEntry{
		At: start.Add(-time.Duration(daysAgo) * day), Action: action, Actor: idOf(ref), Target: idOf(ref), Team: team, Project: "p", Status: status,
	})
}

// people have somebody do something on every day since, so that the log goes as
// far back.
func (w *world) people(daysAgo int) {
	for n := daysAgo; n >= 0; n-- {
		w.log = append(w.log, providers.AuditEntry{At: start.Add(-time.Duration(n) * day), Action: "artifact:read", Actor: "ada", Status: 200})
	}
}

func (w *world) gatherer() *gather.Gatherer {
	return &gather.Gatherer{
		Issuer: platform{world: w}, Stores: map[string]providers.SecretStore{"aws": store{world: w}},
		Call: attempt.Caller{Attempts: 2}, Ledger: w.ledger, Use: w.use, Now: func() time.Time { return w.now },
	}
}

func (w *world) look() gather.Report {
	w.Helper()
	w.asked = nil
	report, err := w.gatherer().Gather(w.Context(), w.accounts, w.records)
	if err != nil {
		w.Fatal(err)
	}
	return report
}

// whole is a look in which nothing may fail.
func (w *world) whole() {
	w.Helper()
	if report := w.look(); len(report.Failed) > 0 {
		w.Fatalf("%v", report.Failed)
	}
}

func (w *world) of(ref rotation.Ref) usage.Evidence {
	w.Helper()
	e, err := w.ledger.UsageOf(w.Context(), ref)
	if err != nil {
		w.Fatal(err)
	}
	return e
}

func (w *world) judged(ref rotation.Ref, want usage.Verdict, words string) {
	w.Helper()
	e := w.of(ref)
	j := usage.Judge(e, usage.Policy{}, w.now)
	if reasons := strings.Join(j.Reasons, "\n"); j.Verdict != want || !strings.Contains(reasons, words) {
		w.Errorf("%s is %s, want %s with %q: %s\n%+v", ref, j.Verdict, want, words, reasons, e)
	}
}

// platform is an issuer.
type platform struct {
	providers.Issuer
	*world
}

func (p platform) call(op, what string, auth providers.Secret) error {
	if !auth.Empty() {
		op = "own " + op
	}
	p.asked = append(p.asked, op+" "+what)
	return p.fails(op, what)
}

func (p platform) Members(_ context.Context, team string, auth providers.Secret, yield func(providers.Member) error) error {
	if err := p.call("members", team, auth); err != nil {
		return err
	}
	for _, m := range p.members[team] {
		if err := yield(m); err != nil {
			return err
		}
	}
	return nil
}

func (p platform) Teams(_ context.Context, yield func(string) error) error {
	if err := p.call("teams", "", providers.Secret{}); err != nil {
		return err
	}
	for _, team := range slices.Sorted(maps.Keys(p.members)) {
		if team == "" {
			continue
		}
		if err := yield(team); err != nil {
			return err
		}
	}
	return nil
}

func (p platform) Projects(_ context.Context, team string, auth providers.Secret, yield func(string) error) error {
	if err := p.call("projects", team, auth); err != nil {
		return err
	}
	for _, name := range p.projects[team] {
		if err := yield(name); err != nil {
			return err
		}
	}
	return nil
}

func (p platform) Runs(_ context.Context, team, project string, auth providers.Secret, since time.Time, yield func(providers.Run) error) error {
	name := team + "/" + project
	if err := p.call("runs", name, auth); err != nil {
		return err
	}
	if _, ok := p.runs[name]; !ok || p.inside[name] && auth.Empty() {
		return failure(providers.NotFound)
	}
	for _, r := range p.runs[name] {
		if !r.Created.After(p.now) && (!r.Created.Before(since) || !r.Heartbeat.Before(since)) {
			if r.Heartbeat.After(p.now) {
				r.Heartbeat = p.now
			}
			if err := yield(r); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p platform) Beating(context.Context, rotation.Account, []string, providers.Secret, time.Time) ([]providers.Run, error) {
	return nil, errors.New("not asked for here")
}

func (p platform) Verify(_ context.Context, a rotation.Account, s providers.Secret) (providers.Verified, error) {
	if s.Expose() != keyOf(a.Ref) {
		return providers.Verified{}, failure(providers.Denied)
	}
	return providers.Verified{Account: idOf(a.Ref)}, nil
}

// Audit gives pages of pageSize entries; a cursor counts entries.
func (p platform) Audit(ctx context.Context, from, until time.Time, cursor string, yield func(providers.AuditEntry) error, page func(providers.AuditPage) error) error {
	if err := p.call("audit", from.Format(time.DateOnly)+"+"+cursor, providers.Secret{}); err != nil {
		return err
	}
	if ends, ok := ctx.Deadline(); ok && time.Until(ends) < p.takes {
		return failure(providers.Transient)
	}
	if p.keeps > 0 && from.Before(p.now.Add(-p.keeps)) {
		return failure(providers.Invalid)
	}
	skip, _ := strconv.Atoi(cursor)
	n := 0
	for _, e := range p.log {
		if e.At.Before(from) || !e.At.Before(until) || e.At.After(p.now) {
			continue
		}
		if n++; n <= skip {
			continue
		}
		if err := yield(e); err != nil {
			return err
		}
		if n%p.pageSize == 0 {
			if err := page(providers.AuditPage{Cursor: strconv.Itoa(n)}); err != nil {
				return err
			}
			if err := p.fails("page", strconv.Itoa(n)); err != nil {
				return err
			}
		}
	}
	return page(providers.AuditPage{Until: until})
}

// DecodeAudit reads lines of an account's id and how many days ago it did
// something; others are broken.
func (p platform) DecodeAudit(r io.Reader, yield func(providers.AuditEntry) error) (providers.AuditCount, error) {
	var count providers.AuditCount
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		who, ago, ok := strings.Cut(lines.Text(), " ")
		days, err := strconv.Atoi(ago)
		if !ok || err != nil {
			count.Broken++
			continue
		}
		count.Entries++
		e := providers.AuditEntry{At: start.Add(-time.Duration(days) * day), Action: "artifact:read", Actor: rotation.AccountID(who), Status: 200}
		if err := yield(e); err != nil {
			return count, err
		}
	}
	return count, lines.Err()
}

func failure(kind providers.Kind) error {
	return &providers.Error{Provider: "test", Op: "ask", Kind: kind, Err: errors.New("refused")}
}

// store is a store that knows the day on which a secret was last read.
type store struct {
	providers.SecretStore
	*world
}

func (s store) Read(_ context.Context, d rotation.Destination, _ rotation.Version) (providers.Secret, error) {
	s.asked = append(s.asked, "read "+d.Path)
	s.reads[d] = usage.DayOf(s.now).Start()
	return providers.NewSecret(s.values[d]), nil
}

func (s store) LastRead(_ context.Context, ds []rotation.Destination, yield func(rotation.Destination, time.Time) error) error {
	if err := s.fails("last read", ""); err != nil {
		return err
	}
	for _, d := range ds {
		at, known := s.reads[d]
		if !known {
			continue
		}
		if err := yield(d, at); err != nil {
			return err
		}
	}
	return nil
}

func (store) Check(rotation.Destination, providers.Payload) error { return nil }

func (store) Identity(d rotation.Destination) string { return d.Path }

func (store) Precision() time.Duration { return day }
