package survey

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/plan"
	"github.com/keyrota/keyrota/sync/usage"
)

// Survey is what people should know at a time.
type Survey struct {
	finding.Input
	Findings []finding.Finding
	Checked  time.Time // as of when what takes calls of its own was checked; zero: never
}

// Seen reports whether a finding about an account, that is not among the findings,
// is over: not where part of the account could not be looked at.
func (s Survey) Seen(ref rotation.Ref) bool {
	i := slices.IndexFunc(s.Accounts, func(a finding.Account) bool { return a.Spec.Account.Ref == ref })
	if ref == "" || i < 0 {
		return true
	}
	a := s.Accounts[i]
	if a.Spec.Idle(a.Record) {
		return true // nobody looks
	}
	unseen := slices.ContainsFunc(a.Spec.Destinations(a.Record), func(d rotation.Destination) bool {
		return a.Observed.Holding(d).State == rotation.StateUnknown
	})
	return !unseen && (a.Observed.Listing.Complete || !a.Spec.Admin)
}

// Surveyor makes surveys.
type Surveyor struct {
	Config    *config.Config
	Inventory *inventory.Inventory
	Ledger    Ledger
	// Known asks the ledger.
	Known func(context.Context) (Known, error)
	// Keep has what was seen for the first time kept, for the next survey: of one
	// process at a time.
	Keep bool
	Now  func() time.Time
}

// Make folds what a sweep saw and what is on record into findings. The error is
// the ledger's.
func (s Surveyor) Make(ctx context.Context, swept []plan.Account, entries []ledger.Entry) (Survey, error) {
	now := s.Now()
	known, err := s.Known(ctx)
	if err != nil {
		return Survey{}, err
	}
	var t times
	if err := read(ctx, s.Ledger, timesName, &t); err != nil {
		return Survey{}, err
	}
	checks, err := LastChecks(ctx, s.Ledger)
	if err != nil {
		return Survey{}, err
	}
	before, err := json.Marshal(t)
	if err != nil {
		return Survey{}, err
	}
	if err := t.follow(ctx, s.Ledger); err != nil {
		return Survey{}, err
	}
	f := fold{Surveyor: s, now: now, known: known, times: &t, checks: checks, failing: map[string]bool{}}
	survey := Survey{Input: f.input(swept, entries), Checked: checks.At}
	survey.Findings = finding.Find(survey.Input)
	f.forget(survey.Findings)
	if !s.Keep {
		return survey, nil
	}
	after, err := json.Marshal(t)
	if err == nil && !bytes.Equal(before, after) {
		err = s.Ledger.SetState(ctx, timesName, after)
	}
	return survey, err
}

// LastChecks returns what was checked the last time; the zero Checks: nothing was.
func LastChecks(ctx context.Context, l Ledger) (Checks, error) {
	var c Checks
	err := read(ctx, l, checksName, &c)
	return c, err
}

// Save keeps what was checked, for the surveys to come.
func (c Checks) Save(ctx context.Context, l Ledger) error { return write(ctx, l, checksName, c) }

// fold makes the input of one survey.
type fold struct {
	Surveyor
	now     time.Time
	known   Known
	times   *times
	checks  Checks
	failing map[string]bool // that was seen to fail now
}

func (f *fold) input(swept []plan.Account, entries []ledger.Entry) finding.Input {
	in := finding.Input{
		Now: f.now, Listed: map[string]bool{}, ListedAt: f.checks.At, NextMorning: f.nextMorning(),
		Acknowledged: f.known.Acknowledged, FirstSeen: f.times.Found, Sinks: f.known.Sinks,
		NameAllowed: f.Config.NameProblem(),
	}
	if in.FirstSeen == nil {
		in.FirstSeen = map[string]time.Time{}
	}
	wanted := map[rotation.Ref]bool{}
	for i, a := range swept {
		ref := a.Spec.Account.Ref
		wanted[ref] = true
		in.Accounts = append(in.Accounts, f.account(a, f.Inventory.Accounts[i].Config))
	}
	for _, e := range entries {
		if !wanted[e.Ref] && !ledger.Went(e.Record) {
			in.Left = append(in.Left, finding.Left{Account: e.Ref, Record: e.Record, Evidence: f.known.Usage[e.Ref]})
		}
	}
	for _, team := range slices.Sorted(maps.Keys(f.checks.Platform)) {
		in.Listed[team] = true
		for _, l := range f.checks.Platform[team] {
			ref := refOf(l.Account, f.Config.WandB.Organization)
			l.Account.Ref = ref
			in.Platform = append(in.Platform, finding.PlatformAccount{Account: l.Account, Keys: l.Keys, Evidence: f.known.Usage[ref]})
		}
	}
	in.Stores, in.Issuer = f.parts(swept)
	in.Sources = f.known.Sources
	maps.DeleteFunc(f.times.Seen, func(ref string, _ time.Time) bool { return !wanted[rotation.Ref(ref)] })
	return in
}

// refOf is how the ledger would name an account that the platform lists.
func refOf(a rotation.Account, organization string) rotation.Ref {
	if a.Scope == rotation.ScopeOrganization {
		return rotation.Ref(organization + "//" + a.Name)
	}
	return rotation.Ref(a.Team + "/" + a.Name)
}

