package sandbox

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// build makes the world that a seed describes. It reports every mistake in the seed at once.
func (s *Server) build(seed Seed, now time.Time) (*world, error) {
	w := &world{
		organization: seed.Organization,
		settings:     seed.Settings,
		jwtIssuers:   seed.JWTIssuers,
		byID:         map[string]*account{},
		byUsername:   map[string]*account{},
		keysByHash:   map[keyHash]*apiKey{},
		keysByID:     map[string]*apiKey{},
		runsByID:     map[string]*run{},
		tokens:       map[keyHash]accessToken{},
		audit:        newAuditLog(seed.AuditLog),
		nextID:       seed.NextID,
	}
	w.settings.Keys = cmp.Or(w.settings.Keys, KeysHashed)
	w.settings.Version = cmp.Or(w.settings.Version, "0.84.0")
	for _, id := range seed.ids() {
		w.keepAbove(id)
	}
	b := builder{Server: s, world: w, now: now}
	b.checkSettings()
	b.addTeams(seed.Teams)
	b.addPeople(seed.People)
	b.addServiceAccounts(seed.ServiceAccounts)
	b.addProjects(seed.Projects)
	b.addRuns(seed.Runs)
	for i, f := range seed.Faults {
		b.note(f.check(), "faults[%d]", i)
	}
	if err := errors.Join(b.mistakes...); err != nil {
		return nil, fmt.Errorf("the sandbox's seed: %w", err)
	}
	return w, nil
}

// ids are all the node ids that a seed gives.
func (seed Seed) ids() []string {
	var ids []string
	keys := func(keys []Key) {
		for _, k := range keys {
			ids = append(ids, k.ID)
		}
	}
	for _, t := range seed.Teams {
		ids = append(ids, t.ID)
	}
	for _, p := range seed.People {
		ids = append(ids, p.ID)
		keys(p.Keys)
	}
	for _, a := range seed.ServiceAccounts {
		ids = append(ids, a.ID)
		keys(a.Keys)
	}
	for _, p := range seed.Projects {
		ids = append(ids, p.ID)
	}
	for _, r := range seed.Runs {
		ids = append(ids, r.ID)
	}
	return ids
}

type builder struct {
	*Server
	*world
	now      time.Time
	mistakes []error
}

func (b *builder) note(err error, where string, args ...any) {
	if err != nil {
		b.mistakes = append(b.mistakes, fmt.Errorf("%s: %w", fmt.Sprintf(where, args...), err))
	}
}

func (b *builder) checkSettings() {
	if b.organization == "" {
		b.note(errors.New("is missing"), "organization")
	}
	if k := b.settings.Keys; k != KeysHashed && k != KeysShown {
		b.note(fmt.Errorf("%q is neither %s nor %s", k, KeysHashed, KeysShown), "server.keys")
	}
	switch b.settings.Deployment {
	case "", deploymentMultiTenant, deploymentDedicated:
	default:
		b.note(fmt.Errorf("%q is neither %s nor %s", b.settings.Deployment, deploymentMultiTenant, deploymentDedicated), "server.deployment")
	}
	if l := b.settings.RateLimit; l != nil && (l.Requests < 1 || l.Per <= 0) {
		b.note(errors.New("needs a positive number of requests and a period"), "server.rate_limit")
	}
}

func (b *builder) addTeams(teams []Team) {
	for i, t := range teams {
		if t.Name == "" || b.team(t.Name) != nil {
			b.note(fmt.Errorf("the name %q is empty or taken", t.Name), "teams[%d]", i)
			continue
		}
		b.teams = append(b.teams, &team{id: b.idOr(t.ID, "Entity"), name: t.Name, projects: map[string]*project{}})
	}
}

func (b *builder) idOr(id, kind string) string {
	if id != "" {
		return id
	}
	return b.newNodeID(kind)
}

func (b *builder) addPeople(people []Person) {
	for i, p := range people {
		if p.Username == "" || b.byUsername[p.Username] != nil {
			b.note(fmt.Errorf("the user name %q is empty or taken", p.Username), "people[%d]", i)
			continue
		}
		a := &account{
			id: b.idOr(p.ID, "User"), username: p.Username, name: cmp.Or(p.Name, p.Username),
			email: p.Email, admin: p.Admin, roles: map[*team]Role{},
		}
		b.addAccount(a)
		for _, t := range b.teams {
			if role, ok := p.Teams[t.name]; ok {
				b.join(a, t, role)
			}
		}
		for name, role := range p.Teams {
			if b.team(name) == nil {
				b.note(fmt.Errorf("there is no team %q", name), "people[%d].teams", i)
			}
			if role != RoleAdmin && role != RoleMember && role != RoleInvited {
				b.note(fmt.Errorf("%q is not %s, %s or %s", role, RoleAdmin, RoleMember, RoleInvited), "people[%d].teams.%s", i, name)
			}
		}
		b.addKeys(a, p.Keys, "people", i)
	}
}

