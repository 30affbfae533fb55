package wandb

import (
	"context"
	"errors"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/wandb/internal/graph"
	"github.com/keyrota/keyrota/rotation"
)

// Verify asks the server whose key s is, and which of that account's keys. It
// needs no administrator.
//
// Denied is said only where the server says that the key is not valid: 401, or
// nobody's. A key that works and is refused otherwise (403, say of a network
// that may not reach the server) is Transient: nothing is known of it. Invalid:
// it works, and the server does not show which key it is.
func (i *Issuer) Verify(ctx context.Context, a rotation.Account, s providers.Secret) (providers.Verified, error) {
	c := i.asOwner("verify a key of", accountName(a), s)
	if s.Empty() {
		return providers.Verified{}, c.fail(providers.Denied, errors.New("the value is empty"), "")
	}
	v, err := c.viewer(ctx, a)
	if err != nil {
		return providers.Verified{}, unlessBadKey(err)
	}
	return c.which(v, s)
}

// which tells which of an account's keys s is, whose the account is. Invalid:
// the server does not show it.
func (c *call) which(v *graph.Account, s providers.Secret) (providers.Verified, error) {
	keys, shown := v.Keys()
	if !shown {
		return providers.Verified{}, c.fail(providers.Invalid,
			errors.New("the key works, and the server does not show the account's own keys, so it cannot be told which one this is"), hintHidden)
	}
	for _, which := range []func(graph.Fingerprint) bool{
		func(f graph.Fingerprint) bool { return f.Is(s) },
		func(f graph.Fingerprint) bool { return f.Begins(s) },
	} {
		var found []rotation.Key
		for _, k := range keys {
			if which(k.Name) {
				found = append(found, rotation.Key{ID: rotation.KeyID(k.Id), Label: rotation.Label(k.Description)})
			}
		}
		switch {
		case len(found) == 1:
			return providers.Verified{Account: rotation.AccountID(v.Id), Key: found[0].ID, Label: found[0].Label, At: c.date}, nil
		case len(found) > 1:
			return providers.Verified{}, c.fail(providers.Invalid,
				errors.New("the key works, and several keys of the account are listed with what it begins with"),
				"delete in W&B those that nobody uses")
		}
	}
	return providers.Verified{}, c.fail(providers.Invalid,
		errors.New("the key works, and none of the keys listed for its account begins like it"), hintSchema)
}

// unlessBadKey makes Transient of a Denied that does not say that the key
// itself is not valid.
func unlessBadKey(err error) error {
	var e *providers.Error
	var r *refusal
	if errors.As(err, &e) && e.Kind == providers.Denied && !(errors.As(err, &r) && r.badKey) {
		e.Kind = providers.Transient
		e.Hint = "whether the key works is not known: check whether this machine's network may reach the server"
	}
	return err
}
