package sandbox

import (
	"fmt"
	"slices"
	"time"
)

// The methods here are for tests and for the demo; they look behind the API, and change what a person would change in
// W&B's user interface.

type call struct {
	operation string
	account   *account // nil without valid credentials
}

// KeyInfo is one key of an account, without its value.
type KeyInfo struct {
	ID          string
	Name        string // its first part
	Description string
	Hash        string // "sha256:" and hexadecimal digits
	CreatedAt   time.Time
	ValidFrom   time.Time
	LastUsedAt  time.Time
}

// AccountInfo is one account.
type AccountInfo struct {
	ID       string
	Username string
	Name     string
	Scope    Scope // empty for a person
	Team     string
}

// Use is one request that logged to a run.
type Use struct {
	At      time.Time
	Account string // user name
	KeyID   string // empty with an access token
	Run     string
	Project string // team/name
}

// maxUses is how many uses are kept, the newest ones.
const maxUses = 100_000

// Uses are the requests that logged to runs, oldest first: which keys are really in use.
func (s *Server) Uses() []Use {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.uses)
}

// Calls says how often an operation was asked for, whatever came of it: the name of a GraphQL field at the root of a
// request, or one of the names that Fault.Operation has for the other endpoints.
func (s *Server) Calls(operation string) int {
	return s.count(func(c call) bool { return c.operation == operation })
}

// CallsBy is Calls for one account, by user name or name.
func (s *Server) CallsBy(name, operation string) int {
	return s.count(func(c call) bool {
		return c.operation == operation && c.account != nil && (c.account.username == name || c.account.name == name)
	})
}

func (s *Server) count(counts func(call) bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	total := 0
	for c, n := range s.calls {
		if counts(c) {
			total += n
		}
	}
	return total
}

// Accounts are all accounts that are not deleted, in the order of their creation.
func (s *Server) Accounts() []AccountInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []AccountInfo
	for _, a := range s.world.accounts {
		if a.deleted() {
			continue
		}
		info := AccountInfo{ID: a.id, Username: a.username, Name: a.name, Scope: a.scope}
		if a.team != nil {
			info.Team = a.team.name
		}
		all = append(all, info)
	}
	return all
}

// Keys are an account's keys, oldest first; none for an account that does not exist. The account is given by user name
// or by name.
func (s *Server) Keys(accountName string) []KeyInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.world.account(accountName)
	if err != nil {
		return nil
	}
	var keys []KeyInfo
	for _, k := range a.keys {
		keys = append(keys, KeyInfo{
			ID: k.id, Name: k.name, Description: k.description, Hash: k.hash.String(),
			CreatedAt: k.createdAt, ValidFrom: k.validFrom, LastUsedAt: k.lastUsedAt,
		})
	}
	return keys
}

// IsLive says whether a key would be accepted now.
func (s *Server) IsLive(value string) bool {
	_, live := s.KeyID(value)
	return live
}

// KeyID finds the id of a live key by its value.
func (s *Server) KeyID(value string) (id string, live bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.world.keyByValue(value)
	if k == nil || s.options.Now().Before(k.validFrom) {
		return "", false
	}
	return k.id, true
}

// Generated is the value of the first key that the seed asked to be generated for an account. It is known only to the
// server that was made from that seed.
func (s *Server) Generated(accountName string) (value string, ok bool) {
	for _, k := range s.Keys(accountName) {
		s.mu.Lock()
		value, ok = s.generated[k.ID]
		s.mu.Unlock()
		if ok {
			return value, true
		}
	}
	return "", false
}

// Audit is the whole audit log, oldest first.
func (s *Server) Audit() []AuditEntry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.world.audit.entries)
}

// CreateServiceAccount makes an account of any scope, as an administrator does in W&B's user interface; the API can
// make only team-scoped ones. team is the parent or default team; subject is for external accounts.
func (s *Server) CreateServiceAccount(name string, scope Scope, teamName, subject string) (AccountInfo, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.world.team(teamName)
	switch {
	case name == "":
		return AccountInfo{}, fmt.Errorf("a service account needs a name")
	case t == nil:
		return AccountInfo{}, fmt.Errorf("there is no team %q", teamName)
	case scope != ScopeOrganization && scope != ScopeTeam && scope != ScopeExternal:
		return AccountInfo{}, fmt.Errorf("there is no scope %q", scope)
	case (scope == ScopeExternal) != (subject != ""):
		return AccountInfo{}, fmt.Errorf("an external account needs a subject, and no other has one")
	}
	a := s.world.addServiceAccount(name, scope, t, subject)
	return AccountInfo{ID: a.id, Username: a.username, Name: a.name, Scope: a.scope, Team: t.name}, s.save()
}

// CreateKey makes a key for any account, as an administrator does in W&B's user interface, and returns its value, this
// once. The account is given by user name or by name.
func (s *Server) CreateKey(accountName, description string) (id, value string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.world.account(accountName)
	if err != nil {
		return "", "", err
	}
	if err := s.world.belowKeyLimit(a); err != nil {
		return "", "", err
	}
	if a.scope == ScopeExternal {
		return "", "", fmt.Errorf("%s is an external account: it has no API keys", accountName)
	}
	k, value, err := s.issueKey(s.world, a, description, s.options.Now())
	if err != nil {
		return "", "", err
	}
	return k.id, value, s.save()
}

// DeleteKey deletes a key behind the API's back, as a person does in W&B's user interface. It says whether there was one.
func (s *Server) DeleteKey(id string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.world.keysByID[id]
	if k == nil {
		return false, nil
	}
	s.world.removeKey(k)
	return true, s.save()
}

// Configure changes the server's settings while it runs, as an administrator does.
func (s *Server) Configure(change func(*Settings)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.world.settings)
	return s.save()
}
