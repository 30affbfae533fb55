package report_test

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/report"
	"github.com/keyrota/keyrota/sync/usage"
)

// now is when the reports of tests are made.
func now() time.Time { return time.Date(2026, 11, 30, 14, 5, 0, 0, time.UTC) }

const day = 24 * time.Hour

// every is a schedule of a maximum age.
type every time.Duration

func (e every) Next(t time.Time) time.Time { return t.Add(time.Duration(e)) }

// estate is a made-up installation of n accounts: the same for the same n.
func estate(n int) report.Data {
	e := &builder{dice: rand.New(rand.NewPCG(7, uint64(n))), d: report.Data{
		Input:    finding.Input{Now: now(), Listed: map[string]bool{"": true}},
		Instance: "prod", Version: "1.4.0", Checked: now().Add(-6 * time.Hour),
		From: now().AddDate(0, -3, 0), Until: now(), Catalogue: catalogue(),
		Describe: func(e rotation.Event) string { return string(e.Kind) + ": " + e.Words },
	}}
	for i := range n {
		e.account(i)
	}
	for i := range (n + 9) / 20 {
		e.unmanaged(i)
	}
	if n > 1 {
		e.odds()
		// As W&B does: an account of a team in the whole listing too, and people.
		again := e.d.Platform[0]
		again.Account.Scope = ""
		e.d.Platform = append(e.d.Platform, again, finding.PlatformAccount{Account: rotation.Account{ID: "ada", Name: "ada"}})
	}
	e.d.Chain = report.Chain{
		Ledger: "lvamxet6t5cvejcq", Verified: true,
		Head: ledger.Head{Seq: int64(len(e.d.Events)), Hash: sha256.Sum256([]byte("head"))},
	}
	if m := len(e.d.Events); m > 0 {
		e.d.Chain.Time = e.d.Events[m-1].Time
	} else {
		e.d.Chain.Head.Hash = ledger.Hash{}
	}
	return e.d
}

type builder struct {
	dice *rand.Rand
	d    report.Data
}

func (e *builder) account(i int) {
	teams := []string{"ml-platform", "vision", "speech", "ads-ranking", "forecasting", "research"}
	jobs := []string{"nightly-eval", "ci-model-training", "inference-monitor", "feature-store", "hyperparameter-sweep", "drift-check", "quarterly-audit", "data-export"}
	team, job := teams[i%len(teams)], jobs[(i/len(teams)+i)%len(jobs)]
	name := job
	if i >= len(teams)*2 {
		name = fmt.Sprintf("%s-%d", job, i/len(teams))
	}
	scope, ref := rotation.ScopeTeam, rotation.Ref(team+"/"+name)
	reason := ""
	if i%19 == 18 {
		scope, ref, reason = rotation.ScopeOrganization, rotation.Ref("acme//"+name), "reads the projects of every team"
	}
	e.d.Listed[team] = true
	allowed := []time.Duration{90 * day, 90 * day, 90 * day, 30 * day, 180 * day}[i%5]
	grown := time.Duration(e.dice.Float64() * float64(allowed) * 0.97)
	if i%23 == 7 {
		grown = allowed + time.Duration(e.dice.IntN(20)+1)*day
	}
	issued := now().Add(-grown).Truncate(time.Minute)
	a := finding.Account{
		Purpose: map[bool]string{true: "", false: "Runs " + job + " for " + team}[i%31 == 30], Reason: reason,
		Owner: team + "@acme.example", UsedBy: []string{"airflow/" + job},
		Reviewed: now().Add(-time.Duration(i%300) * day), UnusedAfter: 45 * day, Position: fmt.Sprintf("keyrota.yaml:%d", 20+i*7),
		Spec: rotation.Spec{
			Account: rotation.Account{Ref: ref, Name: name, Scope: scope, Team: team},
			Policy:  rotation.Policy{Schedule: every(allowed), Observe: i%17 == 5},
			Wants:   []rotation.Want{{Destination: rotation.Destination{Store: "vault", Path: "kv/" + team + "/" + name, Field: "WANDB_API_KEY"}}},
		},
		Record: rotation.Record{
			Account: rotation.AccountID(fmt.Sprintf("U%04d", i)), Offer: rotation.Offer{Edition: 4, Key: rotation.KeyID(fmt.Sprintf("K%04d", i)), Issued: issued},
			Agreed: issued.Add(3 * time.Minute),
		},
	}
	if i%4 == 3 {
		a.Spec.Wants = append(a.Spec.Wants, rotation.Want{Destination: rotation.Destination{Store: "aws-prod", Path: team + "/" + name}})
	}
	if a.Spec.Policy.Observe {
		a.Record = rotation.Record{Account: a.Record.Account}
	}
	a.Evidence = e.evidence(ref, team, i)
	e.d.Accounts = append(e.d.Accounts, a)
	e.d.Platform = append(e.d.Platform, finding.PlatformAccount{Account: rotation.Account{Ref: ref, ID: a.Record.Account, Name: name, Scope: scope, Team: team}})
	if !a.Spec.Policy.Observe {
		e.rotated(ref, issued, a.Spec.Wants)
	}
	if grown > allowed {
		e.find("rotation_overdue", finding.Ticket, ref, team, "The rotation of its key is overdue", finding.Finding{
			Since: now().Add(allowed - grown), SafeUntil: now().Add(9 * day), Evidence: []string{"edition 4 is older than its policy allows"},
			Do: "See what it waits for.", Command: "keyrota status " + string(ref),
		})
	}
	if a.Purpose == "" {
		e.find("no_purpose", finding.Report, ref, team, "Nobody wrote what it is for", finding.Finding{Do: "Write `purpose:`."})
	}
}

