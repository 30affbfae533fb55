package finding

import (
	"strconv"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

func (v view) noOwner() []Finding {
	if v.Owner != "" || v.off() {
		return nil
	}
	return one(Finding{
		Code: NoOwner, Title: "nobody is named as its owner", Evidence: v.position("owner"),
		Command: v.status(), Change: v.write("owner: # an address that somebody reads"),
	})
}

func (v view) noPurpose() []Finding {
	if v.Purpose != "" || v.off() {
		return nil
	}
	return one(Finding{
		Code: NoPurpose, Title: "what it is for is not written", Evidence: v.position("purpose"),
		Command: v.status(), Change: v.write("purpose: # what breaks without it"),
	})
}

// position says where something is missing.
func (v view) position(setting string) []string {
	if v.Position == "" {
		return []string{setting + ": is not written"}
	}
	return []string{setting + ": is not written at " + v.Position}
}

// reviewOverdue: a person looked too long ago, or never did.
func (v view) reviewOverdue() []Finding {
	if v.ReviewEvery == 0 || v.off() {
		return nil
	}
	f := Finding{
		Code: ReviewOverdue, Title: "was never reviewed", Evidence: []string{"review_every: " + setting(v.ReviewEvery)},
		Command: v.status(), Change: v.write("reviewed: " + date(v.in.Now)),
	}
	if !v.Reviewed.IsZero() {
		f.Since = v.Reviewed.Add(v.ReviewEvery)
		if v.in.Now.Before(f.Since) {
			return nil
		}
		f.Title = "its review is overdue since " + date(f.Since)
		f.Evidence = append(f.Evidence, "reviewed: "+date(v.Reviewed))
	}
	return one(f)
}

func (v view) nameConvention() []Finding {
	words := v.in.NameAllowed(v.Spec.Account.Name)
	if words == "" || v.off() {
		return nil
	}
	return one(Finding{
		Code: NameConvention, Title: "its name is against the convention: " + words,
		Evidence: []string{"name: " + v.Spec.Account.Name}, Command: v.status(),
	})
}

// entityMismatch: its environment sends runs to another team than its own.
func (v view) entityMismatch() []Finding {
	entity, team := v.Env["WANDB_ENTITY"], v.Spec.Account.Team
	if entity == "" || team == "" || entity == team || v.Spec.Account.Scope == rotation.ScopeOrganization || v.off() {
		return nil
	}
	return one(Finding{
		Code: EntityMismatch, Title: "WANDB_ENTITY is " + entity + ", and its team is " + team,
		Evidence: []string{"an account of team scope may write to open projects of another team, and to no other there"},
		Command:  "keyrota doctor " + string(v.ref), Change: v.write("env: {WANDB_ENTITY: " + scalar(team) + "}"),
	})
}

// attribution: the person that runs are credited to is not in the team, so the
// platform ignores it.
func (v view) attribution() []Finding {
	if v.Attribution == "" || v.Attributed != No || v.off() {
		return nil
	}
	return one(Finding{
		Code: AttributionAway, Title: "runs are to be credited to " + v.Attribution + ", who is not in its team",
		Evidence: []string{"the platform ignores a person who is not in the account's team: runs show the account"},
		Command:  "keyrota doctor " + string(v.ref),
	})
}

// restricted: projects that it is declared for and cannot write to.
func (v view) restricted() []Finding {
	if v.off() {
		return nil
	}
	var found []Finding
	for _, p := range v.declared() {
		title, broken := "", ""
		switch v.Access[p] {
		case AccessNone:
			title, broken = "it cannot see "+p.Team+"/"+p.Name, "whatever logs there with this account is refused"
		case AccessRead:
			title, broken = "it may only read "+p.Team+"/"+p.Name, "whatever logs there with this account is refused"
		default:
			continue
		}
		found = append(found, Finding{
			Code: RestrictedAway, Subject: p.Team + "/" + p.Name, Title: title, Broken: broken,
			Evidence: []string{"asked of the platform with a key of the account; it may also be that there is no such project"},
			Command:  "keyrota doctor " + string(v.ref),
		})
	}
	return found
}

// overlapTooShort: an old key goes before its readers have let go of it.
func (v view) overlapTooShort() []Finding {
	p := v.Spec.Policy
	if !v.managed() || p.Forever || v.ReaderNeeds <= p.Overlap {
		return nil
	}
	f := Finding{
		Code: OverlapTooShort, Title: "its overlap is " + span(p.Overlap) + ", and its readers need " + span(v.ReaderNeeds),
		Evidence: []string{"the longest job, what readers keep, and how long a write may take to land, come to " + span(v.ReaderNeeds)},
		Command:  "keyrota plan " + string(v.ref), Change: v.write("overlap: " + setting(v.ReaderNeeds)),
	}
	if r := v.Record; len(r.Old) > 0 && !r.Agreed.IsZero() {
		f.SafeUntil = r.Agreed.Add(p.Overlap)
		f.Evidence = append(f.Evidence, "an old key goes at "+moment(f.SafeUntil)+" at the earliest; readers may hold it until "+moment(r.Agreed.Add(v.ReaderNeeds)))
		if v.in.before(f.SafeUntil) && v.in.Now.Before(r.Agreed.Add(v.ReaderNeeds)) {
			f.Severity = Page
		}
	}
	return one(f)
}

// scalar writes a name as YAML.
func scalar(name string) string {
	for i, c := range name {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c != '-' && c != '_' && c != '.' && (c < '0' || c > '9')) {
			return strconv.Quote(name)
		}
	}
	switch name {
	case "", "true", "false", "null", "yes", "no", "on", "off", "True", "False", "Null", "Yes", "No", "On", "Off":
		return strconv.Quote(name)
	}
	return name
}

// later returns the later of two times.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
