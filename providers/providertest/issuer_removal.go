package providertest

import (
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// removalCases: accounts that are taken out of their team, for issuers that can.
func removalCases() []issuerCase {
	return []issuerCase{
		{
			name: "remove account", story: "A removed account's keys work no more, nothing else is touched, and removing it again is no error.",
			run: func(r *issuerRun) {
				remover := able[providers.AccountRemover](r)
				a, _, value := r.live("leaves")
				b, id, stays := r.live("stays")
				for range 2 {
					r.must(remover.RemoveAccount(r.ctx(), a), "remove account")
				}
				r.dead(a, value)
				r.works(b, stays, id)
				accounts, _ := r.listing(a.Team)
				if _, there := accounts[a.ID]; there {
					r.Error("it is still listed")
				}
			},
		},
		{
			name: "remove account, answer lost", story: "When the answer to a removal is lost, the next one finds it done.",
			run: func(r *issuerRun) {
				remover, loser := able[providers.AccountRemover](r), ability[AnswerLoser](r)
				a, _, value := r.live("leaves")
				loser.LoseAnswer(r.T)
				if err := remover.RemoveAccount(r.ctx(), a); err != nil {
					r.want(err, providers.Transient)
				}
				r.must(remover.RemoveAccount(r.ctx(), a), "remove account")
				r.dead(a, value)
			},
		},
		{
			name: "remove nobody else", story: "A person, an account of another team, and one whose id is not known are left alone.",
			run: func(r *issuerRun) {
				remover := able[providers.AccountRemover](r)
				a, id, value := r.live("stays")
				elsewhere, unknown := a, a
				elsewhere.Team, unknown.ID = "vision", ""
				r.hinted(remover.RemoveAccount(r.ctx(), elsewhere), providers.Conflict, providers.Denied)
				r.hinted(remover.RemoveAccount(r.ctx(), unknown), providers.Invalid)
				r.works(a, value, id)
				person, personID, personal := ability[PersonMaker](r).Person(r.T, "max", a.Team)
				person.Team, person.Scope = a.Team, rotation.ScopeTeam
				r.hinted(remover.RemoveAccount(r.ctx(), person), providers.Conflict)
				if v, err := r.issuer.Verify(r.ctx(), person, personal); err != nil || v.Key != personID {
					r.Errorf("the person's key: %v", err)
				}
			},
		},
		{
			name: "remove account, without admin", story: "Without an admin credential nobody is removed, and what is missing is said.",
			run: func(r *issuerRun) {
				able[providers.AccountRemover](r)
				a, id, value := r.live("stays")
				r.issuer = r.WithoutAdmin(r.T)
				r.hinted(able[providers.AccountRemover](r).RemoveAccount(r.ctx(), a), providers.Denied)
				r.works(a, value, id)
			},
		},
	}
}