// evidence makes one of several kinds of use, and the findings that follow.
func (e *builder) evidence(ref rotation.Ref, team string, i int) usage.Evidence {
	days, today := map[usage.Day]int{}, usage.DayOf(now())
	idle, gap := 0, 0
	switch i % 12 {
	case 4:
		idle = 50 + e.dice.IntN(200)
		gap = 1
	case 6:
		gap = 7
	case 8:
		gap = 91
	case 9:
		idle, gap = 999, 1
	case 11:
		idle, gap = 70, 3
	default:
		gap = 1 + e.dice.IntN(3)
	}
	for n := idle; n < usage.KeepDays; n += gap {
		if gap > 1 || e.dice.IntN(10) > 1 || n == idle {
			days[today-usage.Day(n)] = 1 + e.dice.IntN(9)
		}
	}
	t := usage.Trace{Days: days}
	for d := range days {
		at := d.Start().Add(5 * time.Hour)
		if at.After(t.Last) {
			t.Last = at
		}
		if t.First.IsZero() || at.Before(t.First) {
			t.First = at
		}
	}
	c := usage.Coverage{From: now().AddDate(0, 0, -390), Until: now()}
	switch {
	case idle == 999:
		e.find("never_used", finding.Ticket, ref, team, "It was never used", finding.Finding{
			Since: now().AddDate(0, -4, 0), Evidence: []string{"no run and no entry of the audit log since its key was delivered"}, Do: "Ask its owner whether it is needed.",
		})
	case i%12 == 11:
		c.Gaps = []usage.Gap{{From: now().AddDate(0, 0, -120), Until: now().AddDate(0, 0, -60), Why: "the audit log could not be read"}}
		e.find("usage_unknown", finding.Report, ref, team, "Whether it is used is not known", finding.Finding{
			Evidence: []string{"its runs may be credited to a person", "the audit log could not be read from 2 Aug to 1 Oct"}, Do: "Ask its owner.",
		})
	case idle > 0:
		f := finding.Finding{
			Since: t.Last, Evidence: []string{fmt.Sprintf("no use for %d days; 45 are allowed", idle), "seen by runs and the audit log"}, Do: "Ask its owner whether it is needed.",
		}
		e.find("unused", finding.Ticket, ref, team, "Nobody uses it", f)
		if idle > 90 {
			e.find("propose_quarantine", finding.Report, ref, team, "It may be switched off", finding.Finding{Do: "Write this into its account.", Change: "state: quarantined\n"})
		}
	}
	return usage.Evidence{Traces: map[usage.Source]usage.Trace{usage.Runs: t}, Coverage: map[usage.Source]usage.Coverage{usage.Runs: c, usage.AuditLog: c}}
}

func (e *builder) find(code finding.Code, s finding.Severity, ref rotation.Ref, team, title string, f finding.Finding) {
	f.Code, f.Severity, f.Account, f.Team, f.Title = code, s, ref, team, title
	if team != "" {
		f.Owner = team + "@acme.example"
	}
	e.d.Findings = append(e.d.Findings, f)
}

func (e *builder) event(at time.Time, ref rotation.Ref, by string, ev rotation.Event) {
	e.d.Events = append(e.d.Events, ledger.StoredEvent{Seq: int64(len(e.d.Events) + 1), Time: at, Ref: ref, By: by, Event: ev})
}

// rotated puts the last rotation of an account on record.
func (e *builder) rotated(ref rotation.Ref, at time.Time, wants []rotation.Want) {
	const by = "keyrota on keyrota-0"
	n := rotation.KeyID(fmt.Sprintf("K%s", ref[len(ref)-4:]))
	e.event(at, ref, by, rotation.Event{Kind: rotation.EventOffered, Key: n + "4", Edition: 4})
	for _, w := range wants {
		e.event(at.Add(time.Second), ref, by, rotation.Event{Kind: rotation.EventDelivered, Key: n + "4", Edition: 4, Destination: w.Destination})
	}
	e.event(at.Add(3*time.Minute), ref, by, rotation.Event{Kind: rotation.EventAgreed, Key: n + "4", Edition: 4})
	if gone := at.Add(7 * day); gone.Before(now()) {
		e.event(gone, ref, by, rotation.Event{Kind: rotation.EventRevoked, Key: n + "3", Edition: 3})
	}
}

