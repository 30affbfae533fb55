package providertest

import (
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
