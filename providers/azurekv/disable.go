package azurekv

import (
	"context"
	"net/http"
	"slices"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"github.com/keyrota/keyrota/rotation"
)

// Disable disables every older version that bears a mark of whom the current one
// is, with a key that is not live. Versions of a secret with fields stay: they
// hold other fields too, which are not ours to take away.
func (s *Store) Disable(ctx context.Context, d rotation.Destination, live []rotation.KeyID) error {
	const op = "disable"
	name, err := named(op, d.String(), d.Path)
	if err != nil {
		return err
	}
	if d.Field != "" {
		return nil
	}
	turn := s.turn(name)
	if err := turn.Take(ctx); err != nil {
		return problem(op, d.String(), err)
	}
	defer turn.Give()
	seen, err := s.see(ctx, name, nil)
	if err != nil {
		return problem(op, d.String(), err)
	}
	own, ours := seen.current.note(d.Field)
	if !seen.exists || seen.deleted != nil || !ours {
		return nil
	}
	for _, v := range seen.older {
		n, ours := v.note(d.Field)
		if !ours || n.Instance != own.Instance || n.Account != own.Account || !v.enabled || slices.Contains(live, n.Key) {
			continue
		}
		off := azsecrets.UpdateSecretPropertiesParameters{SecretAttributes: &azsecrets.SecretAttributes{Enabled: to.Ptr(false)}}
		_, err := call(ctx, s, opUpdate(), func(ctx context.Context) (azsecrets.UpdateSecretPropertiesResponse, error) {
			return s.client.UpdateSecretProperties(ctx, name, v.id, off, nil)
		})
		if err != nil && !is(err, http.StatusNotFound) {
			return problem(op, d.String(), err)
		}
	}
	return nil
}
