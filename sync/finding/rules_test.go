package finding_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/usage"
)

// TestNothingKnownNothingSaid: where nothing was seen, only what is written and on
// record is found. What is not known is never taken for its opposite.
func TestNothingKnownNothingSaid(t *testing.T) {
	written := []finding.Code{
		finding.UsageUnknown, finding.NoOwner, finding.NoPurpose, finding.ReviewOverdue, finding.NameConvention,
		finding.EntityMismatch, finding.OverlapTooShort, finding.Parked, finding.LeakStalled, finding.RotationOverdue,
		finding.RotationFailing, finding.RotationWillMiss, finding.QuarantinePending, finding.LeftUnattended, finding.ExtraKeys,
		finding.SharedKey,
	}
	for _, c := range cases() {
		a := healthy()
		if c.account != nil {
			c.account(&a)
		}
		a.Observed, a.Evidence, a.LastRead, a.Access = rotation.Observed{}, usage.Evidence{}, nil, nil
		a.Attributed, a.Federation, a.FailingSince = finding.Unknown, finding.Federation{}, nil
		in := estate(a)
		if c.input != nil {
			c.input(&in)
		}
		in.Platform, in.Listed, in.Stores, in.Issuer, in.Sinks, in.Sources = nil, nil, nil, finding.Issuer{}, nil, nil
		for _, f := range finding.Find(in) {
			if !slices.Contains(written, f.Code) {
				t.Errorf("%s: %s, of nothing that was seen: %s", c.name, line(f), f.Title)
			}
		}
	}
}

// TestFindIsPure: the same input gives the same findings, and is left as it was.
func TestFindIsPure(t *testing.T) {
	for _, c := range cases() {
		make := func() finding.Input {
			a := healthy()
			if c.account != nil {
				c.account(&a)
			}
			in := estate(a)
			if c.input != nil {
				c.input(&in)
			}
			return in
		}
		in := make()
		first := finding.Find(in)
		for range 5 {
			if diff := cmp.Diff(first, finding.Find(in)); diff != "" {
				t.Fatalf("%s: not the same twice:\n%s", c.name, diff)
			}
		}
		opaque := cmp.Comparer(func(a, b shut) bool { return time.Time(a).Equal(time.Time(b)) })
		if diff := cmp.Diff(make(), in, cmpopts.EquateComparable(rotation.Destination{}, usage.Project{}), cmpopts.IgnoreFields(finding.Input{}, "NameAllowed"), opaque); diff != "" {
			t.Errorf("%s: the input was changed:\n%s", c.name, diff)
		}
	}
}

// TestFindLeavesNothingOut: an account without anything in it, and one that is on
// record by mistake only, are looked at without a panic.
func TestFindLeavesNothingOut(t *testing.T) {
	finding.Find(finding.Input{
		Accounts: []finding.Account{{}}, Left: []finding.Left{{}}, Platform: []finding.PlatformAccount{{}}, Listed: map[string]bool{"": true},
		NameAllowed: anyName,
	})
}

