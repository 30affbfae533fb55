package wandb

import (
	"context"
	"errors"
	"fmt"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/wandb/internal/graph"
	"github.com/keyrota/keyrota/rotation"
)

// minKeyLength is the length of the shortest key (W&B SDK), in characters.
const minKeyLength = 40

// Issue creates a key of the account that auth is a key of, in one request
// that is never repeated. An external account owns no keys: Invalid.
func (i *Issuer) Issue(ctx context.Context, a rotation.Account, auth providers.Secret, label rotation.Label) (rotation.Key, providers.Secret, error) {
	c := i.asOwner("create a key of", accountName(a), auth)
	switch {
	case a.Scope == rotation.ScopeExternal:
		return rotation.Key{}, providers.Secret{}, c.fail(providers.Invalid,
			errors.New("an external account owns no keys: it authenticates by a JWT of the organization's issuer"), "remove its destinations from the configuration")
	case auth.Empty():
		return rotation.Key{}, providers.Secret{}, c.fail(providers.Denied,
			errors.New("an account creates its own keys, and no live key of this one is at hand"), howToAdopt(a))
	}
	answer, err := graph.GenerateApiKey(ctx, c, string(label))
	if err == nil && answer.GenerateApiKey.ApiKey == nil {
		err = c.fail(providers.Transient, errors.New("the server answered without a key: whether there is one is not known"), "")
	}
	if err != nil {
		if answer != nil && answer.GenerateApiKey.ApiKey != nil {
			return rotation.Key{}, providers.Secret{}, c.fail(providers.Transient,
				fmt.Errorf("a key was created, and the answer is not usable: %w", errors.Unwrap(err)), "")
		}
		return rotation.Key{}, providers.Secret{}, c.notCreated(err, a)
	}
	made := answer.GenerateApiKey.ApiKey
	key := rotation.Key{ID: rotation.KeyID(made.Id), Label: rotation.Label(made.Description)}
	if key.Label == "" {
		key.Label = label
	}
	if len(made.Name.Expose()) < minKeyLength || key.ID == "" {
		return rotation.Key{}, providers.Secret{}, c.fail(providers.Transient,
			errors.New("a key was created, and the answer does not show it whole: nobody has its value"), hintSchema)
	}
	return key, made.Name.Secret, nil
}

// notCreated says what a person can do about a refused creation. The refusals
// that another try does not heal are Denied.
func (c *call) notCreated(err error, a rotation.Account) error {
	var e *providers.Error
	var r *refusal
	if !errors.As(err, &e) || e.Kind != providers.Denied || !errors.As(err, &r) || r.badKey {
		return err
	}
	switch r.topic {
	case topicDisabled:
		e.Hint = `an organization admin must turn off "Disable API key creation" in W&B's organization settings ` +
			"(accounts of organization scope may create keys all the same), or create the key by hand: " + howToAdopt(a)
	case topicKeyLimit:
		e.Hint = "see the account's keys in W&B under " + whereAccountsAre(a) + " and delete those that nobody uses; keyrota deletes only its own"
	default:
		e.Hint = "the account may not create keys: an organization admin should look whether API key creation is disabled (W&B server 0.84 on), or create the key by hand: " + howToAdopt(a)
	}
	return e
}

// Revoke deletes a key, with a key of its account or an administrator's. Where
// the server refuses, the account's keys are listed: an absent key is no error.
func (i *Issuer) Revoke(ctx context.Context, a rotation.Account, auth providers.Secret, id rotation.KeyID) error {
	c, err := i.asEither(ctx, "delete a key of", a, auth)
	if err != nil {
		return err
	}
	answer, err := graph.DeleteApiKey(ctx, c, string(id))
	switch {
	case err == nil && answer.DeleteApiKey.Success:
		return nil
	case err == nil:
		err = c.fail(providers.Transient, errors.New("the server answered that it did not delete the key"), "")
	case !ambiguous(err):
		return err
	}
	keys, lookErr := c.keysOf(ctx, a)
	if lookErr != nil {
		return err
	}
	for _, k := range keys {
		if k.ID == id {
			return c.undeleted(err)
		}
	}
	return nil
}

// undeleted is the error of a key that is listed after a refused deletion:
// "not found" was not the truth then.
func (c *call) undeleted(err error) error {
	if providers.KindOf(err) != providers.NotFound {
		return err
	}
	return c.fail(providers.Transient, fmt.Errorf("the key is still listed: %w", errors.Unwrap(err)), "")
}

// ambiguous reports whether a refused deletion may mean that there is nothing
// left to delete: servers may answer so with not found, with a missing
// permission, or with words that are not known.
func ambiguous(err error) bool {
	var r *refusal
	if !errors.As(err, &r) || r.badKey {
		return false
	}
	return providers.KindOf(err) != providers.Limited && r.status < 500
}
