package providertest

import (
	"context"
	"errors"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

var (
	_ providers.Remover  = (*Memory)(nil)
	_ providers.Unmarker = (*Memory)(nil)
)

// Remove implements providers.Remover: a whole secret is deleted softly, its
// metadata stay; of one with other fields a version without ours is made.
func (m *Memory) Remove(ctx context.Context, d rotation.Destination, seen rotation.Holding) error {
	const op = "remove"
	if err := m.step(ctx, op, d, Before); err != nil {
		return err
	}
	if err := providers.Removable(d, seen); err != nil {
		return m.fail(op, d, providers.Invalid, err, "remove it by hand")
	}
	if err := m.remove(op, d, seen); err != nil {
		return err
	}
	return m.step(ctx, op, d, After)
}

func (m *Memory) remove(op string, d rotation.Destination, seen rotation.Holding) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.asSeen(op, d, seen)
	if err != nil {
		return err
	}
	before := s.current()
	text, left := providers.Secret{}, 0
	if d.Field != "" {
		text, left, err = providers.WithoutField(s.versions[len(s.versions)-1].content, d.Field)
		if err != nil {
			return m.fail(op, d, providers.Invalid, err, "repair the secret")
		}
	}
	m.calls.Writes++
	if left == 0 {
		s.versions[len(s.versions)-1].deleted = true
		return nil
	}
	delete(s.marks, d.Field)
	written := m.add(s, text.Expose())
	for field, other := range s.marks {
		if field != "" && other.of == before {
			other.of = written
			s.marks[field] = other
		}
	}
	return nil
}

// Undo implements providers.Remover.
func (m *Memory) Undo(d rotation.Destination) string {
	if d.Field != "" {
		return "the version before it still has the field"
	}
	return "it can be restored"
}

// Unmark implements providers.Unmarker.
func (m *Memory) Unmark(ctx context.Context, d rotation.Destination, seen rotation.Holding) error {
	const op = "unmark"
	if err := m.step(ctx, op, d, Before); err != nil {
		return err
	}
	m.mu.Lock()
	s, err := m.asSeen(op, d, seen)
	if _, marked := m.marked(s, d); err == nil && marked {
		m.calls.Writes++
		delete(s.marks, d.Field)
	}
	m.mu.Unlock()
	if err != nil {
		return err
	}
	return m.step(ctx, op, d, After)
}

func (*Memory) marked(s *memorySecret, d rotation.Destination) (memoryMark, bool) {
	if s == nil {
		return memoryMark{}, false
	}
	mark, ok := s.marks[d.Field]
	return mark, ok
}

// asSeen returns a secret that still is as it was seen, or a Conflict. The
// caller holds the lock.
func (m *Memory) asSeen(op string, d rotation.Destination, seen rotation.Holding) (*memorySecret, error) {
	m.calls.Looks++
	now, err := m.look(d)
	if err != nil {
		return nil, err
	}
	if now.State != seen.State || now.Version != seen.Version || now.Mark != seen.Mark {
		return nil, m.fail(op, d, providers.Conflict, errors.New("it changed since it was looked at"), "look again")
	}
	return m.secrets[d.Path], nil
}
