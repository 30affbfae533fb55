package finding_test

import (
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/finding"
)

func keyCases() []findCase {
	stranger := func(a *finding.Account) {
		a.Observed.Listing.Keys = append(a.Observed.Listing.Keys, rotation.Key{ID: "K7", Label: "laptop"})
	}
	dead := func(a *finding.Account) { a.Observed.Listing.Keys = nil }
	return []findCase{
		{name: "a key appeared that nothing explains", account: stranger, want: []string{"page foreign_key K7"}},
		{
			name: "a key appeared that nothing explains, just when we deleted another",
			account: func(a *finding.Account) {
				stranger(a)
				a.Record.Gone = []rotation.Gone{{Key: "K8", At: ago(time.Minute)}}
			},
			want: []string{"page foreign_key K7"},
		},
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
			name: "nothing is offered yet, and it has two keys",
			account: func(a *finding.Account) {
				stranger(a)
				a.Record.Offer, a.Record.Agreed, a.Record.Dests = rotation.Offer{}, time.Time{}, nil
				a.Observed.Holdings = nil
			},
			want: []string{"report extra_keys"},
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
			name: "an old key that should be gone, of an account that is parked",
			account: func(a *finding.Account) {
				old(a)
				a.Record.Parked = "the old key is in use for as long as max_overlap allows"
			},
			want: []string{"ticket parked"},
		},
		{
			name: "an old key that should be gone, of an account whose keys have leaked",
			account: func(a *finding.Account) {
				old(a)
				a.Record.Leaked, a.Record.Leak = 1, rotation.Leak{At: ago(2 * time.Hour)}
				a.Action = rotation.Action{Kind: rotation.DoRetire, Why: "others may know it, and its overlap is over"}
			},
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
			name: "watched only, managed before, and the key that readers have was deleted in W&B",
			account: func(a *finding.Account) {
				dead(a)
				a.Spec.Policy.Observe = true
				a.Action.Why = "manage: observe"
			},
			want: []string{"page dead_key"},
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
			name: "parked, and its team could not be listed",
			account: func(a *finding.Account) {
				dead(a)
				a.Record.Parked, a.Observed = "W&B answers what nobody understands", rotation.Observed{}
			},
			input: func(in *finding.Input) { delete(in.Listed, "ml") },
			want:  []string{"ticket parked"},
		},
		{
			name: "a listing that was taken before the account was known says nothing of its keys",
			account: func(a *finding.Account) {
				dead(a)
				a.Observed.Listing.Account = ""
			},
			input: func(in *finding.Input) { in.Platform[0].Keys = []rotation.Key{{ID: "K2"}} },
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
			name: "the same, and the creation of a key to heal it with has failed once",
			account: func(a *finding.Account) {
				dead(a)
				a.Record.Tries = 1
				a.Action = rotation.Action{Kind: rotation.DoIssue, Why: "its value is lost"}
			},
			want: []string{"page dead_key", "ticket rotation_failing"},
		},
		{
			name: "one destination has a key that was deleted, and it is not healed after an hour",
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
			name: "a destination has the mark of another account of this instance: that is no matter of this one's keys",
			account: func(a *finding.Account) {
				twoPlaces(a)
				m := mark(1, "K9")
				m.Account = "U9"
				a.Observed.Holdings[1].Holding = rotation.Holding{State: rotation.StateMarked, Mark: m}
				waits(a, "aws:ml/eval is not ours", second())
			},
			want: []string{"ticket destinations_disagree"},
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
			name: "watched only, and a destination is somebody else's",
			account: func(a *finding.Account) {
				observed(a)
				a.Observed.Holdings[0].Holding = rotation.Holding{State: rotation.StateBare, Owner: "terraform"}
			},
		},
		{
			name: "nothing was delivered yet, and a destination is somebody else's",
			account: func(a *finding.Account) {
				a.Record.Offer, a.Record.Agreed, a.Record.Dests = rotation.Offer{}, time.Time{}, nil
				a.Observed.Holdings[0].Holding = rotation.Holding{State: rotation.StateBare, Owner: "terraform"}
				waits(a, "vault:kv/ml/eval#WANDB_API_KEY is not ours", dest())
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
