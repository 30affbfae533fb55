package awstest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Console is what a person does to the secrets of one account in one Region, as
// in the console of AWS. Nothing of it is counted, throttled, late or refused.
type Console struct {
	server *Server
	at     place
}

// At is the console of an account in a Region.
func (s *Server) At(account, region string) *Console {
	return &Console{server: s, at: place{account, region}}
}

// Secret is all that there is to know of a secret.
type Secret struct {
	Name, ARN, Description, KMSKeyID string
	PrimaryRegion                    string // "" unless it is replicated
	Replica                          bool
	Created, Changed, Accessed       time.Time
	Deleted, Gone                    time.Time // when its deletion was asked for, and when it is final
	Tags                             map[string]string
	Versions                         []Version         // in the order of their creation
	Replicas                         map[string]string // their status by Region
}

// Version is one version of a secret.
type Version struct {
	ID       string
	Value    string // of SecretString
	Binary   []byte // of SecretBinary
	Stages   []string
	Created  time.Time
	Accessed time.Time
}

// Labelled is the version with a staging label.
func (s Secret) Labelled(stage string) (Version, bool) {
	for _, v := range s.Versions {
		if slices.Contains(v.Stages, stage) {
			return v, true
		}
	}
	return Version{}, false
}

var errAbsent = errors.New("there is no such secret")

func (c *Console) do(name string, change func(r *region, e *entry, now time.Time) error) error {
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.options.Now()
	s.settle(now)
	r := s.region(c.at.account, c.at.region)
	e := r.find(name)
	err := errAbsent
	if e != nil && e.now != nil {
		err = change(r, e, now)
	}
	if err != nil {
		return fmt.Errorf("awstest: secret %s in %s: %w", name, r.name, err)
	}
	return nil
}

// edit changes a secret. A person cannot change a replica, or one that is being deleted.
func (c *Console) edit(name string, change func(s *secret, now time.Time)) error {
	return c.do(name, func(r *region, e *entry, now time.Time) error {
		next := e.now.clone()
		if next.replica || !next.deleted.IsZero() {
			return errors.New("it is a replica, or being deleted")
		}
		change(next, now)
		next.changed = now
		c.server.set(r, e, next, now)
		c.server.follow(r, e, now)
		return nil
	})
}

// Create makes a secret with a value, which may be "" for none, and tags.
func (c *Console) Create(name, value string, tags map[string]string) error {
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.options.Now()
	s.settle(now)
	r := s.region(c.at.account, c.at.region)
	if e := r.byName[name]; e != nil && e.now != nil {
		return fmt.Errorf("awstest: secret %s in %s is there already", name, r.name)
	}
	if failure := checkName(name); failure != nil {
		return fmt.Errorf("awstest: secret %s: %w", name, failure)
	}
	made := &secret{
		name: name, arn: r.arn(name, r.suffix(s.options.Seed, name)), primary: r.name, created: now, changed: now,
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		made.tags = append(made.tags, tag{key, tags[key]})
	}
	if value != "" {
		made.put(&version{id: s.uuid(), text: &value, created: now}, []string{current}, false)
	}
	s.add(r, made, now)
	return nil
}

// Edit gives a secret another value: a new version, which is the current one.
func (c *Console) Edit(name, value string) error {
	return c.edit(name, func(s *secret, now time.Time) {
		s.put(&version{id: c.server.uuid(), text: &value, created: now, kmsKeyID: s.kmsKeyID}, []string{current}, c.server.options.PutDropsLabels)
		s.prune(now)
	})
}

// Label moves a staging label to a version, or, if that is "", removes it.
func (c *Console) Label(name, stage, versionID string) error {
	return c.edit(name, func(s *secret, _ time.Time) {
		if versionID == "" {
			s.detach(stage)
			return
		}
		s.move(stage, versionID)
	})
}

// SetTags sets some tags of a secret, and leaves the others.
func (c *Console) SetTags(name string, tags map[string]string) error {
	return c.edit(name, func(s *secret, _ time.Time) {
		for _, key := range slices.Sorted(maps.Keys(tags)) {
			if at := s.tag(key); at >= 0 {
				s.tags[at].Value = tags[key]
			} else {
				s.tags = append(s.tags, tag{key, tags[key]})
			}
		}
	})
}

// Untag removes tags from a secret.
func (c *Console) Untag(name string, keys ...string) error {
	return c.edit(name, func(s *secret, _ time.Time) {
		s.tags = slices.DeleteFunc(s.tags, func(t tag) bool { return slices.Contains(keys, t.Key) })
	})
}

// Delete schedules a secret for deletion in 30 days.
func (c *Console) Delete(name string) error {
	return c.do(name, func(r *region, e *entry, now time.Time) error {
		c.server.mark(r, e, e.now.clone(), false, defaultWindow, now)
		return nil
	})
}

// ForceDelete deletes a secret at once.
func (c *Console) ForceDelete(name string) error {
	return c.do(name, func(r *region, e *entry, now time.Time) error {
		c.server.set(r, e, nil, now)
		return nil
	})
}

// Restore takes back a deletion that is not final.
func (c *Console) Restore(name string) error {
	return c.do(name, func(r *region, e *entry, now time.Time) error {
		next := e.now.clone()
		next.deleted, next.gone, next.forced, next.changed = time.Time{}, time.Time{}, false, now
		c.server.set(r, e, next, now)
		return nil
	})
}

// Raw returns the current value of a secret, if it has one.
func (c *Console) Raw(name string) (string, bool) {
	s, ok := c.Describe(name)
	if !ok {
		return "", false
	}
	v, ok := s.Labelled(current)
	if v.Binary != nil {
		return string(v.Binary), ok
	}
	return v.Value, ok
}

// Describe returns a secret as it is now, with its values, even while it is
// scheduled for deletion.
func (c *Console) Describe(name string) (Secret, bool) {
	var found Secret
	err := c.do(name, func(_ *region, e *entry, _ time.Time) error {
		found = e.now.public()
		return nil
	})
	return found, err == nil
}

// Names returns the names of all secrets, in order, also of those that are
// scheduled for deletion.
func (c *Console) Names() []string {
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(s.options.Now())
	var names []string
	for name, e := range s.region(c.at.account, c.at.region).byName {
		if e.now != nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (s *secret) public() Secret {
	p := Secret{
		Name: s.name, ARN: s.arn, Description: s.description, KMSKeyID: s.kmsKeyID, Replica: s.replica, Created: s.created,
		Changed: s.changed, Accessed: s.accessed, Deleted: s.deleted, Gone: s.gone, Tags: map[string]string{}, Replicas: map[string]string{},
	}
	for _, t := range s.tags {
		p.Tags[t.Key] = t.Value
	}
	for _, r := range s.replicas {
		p.Replicas[r.region] = r.status
	}
	if s.replica || len(s.replicas) > 0 {
		p.PrimaryRegion = s.primary
	}
	for _, v := range s.versions {
		p.Versions = append(p.Versions, Version{
			v.id, value(v.text), slices.Clone(v.binary), slices.Clone(v.stages), v.created, v.accessed,
		})
	}
	return p
}
