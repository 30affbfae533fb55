package config

import (
	"time"
)

// The types of this file are the configuration as written. Their comments are
// the descriptions in the JSON Schema. A pointer tells a field that was not
// written from one that was.

// document is one configuration file of keyrota.
type document struct {
	// Version of the configuration format; 1 when left out.
	Version *int `yaml:"version"`
	// Instance names this installation in every label and mark that keyrota writes, like prod. A change is refused once keys were made under it.
	Instance string `yaml:"instance" keyrota:"required"`
	// WandB says which W&B server and organization the accounts are in.
	WandB wandb `yaml:"wandb"`
	// Stores are the secrets managers that keys are delivered to, by a name of your choice.
	Stores stores `yaml:"stores"`
	// Defaults hold for every account that does not say otherwise.
	Defaults defaults `yaml:"defaults"`
	// Teams holds what the accounts of one W&B team share, by the team's name.
	Teams map[string]team `yaml:"teams"`
	// Accounts are the service accounts that keyrota looks after.
	Accounts []account `yaml:"accounts"`
	// Include names files with the accounts of one team each, beside this file, like teams/*.yaml. Such a file has team: and accounts:, and what the team's accounts share.
	Include patterns `yaml:"include"`
	// Allow says where keys of a team may be delivered, by the team's name: store:path, with * for any part of the path and /** at its end for everything below. Once it is written, teams of included files that are not in it may deliver nowhere.
	Allow map[string]allowed `yaml:"allow"`
	// MaxRotationsPerDay is how many rotations may begin by schedule within 24 hours: a number, or a part of the accounts like 10%, which it is when left out; one at least. What a person asks for is not held back.
	MaxRotationsPerDay *RotationLimit `yaml:"max_rotations_per_day"`
	// Ledger is where keyrota records what it did, a file, or postgres:// for several replicas; it never holds a key. Left out, it is a file in the user's state directory.
	Ledger ledger `yaml:"ledger"`
	// Listen is the address for health and metrics, or off; 127.0.0.1:9464 when left out.
	Listen *string `yaml:"listen"`
	// SweepEvery says how often the daemon looks at all accounts; 5m when left out.
	SweepEvery *time.Duration `yaml:"sweep_every"`
	// Workers is how many accounts are worked on at once; 16 when left out.
	Workers *int `yaml:"workers"`
	// Events are where everything that happens is told, besides the ledger: files and webhooks.
	Events []eventTarget `yaml:"events"`
	// Usage says how the use of accounts is observed.
	Usage writtenUse `yaml:"usage"`
	// Names says how service accounts are to be named.
	Names naming `yaml:"names"`
	// WorkingHours is when somebody is at work, like Mon-Fri 09:00-17:00 Europe/Berlin: what breaks before somebody is there again is a page. Mon-Fri 09:00-17:00 UTC when left out; always: around the clock.
	WorkingHours *Window `yaml:"working_hours"`
	// Notify says who is told of findings, and where.
	Notify notify `yaml:"notify"`
	// Reports are those that are made by themselves.
	Reports []writtenReport `yaml:"reports"`

	files []*teamFile // those included
}

// wandb says which W&B server and organization the accounts are in.
type wandb struct {
	// URL of the server; https://api.wandb.ai when left out.
	URL *string `yaml:"url"`
	// Organization is the name of the W&B organization.
	Organization string `yaml:"organization"`
	// AdminKey says where the API key of an admin stands. Without it, adopted accounts rotate by their own keys and none is provisioned.
	AdminKey *Reference `yaml:"admin_key"`
	// UserAgent replaces the user agent sent to W&B, for servers that know only some.
	UserAgent string `yaml:"user_agent"`
}

// settings may be written for all accounts, for a team and for one account.
type settings struct {
	// Manage is rotate (make, deliver and delete keys) or observe (watch and report, write nothing); rotate when left out.
	Manage *Manage `yaml:"manage"`
	// Every is the maximum age of a key, like 90d; 90d when neither every nor cron is written.
	Every *time.Duration `yaml:"every"`
	// Cron is when keys are due, instead of every: five fields and a time zone, like 0 9 * * Mon Europe/Berlin.
	Cron *cronExpression `yaml:"cron"`
	// Overlap is how long the old key works after every destination holds the new one; 24h when left out, and longer where longest_job needs it.
	Overlap *time.Duration `yaml:"overlap"`
	// MaxOverlap is how long evidence of use may hold back the deletion of the old key; twice the overlap when left out.
	MaxOverlap *time.Duration `yaml:"max_overlap"`
	// Window is when keys may be issued and deleted, like Mon-Thu 09:00-16:00 Europe/Berlin; always when left out.
	Window *Window `yaml:"window"`
	// Freeze lists stretches in which no key is issued or deleted. Those of defaults, team and account add up.
	Freeze []writtenFreeze `yaml:"freeze"`
	// LongestJob is how long a job may run with the key it started with, or forever: then every deletion waits for a person.
	LongestJob *LongestJob `yaml:"longest_job"`
	// Env is what the jobs' environment holds besides the key, for every format but raw and airflow-variable. Merges name by name.
	Env map[string]string `yaml:"env"`
	// Owner is whom to contact, a team's mailbox rather than a person.
	Owner *string `yaml:"owner"`
	// Tags are kept beside the secret, in stores that keep tags. Values may hold {{.Account.Name}} and the like. Merges name by name.
	Tags map[string]string `yaml:"tags"`
	// Deliver says where the key goes: store:path#field, the same in fields, or a list of either. In defaults or a team it is for every account that has none of its own, so its names need {{.Account.Name}}.
	Deliver deliveries `yaml:"deliver"`
	// UnusedAfter is how long an account may be without use before it is called unused; 45d when left out.
	UnusedAfter *time.Duration `yaml:"unused_after"`
	// ProposeQuarantineAfter is how long an account may be unused before a finding proposes to switch it off, with the lines to change; 0, and left out: never. keyrota never switches off by itself.
	ProposeQuarantineAfter *time.Duration `yaml:"propose_quarantine_after"`
	// ReviewEvery is how long a review (reviewed:) holds; 0, and left out: none is expected.
	ReviewEvery *time.Duration `yaml:"review_every"`
	// Rhythm is how far apart uses are as a rule, like 92d of a quarterly job, so that the pauses between are not taken for the end.
	Rhythm *time.Duration `yaml:"rhythm"`
	// QuarantineWait is how long the owner is warned before the keys of an account that is to be quarantined or removed are deleted; 7d when left out.
	QuarantineWait *time.Duration `yaml:"quarantine_wait"`
}

