package rotation

import (
	"strings"
	"testing"
	"time"
)

// A row of TestOff is one guard of switching off where a world would say less.
func TestOff(t *testing.T) {
	now := at(0)
	const week = 7 * 24 * time.Hour
	spec := Spec{
		Account:  Account{Ref: "ml/ci", Name: "ci", ID: accountID, Scope: ScopeTeam, Team: "ml"},
		Instance: "prod", Ledger: "L0", Policy: smallPolicy(), Admin: true,
		State: Quarantined, Force: true, QuarantineWait: week,
	}
	warned := Off{State: Quarantined, Warned: now.Add(-week)}
	begun := warned
	begun.Begun = at(-1)
	done := begun
	done.Done = now
	back := done
	back.State = Active
	for name, row := range map[string]struct {
		off  Off
		edit func(*Spec, *Record, *Observed)
		kind ActionKind
		why  string
	}{
		"it begins with a warning": {Off{}, func(*Spec, *Record, *Observed) {}, Save, "state: quarantined"},
		"an observed account is left alone": {Off{}, func(s *Spec, _ *Record, _ *Observed) {
			s.Policy.Observe = true
		}, Wait, "manage: observe"},
		"an external account has no key": {Off{}, func(s *Spec, _ *Record, _ *Observed) {
			s.Account.Scope = ScopeExternal
		}, Wait, "external"},
		"without an admin's key nobody sees all keys": {Off{}, func(s *Spec, _ *Record, _ *Observed) {
			s.Admin = false
		}, Wait, "is not carried out: only an admin's key lists"},
		"an account in use goes on": {Off{}, func(s *Spec, _ *Record, o *Observed) {
			s.Force, o.LastUse = false, LastUse{Known: true, At: now.Add(-24 * time.Hour)}
		}, Wait, "it was used at 2030-01-06T09:00:00Z, in the last 14 days"},
		"also one that is parked": {Off{}, func(_ *Spec, r *Record, _ *Observed) {
			r.Parked = "do this"
		}, Save, "state: quarantined"},
		"but not one that is parked and in use": {Off{}, func(s *Spec, r *Record, o *Observed) {
			r.Parked, s.Force, o.LastUse = "do this", false, LastUse{Known: true, At: now}
		}, Wait, "do this"},
		"an account that is not there is not created": {Off{State: Quarantined, Warned: now}, func(s *Spec, r *Record, o *Observed) {
			s.Provision = true
			r.Account, r.Seq, r.Offer, o.Listing.Account = "", 0, Offer{}, ""
			o.Listing.Accounts, o.Listing.AccountsKnown, o.Listing.Keys = nil, true, nil
		}, Wait, "none is wanted"},
		"an account without a key is not waited for": {Off{State: Quarantined, Warned: now}, func(_ *Spec, r *Record, o *Observed) {
			r.Offer, o.Listing.Keys = Offer{}, nil
		}, Save, "it has no key"},
		"nothing is found for it either": {Off{State: Quarantined, Warned: now}, func(_ *Spec, r *Record, _ *Observed) {
			r.Offer = Offer{}
		}, Wait, "every key of the account is deleted from 2030-01-14T09:00:00Z on"},
		"no routine rotation begins meanwhile": {Off{State: Quarantined, Warned: now}, func(s *Spec, _ *Record, _ *Observed) {
			s.Policy.Schedule = oncePerOverlap{oneTick}
		}, Wait, "every key of the account is deleted from"},
		"the period ends in the window": {warned, func(s *Spec, _ *Record, _ *Observed) {
			s.Policy.Window = closedUntil(at(5))
		}, Wait, "held back until the window opens"},
		"and after a freeze": {warned, func(s *Spec, _ *Record, _ *Observed) {
			s.Policy.Freeze = closedUntil(at(5))
		}, Wait, "held back by a freeze until 2030-01-07T09:50:00Z"},
		"it ends":                    {warned, func(*Spec, *Record, *Observed) {}, Save, "its waiting period is over"},
		"and what is read last goes": {begun, func(*Spec, *Record, *Observed) {}, DoQuarantine, "state: quarantined"},
		"the window closes meanwhile": {begun, func(s *Spec, _ *Record, _ *Observed) {
			s.Policy.Window = closedUntil(at(5))
		}, Wait, "held back until the window opens"},
		"an account that became another": {begun, func(_ *Spec, _ *Record, o *Observed) {
			o.Listing.Accounts = []AccountID{"b"}
		}, Save, "it is gone"},
		"a request is refused": {begun, func(_ *Spec, r *Record, _ *Observed) {
			r.Request.Kind = RequestRotate
		}, Save, "rotate refused"},
		"quarantined, and now removed": {done, func(s *Spec, r *Record, o *Observed) {
			s.State, r.Offer, o.Listing.Keys = Removed, Offer{}, nil
		}, Save, "state: removed"},
		"what is removed does not come back": {Off{State: Removed, Warned: now}, func(s *Spec, _ *Record, _ *Observed) {
			s.State = Removed
		}, Wait, "(state: removed); after that it does not come back"},
		"called off": {warned, func(s *Spec, _ *Record, _ *Observed) { s.State = Active }, Save, "state: active"},
		"made anew with a key": {back, func(s *Spec, r *Record, o *Observed) {
			s.State, s.Provision, s.FirstKey = Active, true, true
			r.Offer, o.Listing.Keys = Offer{}, nil
		}, DoRemove, "made anew"},
		"not where a person made a key": {back, func(s *Spec, r *Record, _ *Observed) {
			s.State, s.Provision, s.FirstKey, r.Offer = Active, true, true, Offer{}
		}, Save, "need not be made anew"},
		"nor where somebody made it anew": {back, func(s *Spec, r *Record, o *Observed) {
			s.State, s.Provision, s.FirstKey = Active, true, true
			r.Offer, o.Listing.Keys, o.Listing.Accounts = Offer{}, nil, []AccountID{"b"}
		}, Save, "created it again"},
	} {
		t.Run(name, func(t *testing.T) {
			s, r := spec, Record{Account: accountID, Seq: 2, Offer: Offer{Edition: 2, Key: "k1", Issued: at(-9)}, Agreed: at(-8), Off: row.off}
			o := Observed{Listing: Listing{
				Complete: true, Fresh: true, AccountsKnown: true, Accounts: []AccountID{accountID}, Account: accountID, Offered: 2, Keys: []Key{{ID: "k1"}},
			}}
			row.edit(&s, &r, &o)
			a := Next(s, r, o, now)
			if a.Kind != row.kind || !strings.Contains(a.Why, row.why) {
				t.Errorf("%s (%q, rule %d), want %s with %q", a.Kind, a.Why, a.Rule, row.kind, row.why)
			}
		})
	}
}
