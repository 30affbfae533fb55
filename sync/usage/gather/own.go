package gather

import (
	"context"
	"slices"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/usage"
)

// withAnyKey asks with the admin credential and, where none is configured for
// the team or it may not see it, with the key of an account in the team.
func (l *look) withAnyKey(ctx context.Context, team string, ask func(auth providers.Secret) error) error {
	err := ask(providers.Secret{})
	if err == nil || providers.KindOf(err) != providers.Denied || team == "" {
		return err
	}
	for _, a := range l.accounts {
		if teamOf(a) != team || a.Account.Scope != rotation.ScopeTeam {
			continue
		}
		auth, none := l.ownKey(ctx, a)
		if none != nil {
			continue
		}
		if own := ask(auth); own == nil || providers.KindOf(own) != providers.Denied {
			return own
		}
		break
	}
	return err
}

// ownKey reads a live key of an account back from where it was delivered. What
// the stores and the log show of this day may be that.
func (l *look) ownKey(ctx context.Context, a inventory.Account) (providers.Secret, error) {
	record := l.records[a.Ref()]
	if slices.ContainsFunc(a.For(record).Wants, func(w rotation.Want) bool { return w.Readable }) {
		if err := l.noteOwn(ctx, a.Ref()); err != nil {
			return providers.Secret{}, err
		}
	}
	key, _, err := inventory.Observer{Issuer: l.Issuer, Stores: l.Stores, Call: l.Call, Now: l.Now}.ReadBack(ctx, a, record)
	if err != nil {
		return providers.Secret{}, err
	}
	account := a.Account
	account.ID = record.Account
	err = l.Call.Read(ctx, inventory.IssuerService, "verify", func(ctx context.Context) error {
		_, err := l.Issuer.Verify(ctx, account, key)
		return err
	})
	if err != nil {
		return providers.Secret{}, err
	}
	return key, nil
}

// noteOwn puts on record that keyrota uses a key of an account itself today.
func (l *look) noteOwn(ctx context.Context, ref rotation.Ref) error {
	days, err := l.ownDays(ctx, ref)
	if err != nil {
		return err
	}
	today := usage.DayOf(l.now)
	if days[today] {
		return nil
	}
	days[today] = true
	return l.Ledger.NoteOwn(ctx, ref, l.now)
}