// defaults hold for every account that does not say otherwise.
type defaults struct {
	settings
	// WriteDeadline is the longest that a write to a store may take to land; every overlap is at least as long; 10m when left out.
	WriteDeadline *time.Duration `yaml:"write_deadline"`
}

// team holds what the accounts of one W&B team share.
type team struct {
	// AdminKey says where the API key of an admin of this team stands.
	AdminKey *Reference `yaml:"admin_key"`
	settings
}

// account is one W&B service account.
type account struct {
	// Name of the service account, by its use case, like ci-model-training.
	Name string `yaml:"name" keyrota:"required"`
	// Team that the account belongs to.
	Team string `yaml:"team"`
	// Scope is team, organization or external; team when a team is written.
	Scope Scope `yaml:"scope"`
	// DefaultTeam is where runs of an account of organization scope land.
	DefaultTeam string `yaml:"default_team"`
	// Purpose says what the account is for.
	Purpose string `yaml:"purpose"`
	// UsedBy names the systems that use it.
	UsedBy []string `yaml:"used_by"`
	// Reason says why organization scope is needed.
	Reason string `yaml:"reason"`
	// Reviewed is the day of the last review, like 2026-05-01.
	Reviewed *day `yaml:"reviewed"`
	// Subject of an external account: the sub of its JWT.
	Subject string `yaml:"subject"`
	// Formerly is what the account was called before, as name or team/name: its record goes on under the new name.
	Formerly string `yaml:"formerly"`
	// State is active, quarantined (its keys are deleted at W&B after quarantine_wait, its secrets stay) or removed (it is taken out of its team as well); active when left out.
	State *State `yaml:"state"`
	// Force lets an account be quarantined or removed although it was used a short while ago.
	Force bool `yaml:"force"`
	// Weave says that its jobs log through Weave, which leaves no run: without other evidence its use is unknown.
	Weave bool `yaml:"weave"`
	// Projects are the restricted projects that it needs, as team/project, or project of its own team.
	Projects []string `yaml:"projects"`
	// Identity says where the JWT of an external account comes from, so that its federation is tried.
	Identity *identity `yaml:"identity"`
	settings

	path string
	file *teamFile // nil: written in the root file
}

// day is a date.
type day struct{ time.Time }

func (t *day) decodeNode(d *decoder, n *node) {
	const hint = "write a day like 2026-05-01"
	if !d.wants(n, kindScalar, hint) {
		return
	}
	got, err := time.Parse(time.DateOnly, n.text)
	if err != nil {
		d.errorAt(n.path, "not a day", hint)
		return
	}
	t.Time = got
}

// Manage says what keyrota does with an account.
type Manage string

// What can be done with an account.
const (
	Observe Manage = "observe" // watch and report, write nothing
	Rotate  Manage = "rotate"
)

// Values lists all values.
func (Manage) Values() []string { return []string{string(Observe), string(Rotate)} }

// Scope says what a service account may reach (W&B docs, Service accounts).
type Scope string

// The scopes of service accounts.
const (
	ScopeTeam         Scope = "team"
	ScopeOrganization Scope = "organization"
	ScopeExternal     Scope = "external"
)

// Values lists all values.
func (Scope) Values() []string {
	return []string{string(ScopeTeam), string(ScopeOrganization), string(ScopeExternal)}
}

// LongestJob is how long a job may run with the key it started with.
type LongestJob struct {
	Forever  bool // no bound: every deletion waits for a person
	Duration time.Duration
}

// String returns it as written.
func (l LongestJob) String() string {
	if l.Forever {
		return "forever"
	}
	return FormatDuration(l.Duration)
}

func (l *LongestJob) decodeNode(d *decoder, n *node) {
	const hint = "write a duration like 3d, or forever"
	if !d.wants(n, kindScalar, hint) {
		return
	}
	if n.text == "forever" {
		l.Forever = true
		return
	}
	t, err := ParseDuration(n.text)
	if err != nil {
		d.errorAt(n.path, err.Error(), hint)
		return
	}
	l.Duration = t
}