func (b *builder) addServiceAccounts(accounts []ServiceAccount) {
	for i, s := range accounts {
		t := b.team(s.Team)
		scope := cmp.Or(s.Scope, ScopeTeam)
		switch {
		case s.Name == "":
			b.note(errors.New("has no name"), "service_accounts[%d]", i)
			continue
		case t == nil:
			b.note(fmt.Errorf("there is no team %q", s.Team), "service_accounts[%d]", i)
			continue
		case scope != ScopeTeam && scope != ScopeOrganization && scope != ScopeExternal:
			b.note(fmt.Errorf("scope %q is not %s, %s or %s", scope, ScopeTeam, ScopeOrganization, ScopeExternal), "service_accounts[%d]", i)
			continue
		case scope == ScopeExternal && (s.Subject == "" || len(s.Keys) > 0):
			b.note(errors.New("an external account needs a subject and has no keys"), "service_accounts[%d]", i)
			continue
		case s.Username != "" && b.byUsername[s.Username] != nil:
			b.note(fmt.Errorf("the user name %q is taken", s.Username), "service_accounts[%d]", i)
			continue
		}
		a := &account{
			id: b.idOr(s.ID, "User"), name: s.Name, scope: scope, team: t, subject: s.Subject,
			username: cmp.Or(s.Username, b.freeUsername(s.Name)), roles: map[*team]Role{}, deletedAt: s.DeletedAt,
		}
		b.addAccount(a)
		if a.deleted() {
			continue
		}
		if scope != ScopeOrganization {
			b.join(a, t, RoleMember)
		}
		b.addKeys(a, s.Keys, "service_accounts", i)
	}
}

func (b *builder) addKeys(a *account, keys []Key, list string, index int) {
	for i, k := range keys {
		if err := b.addSeededKey(a, k); err != nil {
			b.note(err, "%s[%d].keys[%d]", list, index, i)
		}
	}
}

func (b *builder) addSeededKey(a *account, k Key) error {
	if k.Value == generateKey {
		key, value, err := b.issueKey(b.world, a, k.Description, b.now)
		if err == nil {
			b.generated[key.id] = value
		}
		return err
	}
	hash, err := k.hash()
	if err != nil {
		return err
	}
	if b.keysByHash[hash] != nil {
		return errors.New("the same key is given twice")
	}
	key := &apiKey{
		id: b.idOr(k.ID, "ApiKey"), name: k.Name, description: k.Description, hash: hash, owner: a,
		createdAt: k.CreatedAt, validFrom: k.ValidFrom, lastUsedAt: k.LastUsedAt,
	}
	if key.createdAt.IsZero() {
		key.createdAt = b.now
	}
	if hash.String() != k.Value {
		key.name = cmp.Or(k.Name, k.Value[:nameLength])
		if b.settings.Keys == KeysShown {
			key.value = k.Value
		}
	}
	b.addKey(key)
	return nil
}

func (b *builder) addProjects(projects []Project) {
	for i, p := range projects {
		t := b.team(p.Team)
		if t == nil {
			b.note(fmt.Errorf("there is no team %q", p.Team), "projects[%d]", i)
			continue
		}
		if p.Name == "" || b.project(t, p.Name) != nil {
			b.note(fmt.Errorf("the name %q is empty or taken", p.Name), "projects[%d]", i)
			continue
		}
		v := cmp.Or(p.Visibility, VisibilityTeam)
		if v != VisibilityOpen && v != VisibilityPublic && v != VisibilityTeam && v != VisibilityRestricted {
			b.note(fmt.Errorf("%q is not open, public, team or restricted", v), "projects[%d].visibility", i)
		}
		created := &project{
			id: b.idOr(p.ID, "Project"), name: p.Name, team: t, visibility: v,
			added: map[*account]bool{}, createdAt: p.CreatedAt,
		}
		if created.createdAt.IsZero() {
			created.createdAt = b.now
		}
		for _, name := range p.Members {
			a, err := b.account(name)
			if err != nil {
				b.note(err, "projects[%d].members", i)
				continue
			}
			created.added[a] = true
		}
		b.addProject(created)
	}
}

func (b *builder) addRuns(runs []Run) {
	for i, r := range runs {
		p := b.project(b.team(r.Team), r.Project)
		owner, user := b.byUsername[r.Account], b.byUsername[cmp.Or(r.CreditedTo, r.Account)]
		if p == nil || owner == nil || user == nil {
			b.note(errors.New("its project or its account does not exist"), "runs[%d]", i)
			continue
		}
		b.addRun(&run{
			id: b.idOr(r.ID, "Run"), name: r.Name, displayName: r.DisplayName, project: p, owner: owner, user: user,
			keyID: r.KeyID, state: cmp.Or(r.State, "running"), createdAt: r.CreatedAt, heartbeatAt: r.HeartbeatAt,
		})
	}
}
