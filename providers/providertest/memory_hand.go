package providertest

import (
	"slices"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// What people and readers do with a Memory, past keyrota. These calls are
// neither counted nor intercepted.

// Edit sets the whole content of a secret by hand, making it if it is absent.
func (m *Memory) Edit(path, content string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.secrets[path]
	if s == nil {
		s = &memorySecret{marks: map[string]memoryMark{}}
		m.secrets[path] = s
	}
	m.add(s, content)
}

// EditField sets one field of a secret by hand.
func (m *Memory) EditField(path, field string, value providers.Secret) error {
	content, _ := m.Raw(path)
	with, err := providers.WithField(content, field, value)
	if err == nil {
		m.Edit(path, with.Expose())
	}
	return err
}

// StripMarks removes whatever keyrota noted beside a secret.
func (m *Memory) StripMarks(path string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.secrets[path]; s != nil {
		clear(s.marks)
	}
}

// Delete deletes the current version softly: the secret's metadata stay.
func (m *Memory) Delete(path string) { m.onCurrent(path, func(v *memoryVersion) { v.deleted = true }) }

// Destroy deletes the content of the current version for good; the secret's
// metadata stay.
func (m *Memory) Destroy(path string) {
	m.onCurrent(path, func(v *memoryVersion) { v.gone, v.content = true, "" })
}

// Restore undoes Delete.
func (m *Memory) Restore(path string) {
	m.onCurrent(path, func(v *memoryVersion) { v.deleted = false })
}

// Erase deletes a secret with everything beside it.
func (m *Memory) Erase(path string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.secrets, path)
}

// Raw returns a secret's current content as a reader gets it.
func (m *Memory) Raw(path string) (content string, ok bool) {
	m.onCurrent(path, func(v *memoryVersion) { content, ok = v.content, v.readable() })
	return content, ok
}

// Value returns what a reader of one destination gets.
func (m *Memory) Value(d rotation.Destination) (providers.Secret, bool) {
	content, ok := m.Raw(d.Path)
	if !ok || d.Field == "" {
		return providers.NewSecret(content), ok
	}
	value, ok, err := providers.Field(content, d.Field)
	return value, ok && err == nil
}

// Paths returns the names of all secrets that a reader can read, sorted.
func (m *Memory) Paths() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var paths []string
	for path, s := range m.secrets {
		if n := len(s.versions); n > 0 && s.versions[n-1].readable() {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

func (m *Memory) onCurrent(path string, f func(*memoryVersion)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.secrets[path]; s != nil && len(s.versions) > 0 {
		f(&s.versions[len(s.versions)-1])
	}
}
