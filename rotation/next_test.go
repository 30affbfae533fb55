package rotation

import (
	"strings"
	"testing"
	"time"
)

// A row of TestNext is one rule where a world would say less.
func TestNext(t *testing.T) {
	now := at(0)
	spec := Spec{
		Account:  Account{Ref: "ml/ci", Name: "ci", ID: accountID, Scope: ScopeTeam, Team: "ml"},
		Instance: "prod", Ledger: "L0", Policy: smallPolicy(), Admin: true,
		Wants: []Want{{Destination: destinations[0], Shape: "raw", Readable: true}},
	}
	record := Record{
		Account: accountID, Seq: 2, Offer: Offer{Edition: 2, Key: "k1", Issued: at(-9)},
		Agreed: at(-8), Dests: []Destination{destinations[0]},
	}
	seen := func(m Mark) Observed {
		return Observed{
			Listing:  Listing{Complete: true, Fresh: true, AccountsKnown: true, Accounts: []AccountID{accountID}, Account: accountID, Offered: 2, Keys: []Key{{ID: "k1"}}},
			Holdings: []Held{{destinations[0], Holding{State: StateMarked, Fresh: true, Version: "2", Mark: m}}},
		}
	}
	ours := Mark{Instance: "prod", Ledger: "L0", Account: accountID, Edition: 2, Key: "k1", Shape: "raw"}
	inStore := Place{Destination: destinations[0], Version: "2"}
	live := Value{Place: inStore, Verdict: Live, Key: "k1", Account: accountID}

	for name, row := range map[string]struct {
		edit func(*Spec, *Record, *Observed)
		kind ActionKind
		why  string
	}{
		"nothing to do":                {func(*Spec, *Record, *Observed) {}, Wait, "no schedule"},
		"external accounts own no key": {func(s *Spec, _ *Record, _ *Observed) { s.Account.Scope = ScopeExternal }, Wait, "external"},
		"observed accounts are left alone": {func(s *Spec, r *Record, _ *Observed) {
			s.Policy.Observe, r.Request.Kind = true, RequestRotate
		}, Wait, "observe"},
		"parked accounts wait for a person": {func(_ *Spec, r *Record, _ *Observed) { r.Parked = "do this" }, Wait, "do this"},
		"a request takes it out of the parking place": {func(_ *Spec, r *Record, _ *Observed) {
			r.Parked, r.Request.Kind = "do this", RequestRotate
		}, Save, "asked to go on"},
		"a due rotation waits for the window": {func(s *Spec, _ *Record, _ *Observed) {
			s.Policy.Schedule, s.Policy.Window = oncePerOverlap{oneTick}, closedUntil(at(5))
		}, Wait, "held back until the window opens"},
		"a due rotation waits for the end of a freeze": {func(s *Spec, _ *Record, _ *Observed) {
			s.Policy.Schedule, s.Policy.Freeze = oncePerOverlap{oneTick}, closedUntil(at(5))
		}, Wait, "held back by a freeze until 2030-01-07T09:50:00Z"},
		"windows and freezes hold back no healing": {func(s *Spec, _ *Record, o *Observed) {
			s.Policy.Window, s.Policy.Freeze = closedUntil(at(5)), closedUntil(at(5))
			o.Holdings[0].Holding.Mark.Edition, o.Values = 1, []Value{live}
		}, DoDeliver, "not all destinations"},
		"no window holds back an emergency": {func(s *Spec, r *Record, o *Observed) {
			s.Policy.Window, r.Leaked, o.Values = closedUntil(at(5)), 2, []Value{live}
		}, DoIssue, "others may know the offered key, although the window is closed"},
		"a changed format is delivered without a rotation": {func(s *Spec, _ *Record, o *Observed) {
			s.Wants[0].Shape, o.Values = "json", []Value{live}
		}, DoDeliver, "not all destinations"},
		"a stale look that shows nothing to do is enough": {func(_ *Spec, _ *Record, o *Observed) {
			o.Listing.Fresh, o.Holdings[0].Holding.Fresh = false, false
		}, Wait, "no schedule"},
		"a stale look is not acted on": {func(_ *Spec, r *Record, o *Observed) {
			o.Listing.Fresh, o.Holdings[0].Holding.Fresh, r.Request.Kind = false, false, RequestRotate
		}, LookFreshly, "not fresh"},
		"someone else's secret is left": {func(_ *Spec, _ *Record, o *Observed) {
			o.Holdings[0].Holding.Mark.Instance = "test"
		}, Wait, "not ours"},
		"an account that had another name is not made anew": {func(s *Spec, r *Record, o *Observed) {
			s.Account.Scope, s.Provision, s.Renamed = ScopeTeam, true, true
			*r, o.Listing.Accounts, o.Listing.AccountsKnown, o.Listing.Keys = Record{}, nil, true, nil
		}, Save, "it had another name (formerly:)"},
		"a bare secret is left": {func(_ *Spec, _ *Record, o *Observed) {
			o.Holdings[0].Holding = Holding{State: StateBare, Fresh: true, Version: "2"}
		}, Wait, "adopt it by name"},
		"where a first key is missing, a bare secret that may hold it is named": {func(_ *Spec, r *Record, o *Observed) {
			o.Holdings[0].Holding = Holding{State: StateBare, Fresh: true, Version: "2"}
			*r = Record{Account: accountID}
		}, Save, "keyrota adopt ml/ci --from " + destinations[0].String() + ". Otherwise"},
		"whatever the account's name looks like": {func(s *Spec, r *Record, o *Observed) {
			o.Holdings[0].Holding = Holding{State: StateBare, Fresh: true, Version: "2"}
			s.Account.Name, *r = "50%d", Record{Account: accountID}
		}, Save, `open the service account "50%d", create`},
		"a bare secret that was named is taken over": {func(_ *Spec, r *Record, o *Observed) {
			o.Holdings[0].Holding = Holding{State: StateBare, Fresh: true, Version: "2"}
			r.Adopt, o.Values = []Destination{destinations[0]}, []Value{{Place: Place{Kind: PlaceMemory}, Verdict: Live, Key: "k1"}}
		}, DoDeliver, "not all destinations"},
		"jobs that never end keep the old key": {func(s *Spec, r *Record, o *Observed) {
			s.Policy.Forever, r.Old = true, []Old{{Key: "k0", Edition: 1}}
			o.Listing.Keys = append(o.Listing.Keys, Key{ID: "k0"})
		}, Wait, "never end"},
		"but not one that has leaked": {func(s *Spec, r *Record, o *Observed) {
			s.Policy.Forever, r.Leaked, r.Old = true, 1, []Old{{Key: "k0", Edition: 1}}
			o.Listing.Keys, o.Values = append(o.Listing.Keys, Key{ID: "k0"}), []Value{live}
		}, DoRetire, "overlap is over"},
		"no overlap begins by a clock that is wrong": {func(_ *Spec, r *Record, o *Observed) {
			r.Agreed = time.Time{}
			skewed := live
			skewed.Skew = -time.Hour
			o.Values = []Value{skewed}
		}, Wait, "our clock and the platform's are apart by 1h0m0s: set the clock"},
		"nor before the key is seen to work": {func(_ *Spec, r *Record, _ *Observed) {
			r.Agreed = time.Time{}
		}, Seek, "tried before its predecessor's overlap begins"},
		"a key in memory is no proof that readers have it": {func(_ *Spec, r *Record, o *Observed) {
			r.Old, o.Listing.Keys = []Old{{Key: "k0", Edition: 1}}, append(o.Listing.Keys, Key{ID: "k0"})
			o.Values = []Value{{Place: Place{Kind: PlaceMemory}, Verdict: Live, Key: "k1"}}
		}, Seek, "verified first"},
		"a failed creation pauses": {func(_ *Spec, r *Record, o *Observed) {
			r.Request.Kind, r.NotBefore, o.Values = RequestRotate, at(3), []Value{live}
		}, Wait, "the next try is at"},
		"no slot free: what is in the way goes first": {func(s *Spec, r *Record, o *Observed) {
			s.Policy.MaxKeys, r.Request.Kind, o.Values = 1, RequestRotate, []Value{live}
		}, Wait, ""},
		"never back to a condemned key": {func(_ *Spec, r *Record, o *Observed) {
			r.Old = []Old{{Key: "k0", Edition: 1, Condemned: true}}
			r.Request, o.Listing.Keys = Request{Kind: RequestRollback, Key: "k0"}, append(o.Listing.Keys, Key{ID: "k0"})
		}, Save, "can no longer be offered"},
		"never a condemned key in place of a lost one": {func(s *Spec, r *Record, o *Observed) {
			s.Policy.MaxKeys, r.Old = 2, []Old{{Key: "k0", Edition: 1, Condemned: true}}
			o.Listing.Keys = append(o.Listing.Keys, Key{ID: "k0"})
			o.Holdings[0].Holding.Mark.Edition, o.Holdings[0].Holding.Mark.Key = 1, "k0"
			o.Values = []Value{{Place: inStore, Verdict: Live, Key: "k0"}}
		}, Save, "as many keys as it may"},
		"never back to a key that others know": {func(_ *Spec, r *Record, o *Observed) {
			r.Leaked, r.Old = 1, []Old{{Key: "k0", Edition: 1}}
			r.Request, o.Listing.Keys = Request{Kind: RequestRollback, Key: "k0"}, append(o.Listing.Keys, Key{ID: "k0"})
		}, Save, "others may know that key"},
		"a leak is on record whatever is parked": {func(_ *Spec, r *Record, o *Observed) {
			o.Listing.Accounts, r.Request = nil, Request{Kind: RequestLeaked, At: now}
		}, Save, "others may know the keys"},
		"one of our keys is not kept": {func(_ *Spec, r *Record, _ *Observed) {
			r.Request = Request{Kind: RequestLeaked, At: now, Leak: Leak{Keep: []KeyID{"k1"}}}
		}, Save, "is one of ours"},
		"a key that a person named is left where the account is not seen to have it": {func(_ *Spec, r *Record, o *Observed) {
			r.Leaked, r.Leak.At, r.Old, o.Values = 1, at(-1), []Old{{Key: "k9", Ended: true}}, []Value{live}
			o.Listing.Complete, o.Listing.Words = false, "broke off"
		}, Wait, "cannot be told: the platform's keys are unknown: broke off"},
		"what leaked goes after the overlap that was asked for": {func(_ *Spec, r *Record, o *Observed) {
			r.Leaked, r.Leak = 1, Leak{At: at(-9), Overlap: 9 * oneTick}
			r.Old, o.Values, o.Listing.Keys = []Old{{Key: "k0", Edition: 1}}, []Value{live}, append(o.Listing.Keys, Key{ID: "k0"})
		}, Wait, "until the overlap is over"},
		"an overlap that a person ended waits for no window": {func(s *Spec, r *Record, o *Observed) {
			s.Policy.Window, s.Policy.Forever, s.Policy.Overlap = closedUntil(at(5)), true, 99*oneTick
			r.Old, o.Values, o.Listing.Keys = []Old{{Key: "k0", Edition: 1, Ended: true}}, []Value{live}, append(o.Listing.Keys, Key{ID: "k0"})
		}, DoRetire, "overlap is over"},
		"but for the end of a freeze": {func(s *Spec, r *Record, o *Observed) {
			s.Policy.Freeze = closedUntil(at(5))
			r.Old, o.Values, o.Listing.Keys = []Old{{Key: "k0", Edition: 1, Ended: true}}, []Value{live}, append(o.Listing.Keys, Key{ID: "k0"})
		}, Wait, "kept by a freeze until 2030-01-07T09:50:00Z: keyrota unfreeze"},
		"a requested rotation waits for no window": {func(s *Spec, r *Record, o *Observed) {
			s.Policy.Window, r.Request.Kind, o.Values = closedUntil(at(5)), RequestRotate, []Value{live}
		}, DoIssue, "asked for it"},
		"but for the end of a freeze, too": {func(s *Spec, r *Record, o *Observed) {
			s.Policy.Freeze, r.Request.Kind, o.Values = closedUntil(at(5)), RequestRotate, []Value{live}
		}, Wait, "rotate --leaked overrides it"},
		"no freeze holds back an emergency": {func(s *Spec, r *Record, o *Observed) {
			s.Policy.Freeze, r.Leaked, o.Values = closedUntil(at(5)), 2, []Value{live}
		}, DoIssue, "although it is frozen"},
		"nobody ends an overlap of a key that is not old": {func(_ *Spec, r *Record, _ *Observed) {
			r.Request = Request{Kind: RequestRetire, Keys: []KeyID{"k9"}}
		}, Save, "no such old key"},
		"a key that nothing explains is told": {func(_ *Spec, _ *Record, o *Observed) {
			o.Listing.Keys = append(o.Listing.Keys, Key{ID: "k9"})
		}, Save, "nothing on record explains"},
		"and told once": {func(_ *Spec, r *Record, o *Observed) {
			r.Strange, o.Listing.Keys = []KeyID{"k9"}, append(o.Listing.Keys, Key{ID: "k9"})
		}, Wait, "no schedule"},
		"and struck when it is gone": {func(_ *Spec, r *Record, _ *Observed) {
			r.Strange = []KeyID{"k9"}
		}, Save, "is gone, or explained"},
		"an observed account says what is not done for a leak": {func(s *Spec, r *Record, _ *Observed) {
			s.Policy.Observe, r.Request.Kind = true, RequestLeaked
		}, Wait, "none is replaced before"},
		"the account is gone":    {func(_ *Spec, _ *Record, o *Observed) { o.Listing.Accounts = nil }, Save, "no longer lists"},
		"the account is another": {func(_ *Spec, _ *Record, o *Observed) { o.Listing.Accounts = []AccountID{"b"} }, Save, "created it again"},
		"two accounts of one name": {func(_ *Spec, r *Record, o *Observed) {
			*r, o.Listing.Account, o.Listing.Offered = Record{}, "", 0
			o.Listing.Accounts = []AccountID{"a", "b"}
		}, Save, "2 accounts by exactly this name"},
		"an account to be provisioned": {func(s *Spec, r *Record, o *Observed) {
			*r, o.Listing.Account, o.Listing.Accounts, s.Provision = Record{}, "", nil, true
		}, DoProvision, "no such account"},
		"a provisioning that may yet come to pass": {func(s *Spec, r *Record, o *Observed) {
			*r, o.Listing.Account, o.Listing.Accounts, s.Provision = Record{Provision: now}, "", nil, true
		}, Wait, "may still come to pass"},
		"two ledgers at work": {func(_ *Spec, _ *Record, o *Observed) {
			o.Holdings[0].Holding.Mark.Edition, o.Holdings[0].Holding.Mark.Ledger = 3, "L9"
		}, Save, "L9"},
		"two ledgers at work, and a person who says go on": {func(_ *Spec, r *Record, o *Observed) {
			o.Holdings[0].Holding.Mark.Edition, o.Holdings[0].Holding.Mark.Ledger = 3, "L9"
			r.Request.Kind = RequestRotate
		}, Save, "made from labels and marks"},
	} {
		t.Run(name, func(t *testing.T) {
			s, r, o := spec, record.Clone(), seen(ours)
			s.Wants = append([]Want(nil), spec.Wants...)
			row.edit(&s, &r, &o)
			a := Next(s, r, o, now)
			if a.Kind != row.kind || !strings.Contains(a.Why, row.why) {
				t.Errorf("%s (%q, rule %d), want %s with %q", a.Kind, a.Why, a.Rule, row.kind, row.why)
			}
			if unseen := Next(s, r, Observed{}, now); s.Idle(r) && (a.Kind != Wait || unseen.Why != a.Why) {
				t.Errorf("idle, and yet: %s (%q), unseen %s (%q)", a.Kind, a.Why, unseen.Kind, unseen.Why)
			}
		})
	}
}