// TestAcknowledgement: a person's word holds from its beginning up to its end, for
// what it names; then the finding returns by itself.
func TestAcknowledgement(t *testing.T) {
	a := healthy()
	a.Owner, a.Purpose = "", ""
	a.Access[usage.Project{Team: "ml", Name: "x"}] = finding.AccessNone
	a.Access[usage.Project{Team: "ml", Name: "y"}] = finding.AccessNone
	said := func(ack finding.Acknowledgement) finding.Input {
		in := estate(a)
		ack.Reason, ack.By = "known", "jane"
		in.Acknowledged = []finding.Acknowledgement{ack}
		return in
	}
	const ref = "ml/nightly-eval"
	for _, c := range []struct {
		name string
		ack  finding.Acknowledgement
		want []string
	}{
		{
			"one subject", finding.Acknowledgement{Code: finding.RestrictedAway, Account: ref, Subject: "ml/x", From: ago(day), Until: now().Add(day)},
			[]string{"ticket restricted_project ml/y", "report no_owner", "report no_purpose", "ticket restricted_project ml/x, acknowledged"},
		},
		{
			"every subject", finding.Acknowledgement{Code: finding.RestrictedAway, Account: ref, From: ago(day), Until: now().Add(day)},
			[]string{"report no_owner", "report no_purpose", "ticket restricted_project ml/x, acknowledged", "ticket restricted_project ml/y, acknowledged"},
		},
		{
			"its last moment", finding.Acknowledgement{Code: finding.NoOwner, Account: ref, From: ago(day), Until: now().Add(time.Nanosecond)},
			[]string{"ticket restricted_project ml/x", "ticket restricted_project ml/y", "report no_purpose", "report no_owner, acknowledged"},
		},
		{
			"over", finding.Acknowledgement{Code: finding.NoOwner, Account: ref, From: ago(day), Until: now()},
			[]string{"ticket restricted_project ml/x", "ticket restricted_project ml/y", "report no_owner", "report no_purpose"},
		},
		{
			"not begun", finding.Acknowledgement{Code: finding.NoOwner, Account: ref, From: now().Add(time.Hour), Until: now().Add(day)},
			[]string{"ticket restricted_project ml/x", "ticket restricted_project ml/y", "report no_owner", "report no_purpose"},
		},
		{
			"another account's", finding.Acknowledgement{Code: finding.NoOwner, Account: "ml/other", From: ago(day), Until: now().Add(day)},
			[]string{"ticket restricted_project ml/x", "ticket restricted_project ml/y", "report no_owner", "report no_purpose"},
		},
	} {
		if diff := cmp.Diff(c.want, lines(finding.Find(said(c.ack)))); diff != "" {
			t.Errorf("%s: want -, got +\n%s", c.name, diff)
		}
	}

	in := said(finding.Acknowledgement{ID: 1, Code: finding.NoOwner, Account: ref, From: ago(day), Until: now().Add(day)})
	in.Acknowledged = append(in.Acknowledged, finding.Acknowledgement{ID: 2, Code: finding.NoOwner, Account: ref, From: ago(day), Until: now().Add(9 * day)})
	for _, f := range finding.Find(in) {
		if f.Code == finding.NoOwner && (f.Acknowledged == nil || f.Acknowledged.ID != 2) {
			t.Errorf("of two words the one that holds longer counts, and it is %+v", f.Acknowledged)
		}
	}
}

// TestSince: a finding holds since when it is noted, now if it is new; and nothing
// is claimed where nothing is noted anywhere.
func TestSince(t *testing.T) {
	a := healthy()
	a.Owner = ""
	in := estate(a)
	for _, c := range []struct {
		seen map[string]time.Time
		want time.Time
	}{
		{map[string]time.Time{"no_owner ml/nightly-eval ": ago(9 * day)}, ago(9 * day)},
		{map[string]time.Time{}, now()},
		{nil, time.Time{}},
	} {
		in.FirstSeen = c.seen
		if found := finding.Find(in); len(found) != 1 || !found[0].Since.Equal(c.want) {
			t.Errorf("noted %v: got %+v, want since %s", c.seen, found, c.want)
		}
	}
}

// TestAlarmsNeedWatching: without notes of what was there before, no key is called
// new, so nobody is woken for it.
func TestAlarmsNeedWatching(t *testing.T) {
	a := healthy()
	a.Observed.Listing.Keys = append(a.Observed.Listing.Keys, rotation.Key{ID: "K7"})
	in := estate(a)
	in.FirstSeen = nil
	if diff := cmp.Diff([]string{"ticket foreign_key K7"}, lines(finding.Find(in))); diff != "" {
		t.Error(diff)
	}
}

// TestSort: the most urgent comes first, and last what a person acknowledged.
func TestSort(t *testing.T) {
	found := []finding.Finding{
		{Code: "c", Account: "b/x", Team: "b", Owner: "jane", Severity: finding.Report},
		{Code: "a", Account: "a/x", Team: "a", Owner: "joe", Severity: finding.Page, Acknowledged: &finding.Acknowledgement{}},
		{Code: "b", Account: "a/x", Team: "a", Owner: "joe", Severity: finding.Ticket, SafeUntil: now().Add(2 * day)},
		{Code: "b", Account: "a/y", Team: "a", Owner: "joe", Severity: finding.Ticket, SafeUntil: now().Add(day)},
		{Code: "d", Account: "b/x", Team: "b", Owner: "jane", Severity: finding.Ticket, Broken: "jobs fail"},
		{Code: "e", Account: "b/x", Team: "b", Owner: "jane", Severity: finding.Page},
	}
	finding.Sort(found)
	var order []string
	for _, f := range found {
		order = append(order, f.ID())
	}
	want := []string{"e b/x ", "d b/x ", "b a/y ", "b a/x ", "c b/x ", "a a/x "}
	if diff := cmp.Diff(want, order); diff != "" {
		t.Errorf("order: want -, got +\n%s", diff)
	}
}
