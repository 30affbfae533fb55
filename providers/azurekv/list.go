package azurekv

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"github.com/keyrota/keyrota/providers"
)

// List yields every secret whose name begins with what the prefix becomes as a
// name, in any case of letters. A path is the secret's name. A secret whose
// current version is disabled is left out: to readers it is not there. Key Vault
// does not tell when a secret was read.
func (s *Store) List(ctx context.Context, prefix string, yield func(providers.Listed) error) error {
	const op = "list"
	begin, _ := mapped(prefix)
	begin = strings.ToLower(begin)
	err := s.listed(ctx, func(v version) error {
		if !v.enabled || !strings.HasPrefix(strings.ToLower(v.name), begin) {
			return nil
		}
		l := providers.Listed{Path: v.name, Owner: v.owner(), Changed: v.updated}
		for _, key := range slices.Sorted(maps.Keys(v.tags)) {
			if n, ok := decodeNote(v.tags[key]); ok && providers.IsNoteKey(key) {
				l.Mark = n.Mark()
				break
			}
		}
		if err := yield(l); err != nil {
			return &yieldError{err}
		}
		return nil
	})
	var stopped *yieldError
	switch {
	case errors.As(err, &stopped):
		return stopped.err
	case err != nil:
		return problem(op, prefix, err)
	}
	return nil
}

// listed gives the current version of every secret to each, without its id.
func (s *Store) listed(ctx context.Context, each func(version) error) error {
	return pages(ctx, s, opList(), s.client.NewListSecretPropertiesPager(nil), func(page azsecrets.ListSecretPropertiesResponse) error {
		if page.Value == nil {
			return odd(opList())
		}
		for _, p := range page.Value {
			if p == nil {
				continue
			}
			if err := each(ofProperties(p)); err != nil {
				return err
			}
		}
		return nil
	})
}

// listedDeleted gives every deleted secret that can be recovered to each.
func (s *Store) listedDeleted(ctx context.Context, each func(version)) error {
	return pages(ctx, s, opListDeleted(), s.client.NewListDeletedSecretPropertiesPager(nil), func(page azsecrets.ListDeletedSecretPropertiesResponse) error {
		if page.Value == nil {
			return odd(opListDeleted())
		}
		for _, p := range page.Value {
			if p != nil {
				each(versionOf(p.ID, p.Attributes, p.ContentType, p.Managed, p.Tags))
			}
		}
		return nil
	})
}

// yieldError is an error of whoever is yielded to.
type yieldError struct{ err error }

func (e *yieldError) Error() string { return e.err.Error() }
