package rotation

// AccountID is the platform's own id of a service account.
type AccountID string

// Ref is how the configuration and the ledger name an account, before and
// after its platform id is known: "<team>/<name>", or "<organization>//<name>"
// for an account of organization scope.
type Ref string

// Scope says what a service account may reach.
type Scope string

// The scopes that W&B knows.
const (
	ScopeTeam         Scope = "team"
	ScopeOrganization Scope = "organization"
	ScopeExternal     Scope = "external"
)

// Account is one service account.
type Account struct {
	Ref   Ref
	ID    AccountID // empty until the platform was asked
	Name  string
	Scope Scope
	Team  string // parent team; for organization scope the default team
}