func (f *fold) account(a plan.Account, c *config.Account) finding.Account {
	ref := a.Spec.Account.Ref
	check, told := f.checks.Accounts[ref], f.times.Accounts[string(ref)]
	out := finding.Account{
		Spec: a.Spec, Record: a.Record, Observed: a.Observed, Action: a.Next(f.now),
		Purpose: c.Purpose, Owner: c.Owner, Reason: c.Reason, UsedBy: c.UsedBy, Reviewed: c.Reviewed, ReviewEvery: c.ReviewEvery,
		Env: c.Env, ReaderNeeds: readerNeeds(c, f.Config.WriteDeadline),
		Rhythm: c.Rhythm, UnusedAfter: c.UnusedAfter, ProposeAfter: c.ProposeAfter, Weave: c.Weave, Position: c.Pos.String(),
		Evidence: f.known.Usage[ref], LastRead: map[rotation.Destination]time.Time{}, Access: map[usage.Project]finding.Access{},
		Attribution: Attribution(*c), Attributed: check.Attributed, Federation: check.Federation,
		FailingSince: map[rotation.Destination]time.Time{}, DeliveredTo: map[rotation.Destination]time.Time{}, LastFailure: told.Failed,
		DeliveredAt: told.Delivered, KnownSince: f.knownSince(ref, told), WatchedSince: told.Watched, Held: a.Held.Words,
	}
	for _, d := range a.Spec.Destinations(a.Record) {
		h := a.Observed.Holding(d)
		if since := f.since("destination "+d.String(), h.State == rotation.StateUnknown && h.Words != "" && !a.Spec.Idle(a.Record)); !since.IsZero() {
			out.FailingSince[d] = since
		}
		if at := told.To[d.String()]; !at.IsZero() {
			out.DeliveredTo[d] = at
		}
		if at, known := f.known.LastRead[d]; known {
			out.LastRead[d] = at
		}
	}
	for p, may := range check.Access {
		team, name, _ := strings.Cut(p, "/")
		out.Access[usage.Project{Team: team, Name: name}] = may
	}
	return out
}

// knownSince returns since when an account is known: its first event or, of one that
// is only watched, its first survey.
func (f *fold) knownSince(ref rotation.Ref, told since) time.Time {
	if !told.Known.IsZero() {
		delete(f.times.Seen, string(ref))
		return told.Known
	}
	if f.times.Seen == nil {
		f.times.Seen = map[string]time.Time{}
	}
	if f.times.Seen[string(ref)].IsZero() {
		f.times.Seen[string(ref)] = f.now
	}
	return f.times.Seen[string(ref)]
}

// readerNeeds is the overlap that an account's jobs and readers need.
func readerNeeds(c *config.Account, writeDeadline time.Duration) time.Duration {
	var cache time.Duration
	for _, d := range c.Deliver {
		cache = max(cache, d.Cache)
	}
	return c.LongestJob.Duration + cache + writeDeadline
}

// parts says how the stores and the platform do: a store fails when nothing of it
// could be looked at, the platform when no team could be listed.
func (f *fold) parts(swept []plan.Account) ([]finding.Store, finding.Issuer) {
	type health struct {
		seen, failed int
		words        string
	}
	stores, issuer := map[string]*health{}, &health{}
	for _, a := range swept {
		if a.Spec.Idle(a.Record) {
			continue // nobody looks
		}
		if a.Spec.Admin {
			issuer.seen++
			if !a.Observed.Listing.Complete && a.Observed.Listing.Words != "" {
				issuer.failed, issuer.words = issuer.failed+1, a.Observed.Listing.Words
			}
		}
		for _, w := range a.Spec.Wants {
			h := stores[w.Destination.Store]
			if h == nil {
				h = &health{}
				stores[w.Destination.Store] = h
			}
			h.seen++
			if held := a.Observed.Holding(w.Destination); held.State == rotation.StateUnknown && held.Words != "" {
				h.failed, h.words = h.failed+1, held.Words
			}
		}
	}
	var all []finding.Store
	for _, name := range slices.Sorted(maps.Keys(stores)) {
		h := stores[name]
		fails := h.failed > 0 && h.failed == h.seen
		all = append(all, finding.Store{Name: name, FailingSince: f.since("store "+name, fails), Words: h.words, TokenEnds: f.checks.Logins[name]})
	}
	fails := issuer.failed > 0 && issuer.failed == issuer.seen
	return all, finding.Issuer{FailingSince: f.since("issuer", fails), Words: issuer.words, AdminKeys: f.checks.Admins}
}

// since notes whether something fails now, and returns since when it does; the
// zero time if it does not.
func (f *fold) since(name string, fails bool) time.Time {
	if !fails {
		return time.Time{}
	}
	f.failing[name] = true
	if f.times.Failing == nil {
		f.times.Failing = map[string]time.Time{}
	}
	if _, known := f.times.Failing[name]; !known {
		f.times.Failing[name] = f.now
	}
	return f.times.Failing[name]
}

// forget strikes what is over, and notes what is new.
func (f *fold) forget(found []finding.Finding) {
	maps.DeleteFunc(f.times.Failing, func(name string, _ time.Time) bool { return !f.failing[name] })
	was := f.times.Found
	f.times.Found = map[string]time.Time{}
	for _, one := range found {
		at, known := was[one.ID()]
		if !known {
			at = f.now
		}
		f.times.Found[one.ID()] = at
	}
}
