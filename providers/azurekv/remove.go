package azurekv

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

var (
	_ providers.Remover  = (*Store)(nil)
	_ providers.Unmarker = (*Store)(nil)
)

// Remove deletes the secret, which the vault keeps for its retention of 7 to 90
// days, with all versions. Key Vault deletes on no condition: what is put
// between the look and the deletion goes with it, and can be recovered. Of a
// secret with other fields it makes a version without ours, on the promise that
// nobody else writes it, as with Put.
func (s *Store) Remove(ctx context.Context, d rotation.Destination, seen rotation.Holding) error {
	const op = "remove"
	invalid := func(hint, format string, a ...any) error {
		return problemf(op, d.String(), providers.Invalid, hint, format, a...)
	}
	if err := providers.Removable(d, seen); err != nil {
		return invalid("look at it, and remove it by hand", "%w", err)
	}
	return s.giveUp(ctx, op, d, seen, func(name string, now sight) error {
		if by := now.current.keptBy(); by != "" {
			return invalid("remove it there", "it is kept by %s", by)
		}
		if d.Field != "" {
			base, err := s.value(ctx, name, now.current.id)
			if is(err, http.StatusNotFound) || told(err, innerDisabled) {
				return problemf(op, d.String(), providers.Conflict, "look again", "the secret changed while it was read")
			}
			if err != nil {
				return err
			}
			rest, left, err := providers.WithoutField(base, d.Field)
			if err != nil {
				return invalid("make it a JSON object", "%w", err)
			}
			if left > 0 {
				return s.writeWithout(ctx, name, d.Field, rest, now)
			}
		}
		_, err := call(ctx, s, opDelete(), func(ctx context.Context) (azsecrets.DeleteSecretResponse, error) {
			return s.client.DeleteSecret(ctx, name, nil)
		})
		if err == nil {
			s.recent.forget(name)
		}
		return err
	})
}

// Undo says how a secret comes back.
func (s *Store) Undo(d rotation.Destination) string {
	host, _ := s.config.host()
	vault, _, _ := strings.Cut(host, ".")
	name, _ := named("undo", d.String(), d.Path)
	whole := fmt.Sprintf("`az keyvault secret recover --vault-name %s --name %s` brings it back within the vault's retention, 7 to 90 days", vault, name)
	if d.Field == "" {
		return whole
	}
	return "the version before it still has the field; if nothing else is in the secret, it is deleted, and " + whole
}

// Unmark removes the destination's tag from every version, from the current one
// last: as long as that has it, the rest can be done again.
func (s *Store) Unmark(ctx context.Context, d rotation.Destination, seen rotation.Holding) error {
	return s.giveUp(ctx, "unmark", d, seen, func(name string, now sight) error {
		for _, v := range append(slices.Clone(now.older), now.current) {
			if _, marked := v.note(d.Field); !marked {
				continue
			}
			tags := maps.Clone(v.tags)
			delete(tags, noteKey(d.Field))
			_, err := call(ctx, s, opUpdate(), func(ctx context.Context) (azsecrets.UpdateSecretPropertiesResponse, error) {
				return s.client.UpdateSecretProperties(ctx, name, v.id, azsecrets.UpdateSecretPropertiesParameters{Tags: pointers(tags)}, nil)
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// giveUp does something with a secret that still is as it was seen.
func (s *Store) giveUp(ctx context.Context, op string, d rotation.Destination, seen rotation.Holding, do func(name string, now sight) error) error {
	name, err := named(op, d.String(), d.Path)
	if err != nil {
		return err
	}
	turn := s.turn(name)
	if err := turn.Take(ctx); err != nil {
		return problem(op, d.String(), err)
	}
	defer turn.Give()
	now, h, err := s.look(ctx, name, d)
	if err != nil {
		return problem(op, d.String(), err)
	}
	if err := unchanged(d, h, seen.Mark, seen); err != nil {
		var e *providers.Error
		if errors.As(err, &e) {
			e.Op = op
		}
		return err
	}
	err = do(name, now)
	if is(err, http.StatusNotFound) {
		return problemf(op, d.String(), providers.Conflict, "look again", "the secret is there no more")
	}
	if err != nil {
		return renamed(problem(op, d.String(), err), d)
	}
	return nil
}

// keptBy says which other tool keeps a version, by what such tools write.
func (v version) keptBy() string {
	if v.managed {
		return "a certificate of the vault"
	}
	for key, by := range v.tags {
		switch strings.ToLower(key) {
		case "managed-by", "managed_by", "managedby":
			if by != "" && by != providers.ManagedBy {
				return by
			}
		}
	}
	return ""
}

// writeWithout makes a version with the rest of the fields, their marks, and all
// else that the one before had.
func (s *Store) writeWithout(ctx context.Context, name, field string, rest providers.Secret, before sight) error {
	tags := map[string]string{}
	for key, value := range before.current.tags {
		if !providers.IsNoteKey(key) {
			tags[key] = value
		}
	}
	if err := carry(tags, before, noteKey(field), newWrite(s.now())); err != nil {
		return err
	}
	parameters := azsecrets.SetSecretParameters{
		Value: to.Ptr(rest.Expose()), Tags: pointers(tags), SecretAttributes: attributes(before.current.notBefore, before.current.expires),
	}
	if of := before.current.contentType; of != "" {
		parameters.ContentType = &of
	}
	answer, err := call(ctx, s, opSet(), func(ctx context.Context) (azsecrets.SetSecretResponse, error) {
		return s.client.SetSecret(ctx, name, parameters, nil)
	})
	if err != nil {
		return err
	}
	made := ofSecret(answer.Secret)
	if made.tags = tags; made.id == "" {
		return odd(opSet())
	}
	s.recent.remember(name, sight{exists: true, current: made, older: append([]version{before.current}, before.older...)}, s.now())
	return nil
}
