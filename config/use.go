package config

import "time"

// Use says how the use of accounts is observed.
type Use struct {
	Every      time.Duration // how often
	Runs       bool          // ask the platform for the runs of accounts
	AuditLog   bool          // read the platform's audit log
	AuditFiles []string      // patterns of files that the log is synced to: JSON lines, also with gzip
	Stores     bool          // ask stores when a secret was last read
}

// State is what is wanted of an account as a whole.
type State string

// The states.
const (
	Active      State = "active"
	Quarantined State = "quarantined" // its keys are deleted at the platform, the secrets stay
	Removed     State = "removed"     // it is taken out of its team
)

// Values lists all values.
func (State) Values() []string {
	return []string{string(Active), string(Quarantined), string(Removed)}
}

// Identity says where the JWT of an external account comes from: a file, or an
// identity provider that gives one for client credentials.
type Identity struct {
	TokenFile    string // a file that holds the JWT
	TokenURL     string // or the token endpoint of an identity provider
	ClientID     string
	ClientSecret Reference
	Scope        string
	Audience     string // that is asked for, and that the JWT must name; empty: not checked
	JWTIssuer    string // that the JWT must name; empty: not checked
	CAFile       string
	// Keep are where a fresh JWT is kept: destinations, or one file.
	Keep     []Destination
	KeepFile string
	Pos      Position
}
