package providers

import (
	"context"
	"io"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

// Run is one run as the platform shows it.
type Run struct {
	Team, Project string
	Name          string
	State         string // as the platform says: running, finished, crashed, failed, …
	Created       time.Time
	Heartbeat     time.Time // zero: not known
	// User is the user name of whom the run is credited to: the account, or a
	// person whom the job named.
	User string
}

// RunReporter is an Issuer that tells of runs. auth is a live key of an account;
// empty: the admin credential.
type RunReporter interface {
	// Projects yields the projects of a team that the credential sees.
	Projects(ctx context.Context, team string, auth Secret, yield func(project string) error) error
	// Runs yields the runs of a project that were created or beat at or after
	// since, page by page, the newest first. It returns nil only if it saw all of
	// them. NotFound: there is no such project, or the credential may not see it.
	Runs(ctx context.Context, team, project string, auth Secret, since time.Time, yield func(Run) error) error
	// Beating returns those runs of an account, of all projects of the teams that
	// the credential sees, that run now and were created before a time: they hold
	// a key from before it. Runs that it does not see are left out, so that none is
	// no proof that nothing runs.
	Beating(ctx context.Context, a rotation.Account, teams []string, auth Secret, before time.Time) ([]Run, error)
}

// Member is one member of a team.
type Member struct {
	ID       rotation.AccountID
	Username string
	Name     string
	Email    string
	Service  bool // a service account
	Pending  bool // invited, and has not joined
}

// Directory is an Issuer that shows who is in a team.
type Directory interface {
	// Members yields the members of a team; of none: those whom the organization
	// has beyond its teams' own, as the admin credential sees them. auth is a live
	// key of an account; empty: the admin credential.
	Members(ctx context.Context, team string, auth Secret, yield func(Member) error) error
}

// TeamTeller is an Issuer that tells which teams there are.
type TeamTeller interface {
	// Teams yields the teams of the organization, as far as the admin credential
	// sees them. A team that nobody is in may be missing.
	Teams(ctx context.Context, yield func(team string) error) error
}

// Access is what a credential may do with a project.
type Access string

// What a credential may do with a project.
const (
	AccessWrite Access = "write"
	AccessRead  Access = "read"
	AccessNone  Access = "none" // it is not there, or the credential may not see it
)

// AccessChecker is an Issuer that can be asked what a credential may do.
type AccessChecker interface {
	// Access says what a credential may do with a project.
	Access(ctx context.Context, team, project string, auth Secret) (Access, error)
	// AuditAccess says whether the admin credential may read the audit log: nil,
	// or an *Error.
	AuditAccess(ctx context.Context) error
}

// AuditEntry is what matters here of one entry of the platform's audit log.
type AuditEntry struct {
	At      time.Time
	Action  string             // such as "artifact:read"
	Actor   rotation.AccountID // who acted; may be empty
	Target  rotation.AccountID // to whom it was done; may be empty
	Team    string
	Project string
	Status  int // of the answer; 0: not said
}

// AuditReader is an Issuer that gives its audit log back.
type AuditReader interface {
	// Audit yields the entries from a time up to, not including, another, in
	// bounded memory however many there are. After each page page is told how far
	// it is, and a cursor from which a later call goes on, where cursor is given
	// instead of starting over; an empty one, or one that means nothing (any
	// more), starts at from. It returns nil only if it saw all of them. Denied: the
	// credential may not read it. An entry may come twice.
	Audit(ctx context.Context, from, until time.Time, cursor string, yield func(AuditEntry) error, page func(AuditPage) error) error
}

// AuditPage is what was read of the audit log, up to the end of a page.
type AuditPage struct {
	Cursor string    // where to go on
	Until  time.Time // all before it was read; no later than the platform's own clock
	AuditCount
}

// AuditCount counts entries of an audit log.
type AuditCount struct {
	Entries int // that could be read, of any time
	Broken  int // that could not: what they would have told is not known
}

// AuditDecoder is an Issuer whose audit log is had as files too.
type AuditDecoder interface {
	// DecodeAudit yields the entries of a file of the log, gzip-compressed or not,
	// in bounded memory. Broken entries are counted and passed over.
	DecodeAudit(r io.Reader, yield func(AuditEntry) error) (AuditCount, error)
}

// AccessReporter is a SecretStore that knows when a secret was last read.
type AccessReporter interface {
	// LastRead yields when the secret of each destination was last read by
	// anybody, as precise as the store tells (Precision says how precise), and a
	// zero time where it never was. What it does not yield is not known.
	LastRead(ctx context.Context, ds []rotation.Destination, yield func(d rotation.Destination, at time.Time) error) error
	// Precision is the length of the stretches of time that the store tells
	// apart: 24 hours where it knows only the day.
	Precision() time.Duration
}

// AccountRemover is an Issuer that can take an account out of its team, which is how a
// service account is deleted there.
type AccountRemover interface {
	// RemoveAccount removes an account from its team. One that is absent already
	// is no error.
	RemoveAccount(ctx context.Context, a rotation.Account) error
}

// Token is what a federated account is given for its JWT.
type Token struct {
	Access  Secret
	Expires time.Time
}

// Exchanger is an Issuer that gives a federated account an access token.
type Exchanger interface {
	// Exchange trades a JWT for an access token (RFC 7523). Denied: the platform
	// rejects the JWT, and will again. The error never quotes the JWT.
	Exchange(ctx context.Context, jwt Secret) (Token, error)
	// Bearer says whose an access token is.
	Bearer(ctx context.Context, access Secret) (Identity, error)
}
