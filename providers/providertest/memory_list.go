package providertest

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

var _ providers.Lister = (*Memory)(nil)

// List implements providers.Lister, in the order of paths. Interceptors are
// asked once a page, with the prefix as the destination's path and Op "list".
func (m *Memory) List(ctx context.Context, prefix string, yield func(providers.Listed) error) error {
	at := rotation.Destination{Store: m.opt.Name, Path: prefix}
	m.mu.Lock()
	var found []providers.Listed
	for _, path := range slices.Sorted(maps.Keys(m.secrets)) {
		s := m.secrets[path]
		if !strings.HasPrefix(path, prefix) || len(s.versions) == 0 || !s.versions[len(s.versions)-1].readable() {
			continue
		}
		found = append(found, providers.Listed{Path: path, Mark: s.marks[""].mark})
	}
	m.mu.Unlock()
	for begin := 0; begin == 0 || begin < len(found); begin += memoryPage {
		if err := m.step(ctx, "list", at, Before); err != nil {
			return err
		}
		m.mu.Lock()
		m.calls.Lists++
		m.mu.Unlock()
		for _, l := range found[begin:min(begin+memoryPage, len(found))] {
			if err := yield(l); err != nil {
				return err
			}
		}
	}
	return m.step(ctx, "list", at, After)
}
