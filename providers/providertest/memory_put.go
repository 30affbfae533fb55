package providertest

import (
	"context"
	"errors"
	"fmt"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// Put implements providers.SecretStore: compare, own what is new, write the
// data, mark it. Interceptors are asked before each of them.
func (m *Memory) Put(ctx context.Context, d rotation.Destination, p providers.Payload, mark rotation.Mark, seen rotation.Holding) (rotation.Holding, error) {
	if err := m.Check(d, p); err != nil {
		return rotation.Holding{}, err
	}
	if err := m.step(ctx, "put", d, Before); err != nil {
		return rotation.Holding{}, err
	}
	content, err := m.own(d, p, mark, seen)
	if err != nil {
		return rotation.Holding{}, err
	}
	if err = m.step(ctx, "put", d, BeforeData); err != nil {
		return rotation.Holding{}, err
	}
	written, err := m.writeData(d, content, seen)
	if err != nil {
		return rotation.Holding{}, err
	}
	if err = m.step(ctx, "put", d, BeforeMark); err != nil {
		return rotation.Holding{}, err
	}
	h, err := m.writeMark(d, mark, seen.Version, written)
	if err != nil {
		return rotation.Holding{}, err
	}
	return h, m.step(ctx, "put", d, After)
}

// own compares, says of a new secret whose it is, and returns what its content
// is to be.
func (m *Memory) own(d rotation.Destination, p providers.Payload, mark rotation.Mark, seen rotation.Holding) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls.Looks++
	now, err := m.look(d)
	if err != nil {
		return "", err
	}
	if now.State != seen.State || now.Version != seen.Version || now.Mark != seen.Mark {
		return "", m.changed(d)
	}
	s := m.secrets[d.Path]
	if s == nil {
		s = &memorySecret{marks: map[string]memoryMark{}}
		m.secrets[d.Path] = s
	}
	content := p.Value.Expose()
	if d.Field != "" {
		before := ""
		if n := len(s.versions); n > 0 && s.versions[n-1].readable() {
			m.calls.Values++
			before = s.versions[n-1].content
		}
		with, err := providers.WithField(before, d.Field, p.Value)
		if err != nil {
			return "", m.fail("put", d, providers.Invalid, err, "repair the secret")
		}
		content = with.Expose()
	}
	if now.State == rotation.StateAbsent {
		m.calls.Writes++
		s.marks[d.Field] = memoryMark{mark: mark}
	}
	return content, nil
}

func (m *Memory) writeData(d rotation.Destination, content string, seen rotation.Holding) (rotation.Version, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls.Writes++
	s := m.secrets[d.Path]
	if s == nil { // deleted for good since it was compared
		s = &memorySecret{marks: map[string]memoryMark{}}
		m.secrets[d.Path] = s
	}
	if !m.opt.NoCompareAndSet && s.current() != seen.Version {
		return "", m.changed(d)
	}
	return m.add(s, content), nil
}

// writeMark has the mark speak of the version that was written. The marks of
// other fields which spoke of the version before it speak of it too: the write
// took over their fields as they were.
func (m *Memory) writeMark(d rotation.Destination, mark rotation.Mark, before, written rotation.Version) (rotation.Holding, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls.Writes++
	s := m.secrets[d.Path]
	if s == nil {
		return rotation.Holding{}, m.changed(d)
	}
	for field, other := range s.marks {
		if d.Field != "" && field != "" && before != "" && other.of == before {
			other.of = written
			s.marks[field] = other
		}
	}
	s.marks[d.Field] = memoryMark{mark: mark, of: written}
	h, err := m.look(d)
	h.Fresh = true
	return h, err
}

func (m *Memory) changed(d rotation.Destination) error {
	return m.fail("put", d, providers.Conflict, errors.New("it changed since it was looked at"), "look again")
}

func (s *memorySecret) current() rotation.Version {
	if len(s.versions) == 0 {
		return ""
	}
	return s.versions[len(s.versions)-1].id
}

// add appends a version. Its id says the number, as a service would show it,
// and tells it from the version of that number in an earlier life of the secret.
func (m *Memory) add(s *memorySecret, content string) rotation.Version {
	s.number++
	m.made++
	id := rotation.Version(fmt.Sprintf("%d@%d", s.number, m.made))
	s.versions = append(s.versions, memoryVersion{id: id, content: content})
	if extra := len(s.versions) - m.opt.Versions; extra > 0 {
		s.versions = s.versions[extra:]
	}
	return id
}
