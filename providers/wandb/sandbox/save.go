package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/goccy/go-yaml"
)

// savedAudit is how many entries of the audit log a state holds, the newest ones.
const savedAudit = 1000

// State is the current state as a seed, with hashes in place of keys. Access tokens are not part of it: their owners
// exchange a JWT again.
func (s *Server) State() Seed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state()
}

// Save writes the current state to a file that only its owner can read, replacing it in one step.
func (s *Server) Save(path string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return writeSeed(path, s.state())
}

func (s *Server) saveNow() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.save()
}

// save writes the state where one is kept. It happens before the answer to every change of accounts and keys; runs,
// faults and the audit log go along with the next one, and at the end of Serve. s.mu is held.
func (s *Server) save() error {
	if s.options.StatePath != "" {
		if err := writeSeed(s.options.StatePath, s.state()); err != nil {
			return err
		}
	}
	s.world.unsaved = false
	return nil
}

func (s *Server) state() Seed {
	w := s.world
	seed := Seed{
		Organization: w.organization,
		Settings:     w.settings,
		JWTIssuers:   slices.Clone(w.jwtIssuers),
		Faults:       append([]Fault(nil), s.faults...),
		AuditLog:     slices.Clone(w.audit.entries[max(0, len(w.audit.entries)-savedAudit):]),
		NextID:       w.nextID,
	}
	for _, t := range w.teams {
		seed.Teams = append(seed.Teams, Team{Name: t.name, ID: t.id})
	}
	for _, a := range w.accounts {
		if a.isService() {
			seed.ServiceAccounts = append(seed.ServiceAccounts, ServiceAccount{
				Name: a.name, Scope: a.scope, Team: a.team.name, Subject: a.subject, Keys: a.state(),
				Username: a.username, ID: a.id, DeletedAt: a.deletedAt,
			})
			continue
		}
		person := Person{Username: a.username, Name: a.name, Email: a.email, Admin: a.admin, Keys: a.state(), ID: a.id}
		for t, role := range a.roles {
			if person.Teams == nil {
				person.Teams = map[string]Role{}
			}
			person.Teams[t.name] = role
		}
		seed.People = append(seed.People, person)
	}
	for _, p := range w.projects {
		saved := Project{Name: p.name, Team: p.team.name, Visibility: p.visibility, ID: p.id, CreatedAt: p.createdAt}
		for a := range p.added {
			if !a.deleted() {
				saved.Members = append(saved.Members, a.username)
			}
		}
		slices.Sort(saved.Members)
		seed.Projects = append(seed.Projects, saved)
	}
	for _, r := range w.runs {
		seed.Runs = append(seed.Runs, Run{
			Name: r.name, Team: r.project.team.name, Project: r.project.name, Account: r.owner.username,
			CreditedTo: r.user.username, KeyID: r.keyID, State: r.state, CreatedAt: r.createdAt,
			HeartbeatAt: r.heartbeatAt, ID: r.id, DisplayName: r.displayName,
		})
	}
	return seed
}

// state is an account's keys as hashes.
func (a *account) state() []Key {
	var keys []Key
	for _, k := range a.keys {
		keys = append(keys, Key{
			Value: k.hash.String(), Description: k.description, Name: k.name, ID: k.id,
			CreatedAt: k.createdAt, ValidFrom: k.validFrom, LastUsedAt: k.lastUsedAt,
		})
	}
	return keys
}

func writeSeed(path string, seed Seed) (err error) {
	data, err := yaml.Marshal(seed)
	if err != nil {
		return fmt.Errorf("writing the sandbox's state as YAML: %w", err)
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".sandbox-*")
	if err != nil {
		return fmt.Errorf("saving the sandbox's state: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
			err = fmt.Errorf("saving the sandbox's state: %w", err)
		}
	}()
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
