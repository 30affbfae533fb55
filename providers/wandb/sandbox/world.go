package sandbox

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// world is all that the server knows. It is guarded by Server.mu.
type world struct {
	organization string
	settings     Settings
	jwtIssuers   []JWTIssuer

	accounts   []*account // in the order of their creation, deleted ones too
	byID       map[string]*account
	byUsername map[string]*account
	keysByHash map[keyHash]*apiKey
	keysByID   map[string]*apiKey
	teams      []*team
	projects   []*project
	runs       []*run
	runsByID   map[string]*run
	tokens     map[keyHash]accessToken
	audit      auditLog

	nextID  int
	unsaved bool // something changed that must not be lost
}

// account is a person, or a service account, which has a scope.
type account struct {
	id        string
	username  string
	name      string
	email     string
	admin     bool  // of the organization
	scope     Scope // empty for a person
	team      *team // of a service account: its parent or default team
	subject   string
	roles     map[*team]Role
	keys      []*apiKey
	deletedAt time.Time
}

func (a *account) isService() bool { return a.scope != "" }

// memberOf says whether the account is in the team; one that was only invited is not.
func (a *account) memberOf(t *team) bool {
	role, listed := a.roles[t]
	return listed && role != RoleInvited
}

func (a *account) deleted() bool { return !a.deletedAt.IsZero() }

// defaultEntity is where runs land when the client names no entity.
func (a *account) defaultEntity() string {
	if a.team != nil {
		return a.team.name
	}
	return a.username
}

type team struct {
	id      string
	name    string
	members []*account // in the order in which they joined
	// projects are its projects by name.
	projects map[string]*project
}

type project struct {
	id         string
	name       string
	team       *team
	visibility Visibility
	added      map[*account]bool
	createdAt  time.Time
	runs       []*run
}

type accessToken struct {
	owner   *account
	expires time.Time
}

// newNodeID makes the opaque id of a new object, as Relay servers do.
func (w *world) newNodeID(kind string) string {
	w.nextID++
	return base64.StdEncoding.EncodeToString([]byte(kind + ":" + strconv.Itoa(w.nextID)))
}

// keepAbove makes sure that an id given in the seed is never given out again.
func (w *world) keepAbove(id string) {
	text, err := base64.StdEncoding.DecodeString(id)
	if err != nil {
		return
	}
	_, number, _ := strings.Cut(string(text), ":")
	if n, err := strconv.Atoi(number); err == nil && n > w.nextID {
		w.nextID = n
	}
}

func (w *world) team(name string) *team {
	i := slices.IndexFunc(w.teams, func(t *team) bool { return t.name == name })
	if i < 0 {
		return nil
	}
	return w.teams[i]
}

func (w *world) project(t *team, name string) *project {
	if t == nil {
		return nil
	}
	return t.projects[name]
}

func (w *world) addProject(p *project) {
	w.projects = append(w.projects, p)
	p.team.projects[p.name] = p
}

// account finds a live account by user name, or by name where only one bears it.
func (w *world) account(name string) (*account, error) {
	if a := w.byUsername[name]; a != nil && !a.deleted() {
		return a, nil
	}
	var found *account
	for _, a := range w.accounts {
		if a.name != name || a.deleted() {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("several accounts are named %q: use a user name", name)
		}
		found = a
	}
	if found == nil {
		return nil, fmt.Errorf("there is no account %q", name)
	}
	return found, nil
}

func (w *world) addAccount(a *account) {
	w.accounts = append(w.accounts, a)
	w.byID[a.id] = a
	w.byUsername[a.username] = a
}

// freeUsername makes a user name from an account's name, which need not be unique.
func (w *world) freeUsername(name string) string {
	base := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, name)
	username := base
	for i := 2; w.byUsername[username] != nil; i++ {
		username = fmt.Sprintf("%s-%d", base, i)
	}
	return username
}

func (w *world) addServiceAccount(name string, scope Scope, t *team, subject string) *account {
	a := &account{
		id: w.newNodeID("User"), username: w.freeUsername(name), name: name,
		scope: scope, team: t, subject: subject, roles: map[*team]Role{},
	}
	w.addAccount(a)
	if scope != ScopeOrganization {
		w.join(a, t, RoleMember)
	}
	return a
}

func (w *world) join(a *account, t *team, role Role) {
	a.roles[t] = role
	t.members = append(t.members, a)
}

// leave removes an account from a team; a service account is deleted by it, its keys with it.
func (w *world) leave(a *account, t *team, now time.Time) {
	delete(a.roles, t)
	t.members = slices.DeleteFunc(t.members, func(m *account) bool { return m == a })
	if !a.isService() || a.team != t {
		return
	}
	for _, k := range slices.Clone(a.keys) {
		w.removeKey(k)
	}
	a.deletedAt = now
}

func (w *world) addKey(k *apiKey) {
	k.owner.keys = append(k.owner.keys, k)
	w.keysByHash[k.hash] = k
	w.keysByID[k.id] = k
}

func (w *world) removeKey(k *apiKey) {
	k.owner.keys = slices.DeleteFunc(k.owner.keys, func(other *apiKey) bool { return other == k })
	delete(w.keysByHash, k.hash)
	delete(w.keysByID, k.id)
}