func (e *builder) unmanaged(i int) {
	id := rotation.AccountID(fmt.Sprintf("X%04d", i))
	name := fmt.Sprintf("test-sa-%d", i+1)
	ref := rotation.Ref("vision/" + name)
	e.d.Listed["vision"] = true
	e.d.Platform = append(e.d.Platform, finding.PlatformAccount{
		Account: rotation.Account{Ref: ref, ID: id, Name: name, Scope: rotation.ScopeTeam, Team: "vision"},
		Keys:    []rotation.Key{{ID: "Z1"}, {ID: "Z2"}}, Evidence: e.evidence(ref, "vision", i*3),
	})
	e.find("not_managed", finding.Report, ref, "vision", "It is at W&B and not in the configuration", finding.Finding{Do: "Adopt it, or remove it at W&B.", Command: "keyrota discover"})
}

// odds are what there is of everything once.
func (e *builder) odds() {
	a, b := e.d.Accounts[0].Spec.Account, e.d.Accounts[1].Spec.Account
	e.find("destinations_disagree", finding.Page, a.Ref, a.Team, "vault:kv/ml-platform/nightly-eval#WANDB_API_KEY holds a dead key", finding.Finding{
		Since: now().Add(-3 * time.Hour), Broken: "airflow/nightly-eval cannot log in", Evidence: []string{"written by hand at 11:02 UTC", "W&B says that the key does not work"},
		Do: "Deliver the offered key again.", Command: "keyrota retry " + string(a.Ref),
	})
	e.find("token_ends", finding.Ticket, "", "", "The login to store vault ends in 6 days", finding.Finding{
		SafeUntil: now().Add(6 * day), Evidence: []string{"its token says so"}, Do: "Make another one and put it where the configuration reads it.",
	})
	e.find("name_convention", finding.Report, b.Ref, b.Team, "Its name is against the convention", finding.Finding{
		Acknowledged: &finding.Acknowledgement{From: now().AddDate(0, -1, 0), Until: now().AddDate(0, 5, 0), Reason: "renamed with the next release", By: "ada@acme.example"},
	})
	e.event(now().Add(-20*day), b.Ref, "ada on laptop", rotation.Event{Kind: rotation.EventRequested, Words: "rotate: laptop lost"})
	e.event(now().Add(-20*day+time.Minute), b.Ref, "keyrota on keyrota-0", rotation.Event{Kind: rotation.EventOffered, Key: "K9", Edition: 9})
	e.event(now().Add(-19*day), a.Ref, "keyrota on keyrota-0", rotation.Event{Kind: rotation.EventParked, Words: "the value is someone else's key"})
	e.event(now().Add(-18*day), "", "ada on laptop", rotation.Event{Kind: rotation.EventFrozen, Words: "quarter end"})
	e.d.Left = append(e.d.Left, finding.Left{Account: "vision/old-export", Record: rotation.Record{Left: now().Add(-40 * day), Offer: rotation.Offer{Key: "K77"}}})
	e.d.Unseen = []string{"azure-eu did not answer: HTTP 503 Service Unavailable"}
}

func catalogue() []finding.Entry {
	cis := []finding.Advice{{Document: "CIS Controls v8", Section: "5.3"}, {Document: "W&B: service account best practices"}}
	return []finding.Entry{
		{Code: "unused", Title: "An account that nobody uses", Why: "A key that nobody needs is one that nobody misses when it is stolen.", Sources: cis},
		{Code: "never_used", Title: "An account that was never used", Why: "It was made and delivered for something that did not happen.", Sources: cis},
		{Code: "usage_unknown", Title: "Use that is not known", Why: "The evidence has holes."},
		{Code: "rotation_overdue", Title: "A rotation is overdue", Why: "The key is older than its policy allows.", Sources: []finding.Advice{{Document: "OWASP NHI 2025", Section: "NHI7"}}},
		{Code: "destinations_disagree", Title: "Destinations that disagree", Why: "Readers of one of them hold another key than the others."},
		{Code: "token_ends", Title: "A login to a secrets manager that ends", Why: "After its end nothing is delivered there."},
		{Code: "not_managed", Title: "Accounts that are not managed", Why: "Nobody rotates their keys, and nobody is named for them.", Sources: []finding.Advice{{Document: "CIS Controls v8", Section: "5.5"}}},
		{Code: "no_purpose", Title: "No purpose", Why: "Nobody can tell whether it is still needed."},
		{Code: "propose_quarantine", Title: "Accounts to switch off", Why: "They were not used for longer than the policy proposes."},
		{Code: "name_convention", Title: "A name against the convention", Why: "It does not say what it is for."},
	}
}
