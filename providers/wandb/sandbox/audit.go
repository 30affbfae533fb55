package sandbox

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// AuditEntry is one line of the audit log, with the fields of W&B's (W&B docs, audit logs) that the sandbox fills.
// Which of them an entry of W&B's has, and in what form the ids are, is not public for every action.
type AuditEntry struct {
	Action       string    `json:"action" yaml:"action"`
	ActorEmail   string    `json:"actor_email,omitempty" yaml:"actor_email,omitempty"`
	ActorIP      string    `json:"actor_ip,omitempty" yaml:"actor_ip,omitempty"`
	ActorUserID  string    `json:"actor_user_id,omitempty" yaml:"actor_user_id,omitempty"`
	CLIVersion   string    `json:"cli_version,omitempty" yaml:"cli_version,omitempty"`
	EntityAsset  string    `json:"entity_asset,omitempty" yaml:"entity_asset,omitempty"`
	EntityName   string    `json:"entity_name,omitempty" yaml:"entity_name,omitempty"`
	ProjectAsset string    `json:"project_asset,omitempty" yaml:"project_asset,omitempty"`
	ProjectName  string    `json:"project_name,omitempty" yaml:"project_name,omitempty"`
	ResponseCode int       `json:"response_code,omitempty" yaml:"response_code,omitempty"`
	Timestamp    time.Time `json:"timestamp" yaml:"timestamp"`
	UserAsset    string    `json:"user_asset,omitempty" yaml:"user_asset,omitempty"`
	UserEmail    string    `json:"user_email,omitempty" yaml:"user_email,omitempty"`

	// Visibility is the project's when the entry was made; the multi-tenant log leaves out open and public projects.
	Visibility Visibility `json:"-" yaml:"visibility,omitempty"`
}

// maxAudit is how many entries are kept, the newest ones.
const maxAudit = 2_000_000

// auditLog are the entries, oldest first. Entries that are in it do not change, so that a part of it can be read
// without the server's lock.
type auditLog struct {
	entries   []AuditEntry
	forgotten int // how many older ones there were
}

func newAuditLog(entries []AuditEntry) auditLog {
	sorted := slices.Clone(entries)
	slices.SortStableFunc(sorted, func(a, b AuditEntry) int { return a.Timestamp.Compare(b.Timestamp) })
	forgotten := max(0, len(sorted)-maxAudit)
	return auditLog{sorted[forgotten:], forgotten}
}

func (l *auditLog) add(e AuditEntry) {
	at := l.from(e.Timestamp.Add(1))
	if at < len(l.entries) { // the clock went back
		l.entries = slices.Clone(l.entries)
	}
	l.entries = slices.Insert(l.entries, at, e)
	if n := len(l.entries) - maxAudit; n > 0 {
		l.entries, l.forgotten = l.entries[n:], l.forgotten+n
	}
}

// from is the place of the first entry at or after a time.
func (l *auditLog) from(t time.Time) int {
	at, _ := slices.BinarySearchFunc(l.entries, t, func(e AuditEntry, t time.Time) int { return e.Timestamp.Compare(t) })
	return at
}

// refuse writes down what the caller may not do, and returns the error to answer. That W&B's log has such an entry is
// our reading of its field response_code.
func (q *request) refuse(e AuditEntry, err error) error {
	e.ResponseCode = 403
	q.record(e)
	return err
}

// record writes down what the caller did.
func (q *request) record(e AuditEntry) {
	e.Timestamp = q.now.UTC()
	e.ActorIP = q.ip
	e.ResponseCode = cmp.Or(e.ResponseCode, 200)
	if q.account != nil {
		e.ActorUserID, e.ActorEmail = q.account.id, q.account.email
	}
	if version, ok := strings.CutPrefix(q.userAgent, knownUserAgent+" "); ok {
		e.CLIVersion, _, _ = strings.Cut(version, " ")
	}
	q.world.audit.add(e)
}

// about says to whom it was done.
func (e AuditEntry) about(a *account) AuditEntry {
	e.UserAsset, e.UserEmail = a.id, a.email
	return e
}

// of says in which team it was done.
func (e AuditEntry) of(t *team) AuditEntry {
	e.EntityAsset, e.EntityName = t.id, t.name
	return e
}

// in says in which project it was done.
func (e AuditEntry) in(p *project) AuditEntry {
	e.ProjectAsset, e.ProjectName, e.Visibility = p.id, p.name, p.visibility
	return e.of(p.team)
}

// anonymous drops e-mail addresses and names.
func (e AuditEntry) anonymous() AuditEntry {
	e.ActorEmail, e.UserEmail, e.EntityName, e.ProjectName = "", "", "", ""
	return e
}
