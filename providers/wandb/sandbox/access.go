package sandbox

// caller is who makes a request.
type caller struct {
	account *account
	key     *apiKey // nil with an access token
	// adminPrivileges says that the client asked to act as an administrator, as W&B's SDK does with the header
	// Use-Admin-Privileges. That an administrator is treated as anybody else without it is inferred from the name.
	adminPrivileges bool
	// knownClient says that the User-Agent is one that may see a user's apiKeys.
	knownClient bool
	ip          string
	userAgent   string
}

func (c caller) orgAdmin() bool {
	return c.account != nil && c.account.admin && c.adminPrivileges
}

func (c caller) teamAdmin(t *team) bool {
	return c.account != nil && t != nil && c.account.roles[t] == RoleAdmin
}

// inTeam says whether the caller works in the team: as a member, or as an organization-scoped service account.
func (c caller) inTeam(t *team) bool {
	if c.account == nil {
		return false
	}
	return c.account.memberOf(t) || c.account.scope == ScopeOrganization
}

// seesTeam says whether the caller may see a team and its members.
func (c caller) seesTeam(t *team) bool { return c.inTeam(t) || c.orgAdmin() }

// seesAccount says whether a search finds the account for the caller: itself, those of its teams, all for an
// administrator of the organization.
func (c caller) seesAccount(a *account) bool {
	if c.account == nil {
		return false
	}
	if a == c.account || c.orgAdmin() {
		return true
	}
	for t := range a.roles {
		if a.memberOf(t) && c.inTeam(t) {
			return true
		}
	}
	return false
}

// managesKeysOf says whether the caller may see and delete the keys of the account: its own always; those of the
// service accounts of a team for the team's administrators; all for administrators of the organization (W&B docs,
// service accounts).
func (c caller) managesKeysOf(a *account) bool {
	if c.account == nil {
		return false
	}
	return a == c.account || c.orgAdmin() || a.isService() && c.teamAdmin(a.team) && a.scope != ScopeOrganization
}

// managesTeam says whether the caller may add and remove the team's service accounts.
func (c caller) managesTeam(t *team) bool { return c.teamAdmin(t) || c.orgAdmin() }

// mayRead and mayWrite are the table of W&B's project visibilities (W&B docs, project visibility and service accounts).
// That administrators of the organization enter a restricted project only when added to it is our reading.
func (c caller) mayRead(p *project) bool {
	switch p.visibility {
	case VisibilityOpen, VisibilityPublic:
		return c.account != nil
	case VisibilityRestricted:
		return c.account != nil && p.added[c.account]
	}
	return c.inTeam(p.team) || c.orgAdmin()
}

func (c caller) mayWrite(p *project) bool {
	switch p.visibility {
	case VisibilityOpen:
		return c.account != nil
	case VisibilityRestricted:
		return c.account != nil && p.added[c.account]
	}
	return c.inTeam(p.team) || c.orgAdmin()
}
