package azuretest

import (
	"maps"
	"time"
)

// Version is what a person sees of one version.
type Version struct {
	ID          string
	Value       string
	Created     time.Time
	Enabled     bool
	NotBefore   time.Time // zero: none
	Expires     time.Time // zero: none
	ContentType string
	Managed     bool // it belongs to a certificate
	Tags        map[string]string
}

// Raw returns a secret's current value as a reader gets it: false if the secret
// is not there, deleted or disabled.
func (v *Vault) Raw(name string) (string, bool) {
	v.server.mu.Lock()
	defer v.server.mu.Unlock()
	now := v.entry(name).now
	if now == nil || now.deleted != nil || !now.current().enabled {
		return "", false
	}
	return now.current().value, true
}

// Edit makes a new version by hand, as the portal does: with a value and
// nothing beside it. It recovers a deleted secret.
func (v *Vault) Edit(name, value string) { v.EditWith(name, Version{Value: value, Enabled: true}) }

// EditWith makes a new version with properties; ID and Created are not used.
func (v *Vault) EditWith(name string, made Version) {
	v.server.mu.Lock()
	defer v.server.mu.Unlock()
	if e := v.entry(name); e.now != nil && e.now.deleted != nil {
		v.restore(e)
	}
	next := version{value: made.Value, enabled: made.Enabled, contentType: made.ContentType, managed: made.Managed, tags: made.Tags}
	if !made.NotBefore.IsZero() {
		next.notBefore = &made.NotBefore
	}
	if !made.Expires.IsZero() {
		next.expires = &made.Expires
	}
	v.put(name, next)
}

// Tag sets a tag of the current version.
func (v *Vault) Tag(name, key, value string) {
	v.onCurrent(name, func(now *version) {
		if now.tags == nil {
			now.tags = map[string]string{}
		}
		now.tags[key] = value
	})
}

// Untag removes all tags of every version.
func (v *Vault) Untag(name string) {
	v.server.mu.Lock()
	defer v.server.mu.Unlock()
	e := v.entry(name)
	if e.now == nil {
		return
	}
	for _, old := range e.now.versions {
		v.update(e, old.id, func(now *version) { now.tags = nil })
	}
}

// Tags returns the tags of the current version.
func (v *Vault) Tags(name string) map[string]string {
	all := v.Versions(name)
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1].Tags
}

// Disable disables the current version, Enable enables it again.
func (v *Vault) Disable(name string) { v.onCurrent(name, func(now *version) { now.enabled = false }) }

// Enable enables the current version.
func (v *Vault) Enable(name string) { v.onCurrent(name, func(now *version) { now.enabled = true }) }

// Delete deletes a secret so that it can be recovered.
func (v *Vault) Delete(name string) {
	v.server.mu.Lock()
	defer v.server.mu.Unlock()
	if e := v.entry(name); e.now != nil && e.now.deleted == nil {
		v.remove(e)
	}
}

// Recover brings a deleted secret back.
func (v *Vault) Recover(name string) {
	v.server.mu.Lock()
	defer v.server.mu.Unlock()
	if e := v.entry(name); e.now != nil && e.now.deleted != nil {
		v.restore(e)
	}
}

// Purge deletes a secret for good, deleted before or not.
func (v *Vault) Purge(name string) {
	v.server.mu.Lock()
	defer v.server.mu.Unlock()
	if e := v.entry(name); e.now != nil {
		v.change(e, nil)
	}
}

// Deleted says whether a secret is deleted and can be recovered.
func (v *Vault) Deleted(name string) bool {
	v.server.mu.Lock()
	defer v.server.mu.Unlock()
	e := v.entry(name)
	return e.now != nil && e.now.deleted != nil
}

// Versions returns all versions in the order of their creation, those of a
// deleted secret too.
func (v *Vault) Versions(name string) []Version {
	v.server.mu.Lock()
	defer v.server.mu.Unlock()
	now := v.entry(name).now
	if now == nil {
		return nil
	}
	var all []Version
	for _, one := range now.versions {
		seen := Version{
			ID: one.id, Value: one.value, Created: one.created, Enabled: one.enabled,
			ContentType: one.contentType, Managed: one.managed, Tags: maps.Clone(one.tags),
		}
		if one.notBefore != nil {
			seen.NotBefore = *one.notBefore
		}
		if one.expires != nil {
			seen.Expires = *one.expires
		}
		all = append(all, seen)
	}
	return all
}

// Names returns the names of all secrets that are not deleted, sorted.
func (v *Vault) Names() []string {
	v.server.mu.Lock()
	defer v.server.mu.Unlock()
	var all []string
	for _, e := range v.order {
		if e.now != nil && e.now.deleted == nil {
			all = append(all, e.now.name)
		}
	}
	return all
}

func (v *Vault) onCurrent(name string, f func(*version)) {
	v.server.mu.Lock()
	defer v.server.mu.Unlock()
	if e := v.entry(name); e.now != nil {
		v.update(e, e.now.current().id, f)
	}
}
