package providertest

import (
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// creationCases: what cannot be done twice, and what a person must solve.
func creationCases() []issuerCase {
	return []issuerCase{
		{
			name: "answer lost", story: "A key was created and the answer is lost: nothing is known, nothing is sent again, and the key is found by its label and deleted.",
			run: func(r *issuerRun) {
				service := ability[AnswerLoser](r)
				a, _, value := r.live("lost")
				before := r.ids(a)
				service.LoseAnswer(r.T)
				label := r.label(a, 1)
				if n := r.created(func() {
					_, s, err := r.issuer.Issue(r.ctx(), a, value, label)
					r.want(err, providers.Transient)
					if !s.Empty() {
						r.Error("a value beside an error")
					}
				}); n != 1 {
					r.Errorf("%d requests to create a key", n)
				}
				keys, err := r.issuer.KeysOf(r.ctx(), a, value)
				r.must(err, "list")
				stray := labelled(keys, label)
				if len(stray) != 1 {
					r.Fatalf("found %+v by the label %s among %+v", stray, label, keys)
				}
				r.must(r.issuer.Revoke(r.ctx(), a, value, stray[0].ID), "revoke the stray")
				r.has(a, before...)
			},
		},
		{
			name: "deletion lost", story: "A deletion whose answer is lost is Transient, or found to be done; the next try is no error.",
			run: func(r *issuerRun) {
				service := ability[AnswerLoser](r)
				a, _, value := r.live("undelete")
				old, oldValue := r.Key(r.T, a, "")
				service.LoseAnswer(r.T)
				if err := r.issuer.Revoke(r.ctx(), a, value, old); err != nil {
					r.want(err, providers.Transient)
				}
				r.must(r.issuer.Revoke(r.ctx(), a, value, old), "revoke again")
				r.dead(a, oldValue)
			},
		},
		{
			name: "not valid yet", story: "A new key that works only after a while is listed, is Denied meanwhile, and then works.",
			run: func(r *issuerRun) {
				service := ability[KeyDelayer](r)
				a, _, value := r.live("late")
				settle := service.DelayKeys(r.T)
				key, next := r.issue(a, value, r.label(a, 1))
				r.dead(a, next)
				keys, err := r.issuer.KeysOf(r.ctx(), a, value)
				r.must(err, "list")
				if len(labelled(keys, key.Label)) != 1 {
					r.Errorf("the new key is not listed: %+v", keys)
				}
				settle()
				r.works(a, next, key.ID)
			},
		},
		{
			name: "key limit", story: "The account has as many keys as it may: nothing is created, the words say what to do, and after a deletion it goes on.",
			run: func(r *issuerRun) {
				service := ability[KeyLimiter](r)
				a, old, _ := r.live("full")
				_, value := r.Key(r.T, a, "")
				before := r.ids(a)
				service.LimitKeys(r.T, len(before))
				_, _, err := r.issuer.Issue(r.ctx(), a, value, r.label(a, 1))
				r.hinted(err, providers.Denied, providers.Limited)
				r.has(a, before...)
				r.must(r.issuer.Revoke(r.ctx(), a, value, old), "revoke")
				key, next := r.issue(a, value, r.label(a, 2))
				r.works(a, next, key.ID)
			},
		},
		{
			name: "creation disabled", story: "The platform lets nobody create keys: a person must act, nothing was created, and the keys there are work on.",
			run: func(r *issuerRun) {
				service := ability[CreationDisabler](r)
				a, id, value := r.live("disabled")
				before := r.ids(a)
				service.DisableCreation(r.T)
				if n := r.created(func() {
					_, _, err := r.issuer.Issue(r.ctx(), a, value, r.label(a, 1))
					r.hinted(err, providers.Denied)
				}); n != 1 {
					r.Errorf("%d requests to create a key", n)
				}
				r.has(a, before...)
				r.works(a, value, id)
			},
		},
		{
			name: "issue with a dead key", story: "A key that does not work creates nothing.",
			run: func(r *issuerRun) {
				a, _, _ := r.live("dead-issue")
				id, dead := r.Key(r.T, a, "")
				r.DeleteKey(r.T, id)
				before := r.ids(a)
				for _, auth := range []providers.Secret{dead, {}} {
					_, _, err := r.issuer.Issue(r.ctx(), a, auth, r.label(a, 1))
					r.want(err, providers.Denied)
				}
				r.has(a, before...)
			},
		},
		{
			name: "external", story: "An external account owns no keys: asking for one is refused.",
			run: func(r *issuerRun) {
				a, _, value := r.live("federated")
				before := r.ids(a)
				a.Scope = rotation.ScopeExternal
				if p, ok := r.issuer.(providers.Provisioner); ok {
					for _, scope := range []rotation.Scope{rotation.ScopeExternal, rotation.ScopeOrganization} {
						_, err := p.Provision(r.ctx(), rotation.Account{Name: "by-hand", Team: a.Team, Scope: scope})
						r.hinted(err, providers.Invalid)
					}
				}
				if _, _, err := r.issuer.Issue(r.ctx(), a, value, r.label(a, 1)); r.check(err) == nil {
					r.Skip("this platform does not look at the scope")
				}
				r.has(a, before...)
			},
		},
		{
			name: "provision", story: "An account is created by its name and found by exactly that name; asked twice there are two, since it is not idempotent.",
			run: func(r *issuerRun) {
				p := provisioner(r)
				team := r.Account(r.T, "neighbour").Team
				wanted := rotation.Account{Name: "born", Team: team, Scope: rotation.ScopeTeam}
				var ids []rotation.AccountID
				for range 2 {
					id, err := p.Provision(r.ctx(), wanted)
					r.must(err, "provision")
					ids = append(ids, id)
				}
				if found := r.named(team, "born"); ids[0] == "" || ids[0] == ids[1] || len(found) != 2 {
					r.Errorf("made %v, found %v", ids, found)
				}
			},
		},
		{
			name: "provision lost", story: "An account was created and the answer is lost: nothing is sent again, and it is found by its name.",
			run: func(r *issuerRun) {
				p, service := provisioner(r), ability[AnswerLoser](r)
				team := r.Account(r.T, "neighbour").Team
				service.LoseAnswer(r.T)
				if n := r.created(func() {
					_, err := p.Provision(r.ctx(), rotation.Account{Name: "foundling", Team: team, Scope: rotation.ScopeTeam})
					r.want(err, providers.Transient)
				}); n != 1 {
					r.Errorf("%d requests to create an account", n)
				}
				if found := r.named(team, "foundling"); len(found) != 1 {
					r.Errorf("found %v", found)
				}
			},
		},
		{
			name: "first key", story: "A new account's first key comes from the platform where it shows one, and makes the next; else the words say what a person does.",
			run: func(r *issuerRun) {
				p := provisioner(r)
				first, ok := r.issuer.(providers.FirstKeyer)
				if !ok {
					r.Skip("this issuer shows no first key")
				}
				a := rotation.Account{Ref: "first", Name: "firstborn", Team: r.Account(r.T, "neighbour").Team, Scope: rotation.ScopeTeam}
				var err error
				a.ID, err = p.Provision(r.ctx(), a)
				r.must(err, "provision")
				value, err := first.FirstKey(r.ctx(), a)
				if err != nil {
					r.hinted(err, providers.NotFound)
					return
				}
				r.works(a, value, r.ids(a)[0])
				key, next := r.issue(a, value, r.label(a, 1))
				r.works(a, next, key.ID)
			},
		},
	}
}

func provisioner(r *issuerRun) providers.Provisioner {
	r.Helper()
	p, ok := r.issuer.(providers.Provisioner)
	if !ok {
		r.Skip("this issuer creates no accounts")
	}
	return p
}

// named returns the ids of a team's accounts of exactly this name.
func (r *issuerRun) named(team, name string) []rotation.AccountID {
	r.Helper()
	var found []rotation.AccountID
	accounts, _ := r.listing(team)
	for id, a := range accounts {
		if a.Name == name {
			found = append(found, id)
		}
	}
	return found
}
