package config

import (
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Options are what the content of a file is judged with.
type Options struct {
	// Env looks up environment variables, like os.LookupEnv; nil: there are none.
	Env func(string) (string, bool)
	// StoreTypes are the types of stores that there are, by name. Nil: types
	// and blocks of stores are not checked, and Store.Config stays nil.
	StoreTypes map[string]StoreType
	// Dir is the directory of the file, below which include: finds others. Nil:
	// nothing can be included. Load opens it, and no link leads out of it.
	Dir fs.FS
	// Beside is the directory that relative paths in the file are relative to;
	// empty: the file's own. It is for a copy of a file from elsewhere, such as
	// an earlier revision.
	Beside string
	// FindingCodes are the codes that a route may name, and EventKinds the kinds of
	// events that a webhook may; nil: any.
	FindingCodes, EventKinds []string
}

// Config is a configuration with every setting resolved. It does not change
// and can be used from several goroutines.
type Config struct {
	File          string   // as it was named when loading
	Included      []string // the files that it includes, in their order
	Instance      string
	WandB         WandB
	Stores        map[string]Store // those derived for the overrides of destinations among them
	Teams         map[string]Team
	Accounts      []Account           // in the order of the file, then of those that it includes
	Allow         map[string][]string // where a team may deliver: patterns as written; nil: allow: is not written
	MaxRotations  RotationLimit       // by schedule, in 24 hours
	Ledger        string              // path of the ledger's file, or a postgres:// URL that may hold a password
	Listen        string              // host:port for health and metrics; empty when off
	SweepEvery    time.Duration
	Workers       int
	WriteDeadline time.Duration // W: the longest that a write to a store may take to land
	Events        []EventTarget
	Use           Use
	NamePattern   string           // a regular expression that the names of accounts must match; empty: keyrota's own judgement
	Sinks         []Sink           // where people are told things
	Runbook       string           // address of the runbook, to which messages add #CODE; empty: not written
	Routes        []Route          // which findings go to which sinks; empty: pages and tickets to every sink, to PagerDuty pages
	Reports       []ReportSchedule // reports that are made by themselves
	WorkingHours  Window           // when somebody is at work: what breaks before is a page; zero: around the clock
	Digest        string           // identifies the files that were read: see report.digest
}

// WandB says which W&B server and organization the accounts are in.
type WandB struct {
	URL          string // without a last slash
	Organization string // empty if not written
	AdminKey     Reference
	UserAgent    string // empty: keyrota's own
}

// Team is what was written about one W&B team.
type Team struct {
	Name     string
	AdminKey Reference // of an admin of this team; zero if there is none
	Pos      Position
}

// Account is one service account with the settings that hold for it.
type Account struct {
	// Ref names the account in the ledger and on the command line:
	// "team/name", or "organization//name" for one of organization scope.
	Ref         string
	Name        string
	Team        string // empty for organization scope
	Scope       Scope
	DefaultTeam string // of organization scope
	Purpose     string
	Owner       string
	UsedBy      []string
	Reason      string    // why organization scope is needed
	Reviewed    time.Time // midnight UTC of the day; zero if not written
	Subject     string    // of an external account
	Formerly    string    // the Ref that it had before; empty if not written
	State       State     // Active unless written
	Force       bool      // it may be quarantined or removed although it was used a short while ago
	// QuarantineWait is how long its owner is warned before the keys of an account
	// that is to be quarantined or removed are deleted.
	QuarantineWait time.Duration
	UnusedAfter    time.Duration // without a use for so long it is called unused
	ProposeAfter   time.Duration // unused for so long, switching it off is proposed; 0: never
	ReviewEvery    time.Duration // how long a review holds; 0: no review is expected
	Rhythm         time.Duration // how far apart its uses are as a rule, as a person says; 0: not said
	Weave          bool          // its jobs log through Weave, which leaves no run
	Projects       []string      // restricted projects that it needs, as team/project
	Identity       *Identity     // of an external account; nil: not written
	Manage         Manage        // Observe for every external account
	Schedule       Schedule
	Overlap        time.Duration
	MaxOverlap     time.Duration
	LongestJob     LongestJob
	Window         Window
	Freezes        Freezes
	// Env is a job's environment without the key: WANDB_BASE_URL, WANDB_ENTITY
	// where the team is known, and what env: adds.
	Env     map[string]string
	Deliver []Destination
	// Former are the places that destinations were at before, with the form that
	// the key has there. Each is delivered to for as long as it is on record.
	Former []Destination
	Pos    Position
	path   string
}

// Built-in defaults.
const (
	defaultURL           = "https://api.wandb.ai"
	defaultEvery         = 90 * 24 * time.Hour
	defaultOverlap       = 24 * time.Hour
	defaultWriteDeadline = 10 * time.Minute
	defaultListen        = "127.0.0.1:9464"
	defaultSweepEvery    = 5 * time.Minute
	defaultWorkers       = 16
	maxWorkers           = 64
)

// Parse checks the content of a configuration file, and of those that it
// includes, and resolves it. The Config is nil if there is an error among the
// problems. file is the file's path, for positions and for the relative paths
// in it; it is not opened.
func Parse(file string, data []byte, o Options) (*Config, Problems) {
	if o.Env == nil {
		o.Env = func(string) (string, bool) { return "", false }
	}
	if o.Beside == "" {
		o.Beside = filepath.Dir(file)
	}
	d := &decoder{&report{file: file, dir: o.Beside, nodes: map[string]*node{}}}
	d.reads(filepath.Base(file), data)
	var c *Config
	if root := readNodes(d.report, "", data, o.Env); root != nil {
		var doc document
		d.decode(root, reflect.ValueOf(&doc).Elem())
		for i := range doc.Accounts {
			doc.Accounts[i].path = fmt.Sprintf("accounts[%d]", i)
		}
		d.include(&doc, root.entry("include"), o.Dir)
		doc.Stores.decodeBlocks(d, o.StoreTypes)
		if !root.bad {
			c = resolver{decoder: d, doc: &doc, env: o.Env, envs: map[string]map[string]string{}}.resolve(o)
		}
	}
	d.problems.sort(file)
	problems := d.problems.once()
	if len(problems.Errors()) > 0 {
		return nil, problems
	}
	blocks := d.below("stores")
	for name, s := range c.Stores {
		s.report = blocks
		c.Stores[name] = s
	}
	return c, problems
}

// resolver checks a document and turns it into a Config.
type resolver struct {
	*decoder
	doc  *document
	env  func(string) (string, bool)
	envs map[string]map[string]string // see environment
}

func (r resolver) resolve(o Options) *Config {
	doc := r.doc
	c := &Config{
		File:          r.file,
		Instance:      doc.Instance,
		WandB:         r.wandb(),
		Stores:        maps.Clone(map[string]Store(doc.Stores)),
		Teams:         map[string]Team{},
		Ledger:        r.ledger(),
		Listen:        r.listen(),
		SweepEvery:    r.atLeast("sweep_every", doc.SweepEvery, defaultSweepEvery, time.Second),
		Workers:       r.workers(),
		WriteDeadline: r.atLeast("defaults.write_deadline", doc.Defaults.WriteDeadline, defaultWriteDeadline, time.Second),
		Events:        r.events(),
		Use:           r.use(),
		NamePattern:   r.namePattern(),
		WorkingHours:  r.workingHours(),
		Digest:        r.digest(),
	}
	for _, f := range doc.files {
		c.Included = append(c.Included, strings.TrimSuffix(f.path, fileEnd))
		r.checkSettings(f.path, &f.settings)
	}
	c.Allow, c.MaxRotations = r.allow(c), valueOr(doc.MaxRotationsPerDay, RotationLimit{Percent: defaultRotationPercent})
	r.general()
	r.checkSettings("defaults", &doc.Defaults.settings)
	for _, name := range slices.Sorted(maps.Keys(doc.Teams)) {
		t := doc.Teams[name]
		path := join("teams", name)
		r.checkTeam(path, name)
		r.checkSettings(path, &t.settings)
		c.Teams[name] = Team{Name: name, AdminKey: valueOr(t.AdminKey, Reference{}), Pos: r.position(path)}
	}
	c.Accounts = make([]Account, 0, len(doc.Accounts))
	for i := range doc.Accounts {
		c.Accounts = append(c.Accounts, r.account(i, c))
	}
	r.notify(c, o)
	c.Reports = r.reports(c)
	r.checkAccounts(c)
	r.checkMoves(c)
	r.checkReferences(c)
	r.checkConflicts(c)
	return c
}

func valueOr[T any](p *T, fallback T) T {
	if p == nil {
		return fallback
	}
	return *p
}
