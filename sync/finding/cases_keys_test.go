package finding_test

import (
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/usage"
)

func keyCases() []findCase {
	stranger := func(a *finding.Account) {
		a.Observed.Listing.Keys = append(a.Observed.Listing.Keys, rotation.Key{ID: "K7", Label: "laptop"})
	}
	dead := func(a *finding.Account) { a.Observed.Listing.Keys = nil }
	return []findCase{
		{name: "a key appeared that nothing explains", account: stranger, want: []string{"page foreign_key K7"}},
		{
			name: "a key that nothing explains was there when keyrota began",
			account: func(a *finding.Account) {
				stranger(a)
				a.WatchedSince = now()
			},
			want: []string{"ticket foreign_key K7"},
		},
		{
			name:    "a key that nothing explains, and nothing is noted anywhere",
			account: stranger,
			input: func(in *finding.Input) {
				in.FirstSeen = map[string]time.Time{"foreign_key ml/nightly-eval K7": ago(100 * day)}
			},
			want: []string{"page foreign_key K7"},
		},
		{
			name: "a key that we deleted a moment ago is still listed",
			account: func(a *finding.Account) {
				stranger(a)
				a.Record.Gone = []rotation.Gone{{Key: "K7", At: ago(time.Minute)}}
			},
		},
		{
			name: "a key appeared whose description says that keyrota made it",
			account: func(a *finding.Account) {
				a.Observed.Listing.Keys = append(a.Observed.Listing.Keys, rotation.Key{ID: "K7", Label: rotation.NewLabel("prod", "U1", 9, ago(day), "forged")})
			},
			want: []string{"page foreign_key K7"},
		},
		{
			name: "keys of a listing that is not complete explain nothing",
			account: func(a *finding.Account) {
				stranger(a)
				a.Observed.Listing.Complete = false
			},
		},
		{
			name: "watched only, with three keys",
			account: func(a *finding.Account) {
				stranger(a)
				old(a)
				observed(a)
			},
			want: []string{"report extra_keys"},
		},
		{
			name: "an old key in its overlap",
			account: func(a *finding.Account) {
				old(a)
				a.Record.Agreed, a.Record.Offer.Issued = ago(6*time.Hour), ago(7*time.Hour)
			},
		},
		{
			name: "an old key that should be gone",
			account: func(a *finding.Account) {
				old(a)
				a.Action.Why = "the old key is kept until the window opens"
			},
			want: []string{"ticket extra_keys"},
		},
		{
			name: "the key that readers have was deleted in W&B, and keyrota is stuck",
			account: func(a *finding.Account) {
				dead(a)
				a.Record.Parked = "no live key of this account can be read back from any destination"
			},
			want: []string{"page dead_key", "ticket parked"},
		},
		{
			name: "the same, and nobody looks at what is parked: the listing of all accounts says so",
			account: func(a *finding.Account) {
				dead(a)
				a.Record.Parked, a.Observed = "no live key of this account can be read back from any destination", rotation.Observed{}
			},
			want: []string{"page dead_key", "ticket parked"},
		},
		{
			name: "parked, and the listing of all accounts is older than its key",
			account: func(a *finding.Account) {
				dead(a)
				a.Record.Parked, a.Observed = "W&B answers what nobody understands", rotation.Observed{}
				a.Record.Agreed = ago(time.Minute)
			},
			want: []string{"ticket parked"},
		},
		{
			name: "parked, and its key lives",
			account: func(a *finding.Account) {
				a.Record.Parked, a.Observed.Holdings = "W&B answers what nobody understands", nil
			},
			want: []string{"ticket parked"},
		},
		{
			name: "one destination has a key that was deleted in W&B, and keyrota is about to heal it",
			account: func(a *finding.Account) {
				twoPlaces(a)
				a.Observed.Holdings[1].Holding = holding(1, "K1")
				a.Action = rotation.Action{Kind: rotation.DoDeliver, Why: "it holds key K1"}
			},
			want: []string{"report dead_key"},
		},
		{
			name: "the same, and it is not healed after an hour",
			account: func(a *finding.Account) {
				twoPlaces(a)
				a.Observed.Holdings[1].Holding = holding(1, "K1")
				a.Action = rotation.Action{Kind: rotation.DoDeliver, Why: "it holds key K1"}
			},
			input: func(in *finding.Input) {
				in.FirstSeen = map[string]time.Time{"dead_key ml/nightly-eval ": ago(time.Hour)}
			},
			want: []string{"page dead_key"},
		},
		{
			name: "a listing older than the key says nothing of it",
			account: func(a *finding.Account) {
				dead(a)
				a.Observed.Listing.Offered = 1
			},
		},
		{
			name: "a secret that was delivered to is empty, and its store cannot be written",
			account: func(a *finding.Account) {
				a.Observed.Holdings[0].Holding = rotation.Holding{State: rotation.StateAbsent}
				a.FailingSince = map[rotation.Destination]time.Time{dest(): ago(14 * time.Hour)}
				a.LastFailure = "vault: write kv/ml/eval: denied"
				a.Action = rotation.Action{Kind: rotation.DoDeliver, Why: "nothing is there"}
			},
			want: []string{"page dead_key"},
		},
		{
			name: "a destination is somebody else's",
			account: func(a *finding.Account) {
				twoPlaces(a)
				m := mark(4, "K4")
				m.Instance = "staging"
				a.Observed.Holdings[1].Holding = rotation.Holding{State: rotation.StateMarked, Mark: m}
				waits(a, "aws:ml/eval is not ours", second())
			},
			want: []string{"ticket destinations_disagree"},
		},
		{
			name: "a destination was changed by hand, to a key of somebody else",
			account: func(a *finding.Account) {
				h := holding(2, "K2")
				h.State = rotation.StateEdited
				a.Observed.Holdings[0].Holding = h
				waits(a, "vault:kv/ml/eval#WANDB_API_KEY was changed by hand to a key of someone else, or cannot be read back", dest())
			},
			want: []string{"ticket destinations_disagree"},
		},
		{
			name: "a destination was changed by hand, and keyrota is about to read it back",
			account: func(a *finding.Account) {
				h := holding(2, "K2")
				h.State = rotation.StateEdited
				a.Observed.Holdings[0].Holding = h
				a.Action = rotation.Action{Kind: rotation.Seek, Why: "what was changed by hand is read back"}
			},
			want: []string{"report destinations_disagree"},
		},
		{
			name: "the same, half an hour later",
			account: func(a *finding.Account) {
				h := holding(2, "K2")
				h.State = rotation.StateEdited
				a.Observed.Holdings[0].Holding = h
				a.Action = rotation.Action{Kind: rotation.Seek, Why: "what was changed by hand is read back"}
			},
			input: func(in *finding.Input) {
				in.FirstSeen["destinations_disagree ml/nightly-eval "] = ago(30 * time.Minute)
			},
			want: []string{"ticket destinations_disagree"},
		},
		{
			name: "a secret of somebody else, a new and empty one, and one that left the configuration",
			account: func(a *finding.Account) {
				third, former := second(), second()
				third.Path, former.Path = "ml/new", "ml/former"
				for _, d := range []rotation.Destination{second(), third} {
					a.Spec.Wants = append(a.Spec.Wants, rotation.Want{Destination: d, Shape: "shape"})
				}
				a.Record.Dests = append(a.Record.Dests, former)
				old(a)
				a.Observed.Holdings = append(a.Observed.Holdings,
					rotation.Held{Destination: second(), Holding: rotation.Holding{State: rotation.StateBare, Owner: "terraform"}},
					rotation.Held{Destination: third, Holding: rotation.Holding{State: rotation.StateAbsent}},
					rotation.Held{Destination: former, Holding: holding(1, "K1")},
				)
				a.Record.Agreed, a.Record.Offer.Issued = time.Time{}, ago(time.Hour)
				waits(a, "aws:ml/eval is not ours", second())
			},
			want: []string{"ticket destinations_disagree"},
		},
		{
			name: "a destination that is about to be delivered to",
			account: func(a *finding.Account) {
				old(a)
				a.Record.Agreed, a.Record.Offer.Issued = time.Time{}, ago(time.Minute)
				a.Observed.Holdings[0].Holding = holding(1, "K1")
				a.Action = rotation.Action{Kind: rotation.DoDeliver, Why: "it holds key K1"}
			},
		},
		{
			name: "a destination could not be delivered to for 14 of 24 hours",
			account: func(a *finding.Account) {
				old(a)
				a.Record.Agreed = time.Time{}
				a.Observed.Holdings[0].Holding = holding(1, "K1")
				a.Action = rotation.Action{Kind: rotation.DoDeliver, Why: "it holds key K1"}
				a.FailingSince = map[rotation.Destination]time.Time{dest(): ago(14 * time.Hour)}
				a.LastFailure = "vault: write kv/ml/eval: denied"
			},
			want: []string{"ticket destination_failing vault:kv/ml/eval#WANDB_API_KEY", "ticket destinations_disagree"},
		},
		{
			name: "a destination waits for its key for 14 of 24 hours, whatever was noted",
			account: func(a *finding.Account) {
				old(a)
				a.Record.Agreed, a.Record.Offer.Issued = time.Time{}, ago(14*time.Hour)
				a.Observed.Holdings[0].Holding = holding(1, "K1")
				a.Action = rotation.Action{Kind: rotation.DoDeliver, Why: "it holds key K1"}
			},
			want: []string{"ticket destination_failing vault:kv/ml/eval#WANDB_API_KEY"},
		},
		{
			name: "a destination cannot be looked at for 14 of 24 hours, and others of its store can",
			account: func(a *finding.Account) {
				a.Observed.Holdings[0].Holding = rotation.Holding{Words: "vault: metadata of kv/ml/eval: denied"}
				a.FailingSince = map[rotation.Destination]time.Time{dest(): ago(14 * time.Hour)}
			},
			want: []string{"ticket destination_failing vault:kv/ml/eval#WANDB_API_KEY"},
		},
		{
			name: "a destination fails for a third of its overlap",
			account: func(a *finding.Account) {
				a.FailingSince = map[rotation.Destination]time.Time{dest(): ago(8 * time.Hour)}
			},
		},
		{
			name: "a destination fails, and its whole store does",
			account: func(a *finding.Account) {
				a.FailingSince = map[rotation.Destination]time.Time{dest(): ago(14 * time.Hour)}
			},
			input: func(in *finding.Input) {
				in.Stores = []finding.Store{{Name: "vault", FailingSince: ago(14 * time.Hour), Words: "sealed"}}
			},
			want: []string{"ticket store_failing vault"},
		},
	}
}

