package providertest

import (
	"slices"
	"strings"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// identityCases: whose key it is, and which.
func identityCases() []issuerCase {
	return []issuerCase{
		{
			name: "which key", story: "Of several live keys of one account each is told by its value, whatever people wrote as description.",
			run: func(r *issuerRun) {
				a, first, value := r.live("several")
				second, other := r.Key(r.T, a, "made by hand")
				r.works(a, value, first)
				r.works(a, other, second)
			},
		},
		{
			name: "no id yet", story: "An account of which only name and team are known, as before an adoption, is found by its key.",
			run: func(r *issuerRun) {
				a, id, value := r.live("adopted")
				known := a
				known.ID = ""
				if v := r.works(known, value, id); v.Account != a.ID {
					r.Errorf("verified the account %s, want %s", v.Account, a.ID)
				}
				known.Team += "-other"
				_, err := r.issuer.Verify(r.ctx(), known, value)
				r.want(err, providers.Conflict)
			},
		},
		{
			name: "someone else's", story: "A key that works and is another account's is a Conflict: never used, never taken for dead.",
			run: func(r *issuerRun) {
				a, _, _ := r.live("mine")
				b, id, other := r.live("theirs")
				_, err := r.issuer.Verify(r.ctx(), a, other)
				r.hinted(err, providers.Conflict)
				a.ID = ""
				_, err = r.issuer.Verify(r.ctx(), a, other)
				r.hinted(err, providers.Conflict)
				_, err = r.issuer.KeysOf(r.ctx(), a, other)
				r.want(err, providers.Conflict)
				r.works(b, other, id)
			},
		},
		{
			name: "no key at all", story: "What is no key, nothing, or nearly a key does not work.",
			run: func(r *issuerRun) {
				a, _, value := r.live("typo")
				whole := value.Expose()
				for _, text := range []string{
					"", "no key", strings.Repeat("CANARY-0123456789-", 4), whole[:len(whole)-1], whole + "0", "\n" + whole, "ключ-CANARY-0123456789",
				} {
					r.dead(a, providers.NewSecret(text))
				}
			},
		},
		{
			name: "identify", story: "Whose a key is that nobody expected: the account with its scope and team, and which of its keys.",
			run: func(r *issuerRun) {
				i := r.identifier()
				a, first, value := r.live("found")
				second, other := r.Key(r.T, a, "in another secret")
				for id, s := range map[rotation.KeyID]providers.Secret{first: value, second: other} {
					got, err := i.Identify(r.ctx(), s)
					r.must(err, "identify")
					r.hunt("an identity", got)
					if got.Account != a.ID || got.Key != id || got.Owner.ID != a.ID || got.Owner.Name != a.Name {
						r.Errorf("identified %+v, want key %s of %+v", got, id, a)
					}
					if !got.Service || got.Person || got.Owner.Scope != a.Scope || got.Owner.Team != a.Team || !slices.Contains(got.Teams, a.Team) {
						r.Errorf("identified %+v, want a service account of team %s", got, a.Team)
					}
				}
			},
		},
		{
			name: "identify a person", story: "The key of a person is told as one, never as a service account's.",
			run: func(r *issuerRun) {
				i, people := r.identifier(), ability[PersonMaker](r)
				team := r.Account(r.T, "neighbour").Team
				a, id, value := people.Person(r.T, "grace", team)
				got, err := i.Identify(r.ctx(), value)
				r.must(err, "identify")
				if got.Account != a.ID || got.Key != id || got.Owner.Name != a.Name || got.Service || !got.Person || got.Owner.Scope != "" {
					r.Errorf("identified %+v, want key %s of the person %+v", got, id, a)
				}
			},
		},
		{
			name: "identify what is dead", story: "What is no key, or none any more, is Denied; a platform that does not answer says nothing.",
			run: func(r *issuerRun) {
				i := r.identifier()
				_, id, value := r.live("late")
				for _, text := range []string{"", strings.Repeat("CANARY-0123456789-", 4), value.Expose() + "0"} {
					_, err := i.Identify(r.ctx(), providers.NewSecret(text))
					r.want(err, providers.Denied)
				}
				if service, ok := r.IssuerService.(Ailing); ok {
					service.FailNext(r.T)
					_, err := i.Identify(r.ctx(), value)
					r.want(err, providers.Transient)
				}
				r.DeleteKey(r.T, id)
				_, err := i.Identify(r.ctx(), value)
				r.want(err, providers.Denied)
			},
		},
		{
			name: "moved", story: "An account that was deleted and made anew under its name is another one: its key is no key of the old.",
			run: func(r *issuerRun) {
				people := ability[AccountDeleter](r)
				a, _, value := r.live("moved")
				people.DeleteAccount(r.T, a)
				r.dead(a, value)
				again, id, fresh := r.live("moved")
				if again.ID == a.ID {
					r.Skip("this platform gives ids anew")
				}
				_, err := r.issuer.Verify(r.ctx(), a, fresh)
				r.want(err, providers.Conflict)
				r.works(again, fresh, id)
			},
		},
		{
			name: "gone", story: "An account that was deleted is not listed, and its keys are NotFound: not an empty list, which would be an account without keys.",
			run: func(r *issuerRun) {
				people := ability[AccountDeleter](r)
				a, _, _ := r.live("gone")
				stays, _, _ := r.live("stays")
				people.DeleteAccount(r.T, a)
				_, err := r.issuer.KeysOf(r.ctx(), a, providers.Secret{})
				r.want(err, providers.NotFound)
				accounts, _ := r.listing(a.Team)
				if _, listed := accounts[a.ID]; listed {
					r.Error("the deleted account is listed")
				}
				if accounts[stays.ID] == (rotation.Account{}) {
					r.Error("the other account is not listed")
				}
			},
		},
	}
}

// identifier returns the issuer under test, or skips the case where it cannot
// tell whose a key is.
func (r *issuerRun) identifier() providers.Identifier {
	r.Helper()
	i, ok := r.issuer.(providers.Identifier)
	if !ok {
		r.Skip("this issuer is no Identifier")
	}
	return i
}
