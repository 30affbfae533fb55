package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
)

// own says which credential of keyrota's a key is: the setting and where its
// value stands, like "wandb.admin_key (file:admin.key)". Empty: none that can be
// read now.
func (q *question) own(ctx context.Context, value providers.Secret) (setting string, at config.Reference) {
	c := q.s.config
	is := func(ref config.Reference) bool {
		if ref.IsZero() {
			return false
		}
		held, err := resolver{env: q.app.env, stores: q.s.worker.Stores, paces: q.app.paces}.resolve(ctx, ref.String())
		return err == nil && held.Equal(value)
	}
	if is(c.WandB.AdminKey) {
		return "wandb.admin_key", c.WandB.AdminKey
	}
	for _, name := range slices.Sorted(maps.Keys(c.Teams)) {
		if is(c.Teams[name].AdminKey) {
			return "teams." + name + ".admin_key", c.Teams[name].AdminKey
		}
	}
	return "", config.Reference{}
}

// acting says what to do with a key that keyrota itself acts with.
func (v *whoseView) acting(setting string, at config.Reference) {
	v.Credential = fmt.Sprintf("%s (%s)", setting, at)
	v.Next = fmt.Sprintf("make another key of this admin in W&B and write it to %s, from where it is read anew at each use; then delete this one there. Whoever had it could act as this admin: look for accounts and keys that nobody knows", at)
}
