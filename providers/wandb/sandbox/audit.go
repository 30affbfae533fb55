package sandbox

import (
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
const maxAudit = 100_000

// record writes down what the caller did.
func (q *request) record(e AuditEntry) {
	e.Timestamp = q.now.UTC()
	e.ActorIP = q.ip
	e.ResponseCode = 200
	if q.account != nil {
		e.ActorUserID, e.ActorEmail = q.account.id, q.account.email
	}
	if version, ok := strings.CutPrefix(q.userAgent, knownUserAgent+" "); ok {
		e.CLIVersion, _, _ = strings.Cut(version, " ")
	}
	q.world.audit = append(q.world.audit, e)
	q.world.audit = q.world.audit[max(0, len(q.world.audit)-maxAudit):]
}

// about says to whom it was done.
func (e AuditEntry) about(a *account) AuditEntry {
	e.UserAsset, e.UserEmail = a.id, a.email
	return e
}

// in says in which project it was done.
func (e AuditEntry) in(p *project) AuditEntry {
	e.ProjectAsset, e.ProjectName, e.Visibility = p.id, p.name, p.visibility
	e.EntityAsset, e.EntityName = p.team.id, p.team.name
	return e
}

// anonymous drops e-mail addresses and names.
func (e AuditEntry) anonymous() AuditEntry {
	e.ActorEmail, e.UserEmail, e.EntityName, e.ProjectName = "", "", "", ""
	return e
}