// closedUntil is a window that opens once.
type closedUntil time.Time

func (c closedUntil) Open(t time.Time) bool { return !t.Before(time.Time(c)) }
func (c closedUntil) NextOpen(t time.Time) time.Time {
	if c.Open(t) {
		return t
	}
	return time.Time(c)
}

func TestLabel(t *testing.T) {
	when := time.Date(2030, 2, 3, 4, 5, 6, 0, time.UTC)
	l := NewLabel("prod", "team/with/slashes", 7, when.In(time.FixedZone("", 3600)), "n0nce")
	instance, account, edition, at, ok := l.Parts()
	if !ok || instance != "prod" || account != "team/with/slashes" || edition != 7 || !at.Equal(when) {
		t.Errorf("%s reads back as %q %q %d %s %v", l, instance, account, edition, at, ok)
	}
	if _, ok := l.EditionFor("test", "team/with/slashes"); ok {
		t.Error("another instance's label is taken for ours")
	}
	if _, ok := l.EditionFor("prod", "slashes"); ok {
		t.Error("another account's label is taken for this one's")
	}
	for _, forged := range []Label{"", "keyrota", "keyrota/", "keyrota/prod", "keyrota/prod/a", "keyrota/prod/a/7", "keyrota/prod/a/x@20300203T040506Z.n", "keyrota/prod/a/7@yesterday.n", "keyrota/prod/a/7@20300203T040506Z", "my key"} {
		if _, _, _, _, ok := forged.Parts(); ok {
			t.Errorf("%q is taken for a label", forged)
		}
	}
}

