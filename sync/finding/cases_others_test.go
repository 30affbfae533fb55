package finding_test

import (
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/usage"
)

func otherCases() []findCase {
	exchange := func(f finding.Federation) func(*finding.Account) {
		return func(a *finding.Account) {
			external(a)
			f.At = ago(time.Minute)
			a.Federation = f
		}
	}
	off := func(o rotation.Off) func(*finding.Account) {
		return func(a *finding.Account) {
			a.Spec.State, a.Spec.QuarantineWait = rotation.Quarantined, 7*day
			if o.Warned.IsZero() && !o.Begun.IsZero() {
				o.Warned = o.Begun.Add(-7 * day)
			}
			a.Record.Off = o
			a.Action = rotation.Action{Kind: rotation.Wait}
			if !o.Begun.IsZero() { // its keys are gone, and its secrets are as they were
				a.Record.Offer, a.Observed.Listing.Keys = rotation.Offer{}, nil
			}
			a.Evidence = used("ml", "eval", daily(300, 100)...)
			a.Owner, a.Purpose = "", ""
		}
	}
	quiet := rotation.Off{State: rotation.Quarantined, Begun: ago(41 * day), Done: ago(40 * day)}
	return []findCase{
		{
			name:    "external, and its JWT is rejected",
			account: exchange(finding.Federation{Words: "wandb: exchange: denied: the JWT ended", Issued: ago(2 * time.Hour), Expires: ago(time.Hour)}),
			want:    []string{"page federation_fails"},
		},
		{
			name:    "external, and its identity provider does not answer",
			account: exchange(finding.Federation{Words: "idp.acme.example: no answer", Unclear: true}),
			want:    []string{"ticket federation_fails"},
		},
		{
			name:    "external, and W&B does not answer at all",
			account: exchange(finding.Federation{Words: "no answer"}),
			input: func(in *finding.Input) {
				in.Issuer.FailingSince, in.Issuer.Words = ago(time.Hour), "no answer within 30s"
			},
			want: []string{"ticket issuer_failing"},
		},
		{
			name:    "external, and its JWT ends tonight and was not renewed",
			account: exchange(finding.Federation{Works: true, Issued: ago(29 * day), Expires: now().Add(12 * time.Hour)}),
			want:    []string{"page identity_ends"},
		},
		{
			name:    "external, and its JWT ends in two days",
			account: exchange(finding.Federation{Works: true, Issued: ago(28 * day), Expires: now().Add(2 * day)}),
			want:    []string{"ticket identity_ends"},
		},
		{
			name:    "external, there is no JWT, and nobody is at work for a day",
			account: exchange(finding.Federation{Words: "/run/jwt: no such file: see identity.token_file"}),
			input:   func(in *finding.Input) { in.NextMorning = now().Add(day) },
			want:    []string{"page federation_fails"},
		},
		{
			name:    "external, its JWT does not say since when it is, and five minutes are left",
			account: exchange(finding.Federation{Works: true, Expires: now().Add(5 * time.Minute)}),
			want:    []string{"page identity_ends"},
		},
		{
			name:    "external, its JWT does not say since when it is, and half an hour is left",
			account: exchange(finding.Federation{Works: true, Expires: now().Add(30 * time.Minute)}),
		},
		{
			name:    "external, its JWT ends in 23 hours, and nobody is at work for a day",
			account: exchange(finding.Federation{Works: true, Issued: ago(29 * day), Expires: now().Add(23 * time.Hour)}),
			input:   func(in *finding.Input) { in.NextMorning = now().Add(day) },
			want:    []string{"page identity_ends"},
		},
		{
			name:    "external, its JWT ends in 25 hours, and nobody is at work for a day",
			account: exchange(finding.Federation{Works: true, Issued: ago(29 * day), Expires: now().Add(25 * time.Hour)}),
			input:   func(in *finding.Input) { in.NextMorning = now().Add(day) },
			want:    []string{"ticket identity_ends"},
		},
		{
			name:    "external, and nobody tried its JWT",
			account: external,
		},
		{
			name:    "external, and its JWT of an hour is half over",
			account: exchange(finding.Federation{Works: true, Issued: ago(30 * time.Minute), Expires: now().Add(30 * time.Minute)}),
		},
		{
			name:    "external, and its JWT is fetched whenever one is needed",
			account: exchange(finding.Federation{Works: true, Issued: ago(58 * time.Minute), Expires: now().Add(2 * time.Minute), Renewed: true}),
		},
		{
			name: "its keys go in five days", account: off(rotation.Off{State: rotation.Quarantined, Warned: ago(2 * day)}),
			want: []string{"ticket quarantine_pending"},
		},
		{
			name: "it is to be switched off, its keys go in five days, and its readers fail today",
			account: func(a *finding.Account) {
				off(rotation.Off{State: rotation.Quarantined, Warned: ago(2 * day)})(a)
				a.Observed.Listing.Keys = nil
			},
			want: []string{"page dead_key", "ticket quarantine_pending"},
		},
		{
			name: "it was used a short while ago, so it is not switched off",
			account: func(a *finding.Account) {
				off(rotation.Off{})(a)
				waits(a, "state: quarantined is not carried out: it was used at 2026-11-25T03:00:00Z, in the last 14 days: find out by whom, or write force: true beside it")
			},
			want: []string{"ticket quarantine_pending"},
		},
		{
			name: "its keys are being deleted",
			account: func(a *finding.Account) {
				off(rotation.Off{State: rotation.Quarantined, Begun: ago(time.Hour)})(a)
				a.Observed.Listing.Keys = []rotation.Key{{ID: "K1"}, {ID: "K2"}}
			},
			want: []string{"ticket quarantine_pending"},
		},
		{name: "switched off, and quiet", account: off(quiet)},
		{
			name: "switched off, and a key of it appeared",
			account: func(a *finding.Account) {
				off(quiet)(a)
				a.Observed.Listing.Keys = []rotation.Key{{ID: "K8"}}
			},
			want: []string{"page foreign_key K8"},
		},
		{
			name: "to be removed, and only without keys yet",
			account: func(a *finding.Account) {
				off(quiet)(a)
				a.Spec.State = rotation.Removed
			},
			want: []string{"ticket quarantine_pending"},
		},
		{
			name: "removed",
			account: func(a *finding.Account) {
				off(rotation.Off{State: rotation.Removed, Begun: ago(41 * day), Done: ago(40 * day), Gone: ago(40 * day)})(a)
				a.Spec.State = rotation.Removed
			},
			input: func(in *finding.Input) { in.Platform = nil },
		},
		{
			name: "switched off, and its jobs still try",
			account: func(a *finding.Account) {
				off(quiet)(a)
				denied(a, map[int]int{3: 4})
			},
			want: []string{"ticket used_while_off"},
		},
		{
			name: "switched off, and used",
			account: func(a *finding.Account) {
				off(quiet)(a)
				a.Evidence = used("ml", "eval", 100, 3)
			},
			want: []string{"ticket used_while_off"},
		},
		{
			name: "what keyrota stands on",
			input: func(in *finding.Input) {
				in.Stores = []finding.Store{
					{Name: "vault", FailingSince: ago(2 * time.Hour), Words: "vault is sealed", TokenEnds: now().Add(3 * day)},
					{Name: "aws", FailingSince: ago(5 * time.Minute), Words: "a moment's trouble", TokenEnds: now().Add(40 * day)},
					{Name: "azure", TokenEnds: ago(time.Hour)},
				}
				in.Issuer.AdminKeys = []finding.Credential{
					{Name: "wandb.admin_key", Works: finding.No, Words: "W&B refused it"},
					{Name: "teams.ml.admin_key", Works: finding.Yes},
					{Name: "teams.vision.admin_key"},
				}
				in.Sinks = []finding.Part{{Name: "pager", FailingSince: ago(3 * time.Hour)}, {Name: "mail"}}
				in.Sources = []finding.Part{{Name: string(usage.AuditLog), FailingSince: ago(50 * time.Hour), Words: "W&B refuses the audit log to this key"}}
			},
			want: []string{
				"ticket token_ends vault", "ticket admin_key_ends wandb.admin_key", "ticket sink_failing pager", "ticket store_failing vault",
				"ticket token_ends azure", "ticket usage_source_failing audit_log",
			},
		},
	}
}
