package wandb

import (
	"fmt"

	"github.com/keyrota/keyrota/rotation"
)

// howToAdopt is the command that takes on a key that a person made.
func howToAdopt(a rotation.Account) string {
	return "run `keyrota adopt " + accountName(a) + " --key-file -` and paste a key of the account"
}

// whereAccountsAre is the page of W&B's user interface that lists the account.
func whereAccountsAre(a rotation.Account) string {
	if a.Scope == rotation.ScopeOrganization {
		return "organization dashboard, Service Accounts"
	}
	return "settings of team " + a.Team + ", Service Accounts"
}

// howToCreate says what a person clicks to create an account (W&B docs,
// service accounts) and runs then.
func (i *Issuer) howToCreate(a rotation.Account) string {
	switch a.Scope {
	case rotation.ScopeOrganization:
		of := ""
		if i.config.Organization != "" {
			of = " of " + i.config.Organization
		}
		return fmt.Sprintf("an organization admin%s opens in W&B: %s, New service account; name %q, default team %q; Create; then in its menu Create API key; then %s",
			of, whereAccountsAre(a), a.Name, a.Team, howToAdopt(a))
	case rotation.ScopeExternal:
		return fmt.Sprintf("a team admin opens in W&B: %s, New Team Service Account; name %q, authentication method Federated Identity, subject as in the JWT's sub; Create; it owns no key, so there is nothing to adopt",
			whereAccountsAre(a), a.Name)
	}
	return fmt.Sprintf("a team admin opens in W&B: %s, New Team Service Account; name %q; Create; then in its menu Create API key; then %s",
		whereAccountsAre(a), a.Name, howToAdopt(a))
}
