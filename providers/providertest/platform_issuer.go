package providertest

import (
	"context"
	"slices"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// Keys implements providers.Issuer. A step that fails after the effect breaks
// the listing off when half of it was yielded.
func (p *Platform) Keys(ctx context.Context, team string, yield func(a rotation.Account, keys []rotation.Key) error) error {
	const op = "keys"
	at := PlatformStep{Op: op, Account: rotation.Account{Team: team}}
	if err := p.step(ctx, at); err != nil {
		return err
	}
	type row struct {
		account rotation.Account
		keys    []rotation.Key
	}
	p.mu.Lock()
	noAdmin := p.opt.NoAdmin
	var rows []row
	for _, a := range p.inTeam(team) {
		rows = append(rows, row{a, p.keysOf(a.ID)})
	}
	p.mu.Unlock()
	if noAdmin {
		return platformError(op, at.Account, providers.Denied, "there is no admin credential", "configure one")
	}
	at.Point = After
	for i, r := range rows {
		if i == len(rows)/2 {
			if err := p.step(ctx, at); err != nil {
				return err
			}
		}
		if err := yield(r.account, r.keys); err != nil {
			return err
		}
	}
	if len(rows) == 0 {
		return p.step(ctx, at)
	}
	return nil
}

// KeysOf implements providers.Issuer.
func (p *Platform) KeysOf(ctx context.Context, a rotation.Account, auth providers.Secret) (keys []rotation.Key, err error) {
	const op = "keys of"
	err = p.call(ctx, PlatformStep{Op: op, Account: a}, func() error {
		found, err := p.authorized(op, a, auth)
		if err == nil {
			keys = p.keysOf(found.ID)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return keys, nil
}

// Issue implements providers.Issuer. Limited where the account has MaxKeys.
func (p *Platform) Issue(ctx context.Context, a rotation.Account, auth providers.Secret, label rotation.Label) (key rotation.Key, value providers.Secret, err error) {
	const op = "issue"
	err = p.call(ctx, PlatformStep{Op: op, Account: a, Label: label}, func() error {
		if auth.Empty() {
			return platformError(op, a, providers.Denied, "only an account itself creates its keys", "give a live key of it")
		}
		found, err := p.authorized(op, a, auth)
		switch {
		case err != nil:
			return err
		case p.opt.CreateDisabled:
			return platformError(op, a, providers.Denied, "API key creation is disabled", "have an admin enable it")
		case p.opt.MaxKeys > 0 && len(p.keysOf(found.ID)) >= p.opt.MaxKeys:
			return platformError(op, a, providers.Limited, "the account has as many keys as it may", "delete one")
		}
		k := p.addKey(found.ID, label)
		key, value = k.key, k.value
		return nil
	})
	if err != nil {
		return rotation.Key{}, providers.Secret{}, err
	}
	return key, value, nil
}

// Verify implements providers.Issuer.
func (p *Platform) Verify(ctx context.Context, a rotation.Account, s providers.Secret) (v providers.Verified, err error) {
	const op = "verify"
	err = p.call(ctx, PlatformStep{Op: op, Account: a}, func() error {
		found, key, ok := p.holder(s)
		if !ok {
			return platformError(op, a, providers.Denied, "the key does not work", "")
		}
		if !isAccount(a, found) {
			return platformError(op, a, providers.Conflict, "the key belongs to "+found.Name, "deliver a key of the account itself")
		}
		v = providers.Verified{Account: found.ID, Key: key.ID, Label: key.Label, At: p.opt.Now()}
		return nil
	})
	if err != nil {
		return providers.Verified{}, err
	}
	return v, nil
}

// Identify implements providers.Identifier. Of an account of organization scope
// it does not say whether it is a person's, as W&B does not.
func (p *Platform) Identify(ctx context.Context, s providers.Secret) (id providers.Identity, err error) {
	const op = "identify"
	err = p.call(ctx, PlatformStep{Op: op}, func() error {
		a, key, ok := p.holder(s)
		if !ok {
			return platformError(op, a, providers.Denied, "the key does not work", "")
		}
		id = providers.Identity{
			Verified: providers.Verified{Account: a.ID, Key: key.ID, Label: key.Label, At: p.opt.Now()},
			Owner:    a, Person: p.people[a.ID], Service: a.Scope == rotation.ScopeTeam,
		}
		if a.Scope != rotation.ScopeTeam {
			id.Owner.Scope, id.Owner.Team = "", ""
		}
		if a.Team != "" {
			id.Teams = []string{a.Team}
		}
		return nil
	})
	if err != nil {
		return providers.Identity{}, err
	}
	return id, nil
}

// Revoke implements providers.Issuer.
func (p *Platform) Revoke(ctx context.Context, a rotation.Account, auth providers.Secret, id rotation.KeyID) error {
	const op = "revoke"
	return p.call(ctx, PlatformStep{Op: op, Account: a, Key: id}, func() error {
		found, err := p.authorized(op, a, auth)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(p.keys, func(k platformKey) bool { return k.key.ID == id })
		switch {
		case i < 0:
			return nil
		case p.keys[i].of != found.ID:
			return platformError(op, a, providers.Denied, "the key belongs to another account", "")
		}
		p.keys = slices.Delete(p.keys, i, i+1)
		return nil
	})
}

// Provision implements providers.Provisioner. The new account is born with a
// key that FirstKey shows, unless HidesFirstKey is set: then it has none.
func (p *Platform) Provision(ctx context.Context, a rotation.Account) (id rotation.AccountID, err error) {
	const op = "provision"
	err = p.call(ctx, PlatformStep{Op: op, Account: a}, func() error {
		switch {
		case p.opt.NoAdmin:
			return platformError(op, a, providers.Denied, "there is no admin credential", "configure one")
		case a.Scope != rotation.ScopeTeam:
			return platformError(op, a, providers.Invalid, "only team accounts are created by API", "have an admin create it, then adopt it")
		}
		id = p.addAccount(a).ID
		if !p.opt.HidesFirstKey {
			p.addKey(id, "")
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return id, nil
}

// FirstKey implements providers.FirstKeyer: the oldest key without a label of
// keyrota.
func (p *Platform) FirstKey(ctx context.Context, a rotation.Account) (value providers.Secret, err error) {
	const op = "first key"
	err = p.call(ctx, PlatformStep{Op: op, Account: a}, func() error {
		found, err := p.authorized(op, a, providers.Secret{})
		if err != nil {
			return err
		}
		i := slices.IndexFunc(p.keys, func(k platformKey) bool {
			_, _, _, _, ours := k.key.Label.Parts()
			return k.of == found.ID && !ours
		})
		if i < 0 || p.opt.HidesFirstKey {
			return platformError(op, a, providers.NotFound, "the server does not show it", "adopt a key by hand")
		}
		value = p.keys[i].value
		return nil
	})
	if err != nil {
		return providers.Secret{}, err
	}
	return value, nil
}

// What people do with a Platform, past keyrota, and what a test may know of
// it. These calls are neither counted nor intercepted.

// AddAccount creates an account of any scope and returns it with its id.
func (p *Platform) AddAccount(a rotation.Account) rotation.Account {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.addAccount(a)
}

// AddPerson creates a person's account in a team and returns it with its id.
func (p *Platform) AddPerson(name, team string) rotation.Account {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.addAccount(rotation.Account{Name: name, Team: team})
	p.people[a.ID] = true
	return a
}

// AddKey creates a key of an account, with any description. It works at once.
func (p *Platform) AddKey(id rotation.AccountID, label rotation.Label) (rotation.Key, providers.Secret) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.addKey(id, label)
	k := &p.keys[len(p.keys)-1]
	k.from = time.Time{}
	return k.key, k.value
}

// DeleteKey deletes a key, if it is there.
func (p *Platform) DeleteKey(id rotation.KeyID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = slices.DeleteFunc(p.keys, func(k platformKey) bool { return k.key.ID == id })
}

// DeleteAccount deletes an account and its keys.
func (p *Platform) DeleteAccount(id rotation.AccountID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delete(id)
}

// Accounts returns every account, oldest first.
func (p *Platform) Accounts() []rotation.Account {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.accounts)
}

// LiveKeys returns the keys of an account, oldest first.
func (p *Platform) LiveKeys(id rotation.AccountID) []rotation.Key {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.keysOf(id)
}

// Works says whether a value is a key that works now, and of whom and which it
// is: what a reader meets.
func (p *Platform) Works(s providers.Secret) (rotation.AccountID, rotation.KeyID, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, k, ok := p.holder(s)
	return a.ID, k.ID, ok
}