func TestDue(t *testing.T) {
	issued := at(0)
	due := func(ref Ref, every time.Duration, r Record) time.Duration {
		s := Spec{Account: Account{Ref: ref}, Policy: Policy{Schedule: oncePerOverlap{every}}}
		return s.Due(r).Sub(issued)
	}
	r := Record{Offer: Offer{Issued: issued}, Agreed: at(1)}
	different := map[time.Duration]bool{}
	for _, ref := range []Ref{"ml/a", "ml/b", "ml/c", "acme//d"} {
		d := due(ref, 90*24*time.Hour, r)
		if d > 90*24*time.Hour || d < 89*24*time.Hour {
			t.Errorf("%s is due after %s: jitter is at most a day, and early", ref, d)
		}
		if d != due(ref, 90*24*time.Hour, r) {
			t.Errorf("%s is due at two times", ref)
		}
		different[d] = true
		if d := due(ref, time.Hour, r); d < 54*time.Minute {
			t.Errorf("%s is due after %s: jitter is at most a tenth", ref, d)
		}
	}
	if len(different) != 4 {
		t.Errorf("accounts made together are due together: %v", different)
	}
	if d := due("ml/a", time.Hour, Record{Agreed: at(1)}); d != oneTick {
		t.Errorf("a key of unknown age is due after %s, want at once", d)
	}
	if d := (Spec{}).Due(r); !d.IsZero() {
		t.Errorf("due at %s without a schedule", d)
	}
}

func TestNextOpen(t *testing.T) {
	never := closedUntil(time.Time{})
	for name, row := range map[string]struct {
		policy Policy
		want   time.Time
	}{
		"always open":       {Policy{}, at(0)},
		"window":            {Policy{Window: closedUntil(at(3))}, at(3)},
		"freeze":            {Policy{Freeze: closedUntil(at(4))}, at(4)},
		"window and freeze": {Policy{Window: closedUntil(at(3)), Freeze: closedUntil(at(4))}, at(4)},
		"freeze and window": {Policy{Window: closedUntil(at(5)), Freeze: closedUntil(at(4))}, at(5)},
		"open for long":     {Policy{Window: never, Freeze: never}, at(0)},
	} {
		if got := row.policy.nextOpen(at(0)); !got.Equal(row.want) {
			t.Errorf("%s: open at %s, want %s", name, got, row.want)
		}
	}
}
