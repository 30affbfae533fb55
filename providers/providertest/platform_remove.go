package providertest

import (
	"context"
	"slices"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

var _ providers.AccountRemover = (*Platform)(nil)

// RemoveAccount implements providers.AccountRemover: the account is gone, and
// its keys with it.
func (p *Platform) RemoveAccount(ctx context.Context, a rotation.Account) error {
	const op = "remove account"
	return p.call(ctx, PlatformStep{Op: op, Account: a}, func() error {
		switch {
		case a.ID == "":
			return platformError(op, a, providers.Invalid, "an account is removed by its id", "look it up")
		case p.opt.NoAdmin:
			return platformError(op, a, providers.Denied, "there is no admin credential", "configure one")
		}
		found, ok := p.find(a)
		switch {
		case !ok:
			return nil
		case p.people[found.ID] || found.Team != a.Team:
			return platformError(op, a, providers.Conflict, "it is no service account of this team", "correct the team")
		}
		p.delete(found.ID)
		return nil
	})
}

// delete takes an account and its keys away. The caller holds the lock.
func (p *Platform) delete(id rotation.AccountID) {
	p.accounts = slices.DeleteFunc(p.accounts, func(a rotation.Account) bool { return a.ID == id })
	p.keys = slices.DeleteFunc(p.keys, func(k platformKey) bool { return k.of == id })
}
