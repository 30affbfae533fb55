package azurekv

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// Read returns the text of a whole secret, or a field's value. What is disabled
// or deleted is not found.
func (s *Store) Read(ctx context.Context, d rotation.Destination, at rotation.Version) (providers.Secret, error) {
	const op = "read"
	name, err := named(op, d.String(), d.Path)
	if err != nil {
		return providers.Secret{}, err
	}
	text, found, err := s.valueAt(ctx, name, d.Field, at)
	switch {
	case is(err, http.StatusNotFound) || told(err, innerDisabled):
		found = false
	case err != nil:
		return providers.Secret{}, problem(op, d.String(), err)
	}
	missing := problemf(op, d.String(), providers.NotFound, "", "there is no value at this version")
	switch {
	case !found:
		return providers.Secret{}, missing
	case d.Field == "":
		return providers.NewSecret(text), nil
	}
	value, there, err := providers.Field(text, d.Field)
	switch {
	case err != nil:
		return providers.Secret{}, problemf(op, d.String(), providers.Invalid, "repair it, or deliver to the whole secret", "%w", err)
	case !there:
		return providers.Secret{}, missing
	}
	return value, nil
}

// valueAt reads the text at a version that a holding showed.
func (s *Store) valueAt(ctx context.Context, name, field string, at rotation.Version) (text string, found bool, err error) {
	id, _, _ := strings.Cut(string(at), "-")
	if !isHex(id) {
		return "", false, problemf("read", name, providers.Invalid, "", "%q is no version of a secret in Key Vault", at)
	}
	if !isWrite(id) {
		text, err = s.value(ctx, name, id)
		return text, err == nil, err
	}
	ours := func(v version) bool {
		n, ok := v.note(field)
		return ok && n.Write == id
	}
	all, err := s.versions(ctx, name)
	if err != nil {
		return "", false, err
	}
	newestFirst(all)
	slices.Reverse(all) // of a mark that was copied, the oldest is ours
	if i := slices.IndexFunc(all, ours); i >= 0 {
		text, err = s.value(ctx, name, all[i].id)
		return text, err == nil, err
	}
	b, err := s.bundle(ctx, name, "") // the listing may be behind
	return value(b.Value), err == nil && ours(ofSecret(b)), err
}