func rotationCases() []findCase {
	leaked := func(a *finding.Account) {
		a.Record.Leaked, a.Record.Leak = 2, rotation.Leak{At: ago(2 * time.Hour)}
	}
	return []findCase{
		{
			name:    "parked",
			account: func(a *finding.Account) { a.Record.Parked = "W&B has the creation of API keys disabled" },
			want:    []string{"ticket parked"},
		},
		{
			name: "leaked, and on its way",
			account: func(a *finding.Account) {
				leaked(a)
				a.Action = rotation.Action{Kind: rotation.DoIssue, Why: "others know the key"}
			},
		},
		{
			name: "leaked, and waiting for a person",
			account: func(a *finding.Account) {
				leaked(a)
				waits(a, "nothing on record explains K7")
			},
			want: []string{"page leak_stalled"},
		},
		{
			name: "leaked, and parked",
			account: func(a *finding.Account) {
				leaked(a)
				a.Record.Parked = "no live key can be read back"
			},
			want: []string{"page leak_stalled"},
		},
		{
			name: "leaked, and its store is down",
			account: func(a *finding.Account) {
				leaked(a)
				a.Action = rotation.Action{Kind: rotation.DoDeliver, Why: "it holds key K1"}
			},
			input: func(in *finding.Input) {
				in.Stores = []finding.Store{{Name: "aws"}, {Name: "vault", FailingSince: ago(time.Hour), Words: "sealed"}}
			},
			want: []string{"page leak_stalled", "ticket store_failing vault"},
		},
		{
			name: "leaked, and W&B does not answer",
			account: func(a *finding.Account) {
				leaked(a)
				a.Action = rotation.Action{Kind: rotation.DoIssue, Why: "others know the key"}
			},
			input: func(in *finding.Input) { in.Issuer.FailingSince = ago(time.Hour) },
			want:  []string{"page leak_stalled", "ticket issuer_failing"},
		},
		{
			name: "leaked, and watched only",
			account: func(a *finding.Account) {
				leaked(a)
				a.Spec.Policy.Observe = true
				a.Action = rotation.Action{Kind: rotation.Wait, Why: "manage: observe; others may know keys of this account, and none is replaced before it is manage: rotate"}
			},
			want: []string{"page leak_stalled"},
		},
		{
			name: "due for three days",
			account: func(a *finding.Account) {
				due(a, 3*day)
				waits(a, "due, and the platform's keys are unknown")
			},
			want: []string{"ticket rotation_overdue"},
		},
		{
			name:    "due for six hours",
			account: func(a *finding.Account) { due(a, 6*time.Hour) },
		},
		{
			name: "due for three days, and others go first",
			account: func(a *finding.Account) {
				due(a, 3*day)
				a.Held = "max_rotations_per_day is reached"
			},
			want: []string{"report rotation_overdue"},
		},
		{
			name: "due for three days, and its window opens tomorrow",
			account: func(a *finding.Account) {
				due(a, 3*day)
				a.Spec.Policy.Window = shut(now().Add(day))
			},
		},
		{
			name: "due for ten days, and frozen without an end",
			account: func(a *finding.Account) {
				due(a, 10*day)
				a.Spec.Policy.Freeze = shut{}
			},
			want: []string{"report rotation_overdue"},
		},
		{
			name: "a key could not be created, twice",
			account: func(a *finding.Account) {
				due(a, 2*time.Hour)
				a.Record.Tries, a.Record.NotBefore, a.LastFailure = 2, now().Add(4*time.Minute), "wandb: create key: limited"
				a.Action = rotation.Action{Kind: rotation.Wait, Why: "the last creation failed", Overdue: true}
			},
			want: []string{"ticket rotation_failing"},
		},
		{
			name: "due in three days, and frozen for a month",
			account: func(a *finding.Account) {
				due(a, -3*day)
				a.Spec.Policy.Freeze = shut(now().Add(30 * day))
			},
			want: []string{"ticket rotation_will_miss"},
		},
		{
			name: "due in three days, and an old key waits for a person's word",
			account: func(a *finding.Account) {
				old(a)
				due(a, -3*day)
				a.Record.Agreed = ago(day)
				a.Spec.Policy.Forever = true
			},
			want: []string{"ticket rotation_will_miss"},
		},
		{
			name: "due in three days, and a run may hold the old key for a week more",
			account: func(a *finding.Account) {
				old(a)
				due(a, -3*day)
				a.Record.Agreed, a.Spec.Policy.MaxOverlap = ago(2*day), 9*day
				a.Record.HeldBy = []rotation.Beat{{Run: "ml/eval/k2x9", Created: ago(5 * day)}}
			},
			want: []string{"ticket rotation_will_miss"},
		},
		{
			name: "due in three days, and a destination does not agree",
			account: func(a *finding.Account) {
				due(a, -3*day)
				waits(a, "vault:kv/ml/eval#WANDB_API_KEY cannot be looked at", dest())
			},
			want: []string{"ticket rotation_will_miss"},
		},
		{
			name:    "due in three days, and nothing is in the way",
			account: func(a *finding.Account) { due(a, -3*day) },
		},
		{
			name: "due in three weeks, and frozen until then",
			account: func(a *finding.Account) {
				due(a, -21*day)
				a.Spec.Policy.Freeze = shut(now().Add(60 * day))
			},
		},
		{
			name:    "readers need longer than the overlap",
			account: func(a *finding.Account) { a.ReaderNeeds = 3*day + 10*time.Minute },
			want:    []string{"ticket overlap_too_short"},
		},
		{
			name: "readers need longer than the overlap, which ends tonight",
			account: func(a *finding.Account) {
				old(a)
				a.Record.Agreed, a.Record.Offer.Issued = ago(16*time.Hour), ago(17*time.Hour)
				a.ReaderNeeds = 3 * day
			},
			want: []string{"page overlap_too_short"},
		},
	}
}

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
			name: "its keys are being deleted", account: off(rotation.Off{State: rotation.Quarantined, Begun: ago(time.Hour)}),
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
					{Name: "aws", FailingSince: ago(5 * time.Minute), Words: "a moment's trouble"},
				}
				in.Issuer.AdminKeys = []finding.Credential{
					{Name: "wandb.admin_key", Works: finding.No, Words: "W&B refused it"},
					{Name: "teams.ml.admin_key", Works: finding.Yes, Ends: now().Add(10 * day)},
					{Name: "teams.vision.admin_key", Ends: now().Add(40 * day)},
					{Name: "teams.speech.admin_key", Ends: ago(time.Hour)},
				}
				in.Sinks = []finding.Part{{Name: "pager", FailingSince: ago(3 * time.Hour)}, {Name: "mail"}}
				in.Sources = []finding.Part{{Name: string(usage.AuditLog), FailingSince: ago(50 * time.Hour), Words: "W&B refuses the audit log to this key"}}
			},
			want: []string{
				"ticket token_ends vault", "ticket admin_key_ends teams.ml.admin_key",
				"ticket admin_key_ends teams.speech.admin_key", "ticket admin_key_ends wandb.admin_key", "ticket sink_failing pager", "ticket store_failing vault", "ticket usage_source_failing audit_log",
			},
		},
	}
}
