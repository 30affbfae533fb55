package plan_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/attempt"
	"github.com/keyrota/keyrota/sync/execute"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/plan"
)

const head = `
instance: test
ledger: ledger.db
stores: {a: {}, b: {}}
accounts:
  - name: ci-train
    team: ml
    purpose: training
    owner: ml@example.org
    every: 30d
`

// threeAccounts are not in the order of their names.
const threeAccounts = head + "    deliver: a:ml/train#KEY\n" + `  - name: zebra
    team: ml
    every: 10d
    deliver: a:ml/zebra
  - name: aardvark
    team: ml
    every: 10d
    deliver: a:ml/aardvark
`

const (
	oneAccount  = head + "    deliver: [a:ml/train#WANDB_API_KEY, b:ml/train#KEY]\n"
	oneStore    = head + "    deliver: a:ml/train#WANDB_API_KEY\n"
	observeOnly = oneAccount + "    manage: observe\n"
	frozen      = oneAccount + "    freeze: [{from: 2000-01-01, until: 2000-03-15, zone: UTC, reason: a release}]\n"
	withWindow  = oneAccount + "    window: Mon-Thu 09:00-16:00 UTC\n"
	otherFormat = head + `    deliver:
      - {store: a, path: ml/train, field: WANDB_API_KEY, format: template, template: "key={{.WANDB_API_KEY}}"}
      - b:ml/train#KEY
`
)

// saved names the events that a plan must have announced, independently of how
// it makes its steps.
var saved = map[rotation.EventKind]string{
	"account.provisioned": "provision",
	"account.found":       "find",
	"account.recovered":   "recover",
	"account.parked":      "park",
	"account.requested":   "refuse",
	"key.abandoned":       "abandon",
	"key.discarded":       "discard",
	"key.offered":         "issue",
	"key.adopted":         "adopt",
	"key.rolled_back":     "rollback",
	"key.withdrawn":       "withdraw",
	"key.delivered":       "deliver",
	"key.revoked":         "retire",
	"key.gone":            "forget",
	"key.leaked":          "leaked",
	"key.leak_over":       "leak-over",
	"key.overlap_ended":   "end",
	"key.in_use":          "in-use",

	"account.quarantining": "quarantining",
	"account.quarantined":  "quarantined",
	"account.removed":      "removed",
	"account.activating":   "activate",
}

// memoryLedger is a ledger for one test.
type memoryLedger struct {
	record   map[rotation.Ref]rotation.Record
	revision map[rotation.Ref]ledger.Revision
	trace    []string
	dieAfter rotation.EventKind
}

var errDied = errors.New("the process was killed")

func (l *memoryLedger) Load(_ context.Context, ref rotation.Ref) (rotation.Record, ledger.Revision, error) {
	return l.record[ref].Clone(), l.revision[ref], nil
}

func (l *memoryLedger) Save(_ context.Context, ref rotation.Ref, r rotation.Record, prev ledger.Revision, events ...rotation.Event) (ledger.Revision, error) {
	if l.revision[ref] != prev {
		return 0, ledger.ErrConflict
	}
	l.record[ref] = r.Clone()
	l.revision[ref]++
	for _, e := range events {
		if kind, ok := saved[e.Kind]; ok {
			l.trace = append(l.trace, line(kind, e.Key, e.Edition, e.Destination))
		}
		if l.dieAfter == e.Kind {
			return 0, errDied
		}
	}
	return l.revision[ref], nil
}

// line writes a step and an event alike.
func line(kind string, k rotation.KeyID, e rotation.Edition, d rotation.Destination) string {
	if k != "" {
		kind += " " + string(k)
	}
	if e != 0 || kind == "park" {
		kind += fmt.Sprintf(" e%d", e)
	}
	if d != (rotation.Destination{}) {
		kind += " " + d.String()
	}
	return kind
}

// world is one configuration with everything around it in memory.
type world struct {
	t             *testing.T
	platform      *providertest.Platform
	stores        map[string]*providertest.Memory
	ledger        *memoryLedger
	worker        *execute.Worker
	inv           *inventory.Inventory
	admin         bool
	hidesFirstKey bool
	noLedger      bool
	nonces        int
}

func newWorld(t *testing.T, yaml string, opt providertest.PlatformOptions) *world {
	t.Helper()
	opt.Now = time.Now
	w := &world{
		t: t, platform: providertest.NewPlatform(opt), stores: map[string]*providertest.Memory{}, admin: !opt.NoAdmin,
		ledger: &memoryLedger{record: map[rotation.Ref]rotation.Record{}, revision: map[rotation.Ref]ledger.Revision{}},
	}
	w.configure(yaml)
	return w
}

func (w *world) configure(yaml string) {
	w.t.Helper()
	c, problems := config.Parse("keyrota.yaml", []byte(yaml), config.Options{})
	if err := problems.Err(); err != nil {
		w.t.Fatal(err)
	}
	for name := range c.Stores {
		if w.stores[name] == nil {
			w.stores[name] = providertest.NewMemory(providertest.MemoryOptions{Name: name})
		}
	}
	inv, err := inventory.Build(c, inventory.Providers{
		Issuer: w.platform, Stores: w.providers(),
		Abilities: func(rotation.Account) inventory.Abilities {
			return inventory.Abilities{Admin: w.admin, Provision: w.admin, FirstKey: w.admin}
		},
	}, "ledger-1")
	if err != nil {
		w.t.Fatal(err)
	}
	w.inv = inv
	w.restart()
}

func (w *world) providers() map[string]providers.SecretStore {
	stores := map[string]providers.SecretStore{}
	for name, s := range w.stores {
		stores[name] = s
	}
	return stores
}

