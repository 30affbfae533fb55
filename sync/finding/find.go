package finding

import (
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/usage"
)

// Find returns what a person should know, in the order of Sort.
func Find(in Input) []Finding {
	entries := map[Code]Entry{}
	for _, e := range Catalogue() {
		entries[e.Code] = e
	}
	var all []Finding
	add := func(found []Finding) {
		for _, f := range found {
			all = append(all, in.settle(f, entries[f.Code]))
		}
	}
	platform := listing(in.Platform)
	for _, a := range in.Accounts {
		v := in.view(a, platform)
		for _, rule := range v.rules() {
			add(v.sign(rule()))
		}
	}
	for _, p := range in.unmanaged(platform) {
		add(one(in.notManaged(p)))
	}
	add(in.left(platform))
	add(in.parts())
	Sort(all)
	return all
}

// settle completes a finding with what its kind says, since when it holds, and a
// person's word about it.
func (in Input) settle(f Finding, kind Entry) Finding {
	if f.Severity == "" {
		f.Severity = kind.Severity
	}
	if f.Do == "" {
		f.Do = kind.Do
	}
	if f.Since.IsZero() && in.FirstSeen != nil {
		f.Since = in.seen(f)
	}
	f.Acknowledged = in.acknowledgement(f)
	return f
}

// seen returns since when a finding is known: now if it is new.
func (in Input) seen(f Finding) time.Time {
	if t, ok := in.FirstSeen[f.ID()]; ok {
		return t
	}
	return in.Now
}

// view is one account of the configuration, and what the rules about it share.
type view struct {
	Account
	in       *Input
	ref      rotation.Ref
	platform *index
	use      usage.Judgement
	seen     rotation.Observed // as if looked at just now
}

func (in *Input) view(a Account, platform *index) view {
	if a.UnusedAfter == 0 {
		a.UnusedAfter = usage.DefaultUnusedAfter
	}
	return view{
		Account: a, in: in, ref: a.Spec.Account.Ref, platform: platform, seen: a.Observed.AsFresh(),
		use: usage.Judge(a.Evidence, usage.Policy{UnusedAfter: a.UnusedAfter, Rhythm: a.Rhythm, Weave: a.Weave}, in.Now),
	}
}

// rules are what is asked of every account.
func (v view) rules() []func() []Finding {
	return []func() []Finding{
		// its use
		v.idle, v.proposal, v.secretUnread, v.scopeTooWide, v.severalPurposes, v.sharedKey, v.failedLogins,
		// what is written about it
		v.notAtPlatform, v.noOwner, v.noPurpose, v.reviewOverdue, v.nameConvention,
		v.restricted, v.attribution, v.entityMismatch,
		// its keys
		v.deadKey, v.foreignKeys, v.extraKeys, v.disagree, v.destinationsFailing,
		v.parkedAccount, v.leakStalled, v.rotationOverdue, v.rotationFailing, v.rotationWillMiss, v.overlapTooShort,
		// external, and switched off
		v.federation, v.quarantine, v.usedWhileOff,
	}
}

// sign says whose the findings are.
func (v view) sign(found []Finding) []Finding {
	for i := range found {
		found[i].Account, found[i].Owner = v.ref, v.Owner
		found[i].Team = v.Spec.Account.Team
	}
	return found
}

// one is a rule's answer where it has one.
func one(f Finding) []Finding { return []Finding{f} }

// status is the command that shows an account.
func (v view) status() string { return "keyrota status " + string(v.ref) }

// next says what keyrota does next, or waits for.
func (v view) next() []string {
	if v.Action.Why == "" {
		return nil
	}
	return []string{"next: " + v.Action.Kind.String() + ": " + v.Action.Why}
}

// write returns lines of configuration for the account, and where they go.
func (v view) write(lines string) string {
	where := "# account " + string(v.ref)
	if v.Position != "" {
		where = "# " + v.Position + ", account " + string(v.ref)
	}
	return where + "\n" + lines
}

// off reports whether a person wants the account switched off: what is written
// about it, and whether it is used, is then no matter.
func (v view) off() bool {
	return v.Spec.State == rotation.Quarantined || v.Spec.State == rotation.Removed
}

// dark reports whether its keys are being deleted, or are: until then it works as
// ever, also in the waiting period.
func (v view) dark() bool { return !v.Record.Off.Begun.IsZero() }

// managed reports whether keys of the account are issued and delivered by us.
func (v view) managed() bool {
	return !v.Spec.Policy.Observe && v.Spec.Account.Scope != rotation.ScopeExternal && !v.dark()
}

// before reports whether something happens before somebody is next at work.
func (in Input) before(t time.Time) bool { return !t.IsZero() && t.Before(in.NextMorning) }