// restart forgets everything that a process holds in memory.
func (w *world) restart() {
	w.worker = &execute.Worker{
		Issuer: w.platform, Stores: w.providers(), Ledger: w.ledger, Call: attempt.Default(), Name: "test",
		Now: time.Now, Nonce: func() string { w.nonces++; return strconv.Itoa(w.nonces) }, ValidWithin: 3 * time.Minute,
	}
}

// plan sweeps and plans, and returns which accounts are pending too.
func (w *world) plan(until time.Time) (plan.Plan, []rotation.Ref) {
	observer := inventory.Observer{Issuer: w.platform, Stores: w.providers(), Call: attempt.Default()}
	seen := observer.Sweep(w.t.Context(), w.inv.Accounts, w.ledger.record)
	var accounts []plan.Account
	for _, a := range w.inv.Accounts {
		a.FirstKey = a.FirstKey && !w.hidesFirstKey
		accounts = append(accounts, plan.Account{
			Spec: a.Spec, Record: w.ledger.record[a.Ref()], Observed: seen[a.Ref()], NoLedger: w.noLedger,
		})
	}
	p := plan.Make(accounts, time.Now(), until)
	if again := plan.Make(accounts, time.Now(), until); !reflect.DeepEqual(p, again) {
		w.t.Errorf("planned twice, it is another plan:\n%+v\n%+v", p, again)
	}
	return p, plan.Pending(accounts, time.Now())
}

func (w *world) pass() execute.Report {
	w.t.Helper()
	report, err := w.worker.Pass(w.t.Context(), w.inv.Accounts[0])
	if err != nil {
		w.t.Fatal(err)
	}
	return report
}

func (w *world) sleep(d time.Duration) { time.Sleep(d) }

func (w *world) ref() rotation.Ref { return w.inv.Accounts[0].Ref() }

func (w *world) record() rotation.Record { return w.ledger.record[w.ref()] }

func (w *world) change(f func(*rotation.Record)) {
	r := w.record().Clone()
	f(&r)
	w.ledger.record[w.ref()] = r
	w.ledger.revision[w.ref()]++
}

func (w *world) request(q rotation.Request) { w.change(func(r *rotation.Record) { r.Request = q }) }

func (w *world) loseLedger() {
	clear(w.ledger.record)
	clear(w.ledger.revision)
	w.restart()
}

func (w *world) loseAdmin() {
	w.admin = false
	w.platform.Set(func(o *providertest.PlatformOptions) { o.NoAdmin = true })
	w.inv.Accounts[0].Admin, w.inv.Accounts[0].Provision, w.inv.Accounts[0].FirstKey = false, false, false
	w.restart()
}

// loseAnswer has the next key be created without anyone knowing of it.
func (w *world) loseAnswer() {
	lost := false
	w.platform.Intercept(func(_ context.Context, s providertest.PlatformStep) error {
		if s.Op == "issue" && s.Point == providertest.After && !lost {
			lost = true
			return &providers.Error{Provider: "platform", Op: "issue", Kind: providers.Transient}
		}
		return nil
	})
}

// cut has the next write to a store end between data and mark.
func (w *world) cut(op, store string) {
	done := false
	w.stores[store].Intercept(func(_ context.Context, s providertest.StoreStep) error {
		if s.Op == op && s.Point == providertest.BeforeMark && !done {
			done = true
			return providertest.Lost(op, store)
		}
		return nil
	})
}

// dieAfter makes a pass that ends when an event is on record.
func (w *world) dieAfter(e rotation.EventKind) {
	w.t.Helper()
	w.ledger.dieAfter = e
	if _, err := w.worker.Pass(w.t.Context(), w.inv.Accounts[0]); !errors.Is(err, errDied) {
		w.t.Fatalf("the pass was not killed: %v", err)
	}
	w.ledger.dieAfter = ""
	w.restart()
}

func (w *world) steps(p plan.Plan) []string {
	var lines []string
	for _, s := range p.Steps {
		key := s.Key
		if strings.HasPrefix(string(key), "keyrota/") {
			key = "stray" // known by its label alone
		}
		lines = append(lines, line(string(s.Kind), key, s.Edition, s.Destination))
	}
	return lines
}

// asSteps returns the steps with the ids that new keys got in their places:
// the ledger's trace names them in the same order.
func (w *world) asSteps(steps []string) []string {
	steps = slices.Clone(steps)
	names := map[string]string{}
	for i, s := range steps {
		words := strings.SplitN(strings.ReplaceAll(s, "(new ", "(new_"), " ", 3)
		if len(words) < 2 || words[1][0] != '(' && words[1] != "stray" {
			continue
		}
		if i < len(w.ledger.trace) && names[words[1]] == "" {
			if did := strings.SplitN(w.ledger.trace[i], " ", 3); len(did) > 1 {
				names[words[1]] = did[1]
			}
		}
		words[1] = names[words[1]]
		steps[i] = strings.Join(words, " ")
	}
	return steps
}

func (w *world) compare(who string, want, got []string) {
	w.t.Helper()
	if !slices.Equal(want, got) {
		w.t.Errorf("%s:\n\t%s\nwant:\n\t%s", who, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func (w *world) contains(what, text, part string) {
	w.t.Helper()
	if !strings.Contains(text, part) {
		w.t.Errorf("%s %q, and not %q", what, text, part)
	}
}

// off has the configuration switch the account off; its first key is shown once.
func (w *world) off() {
	a := &w.inv.Accounts[0]
	a.State, a.Force, a.QuarantineWait, a.FirstKey = rotation.Quarantined, true, 7*24*time.Hour, false
}
