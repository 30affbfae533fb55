package plan_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/plan"
)

// steady returns accounts in step, each with two destinations, of which one in
// a hundred is due.
func steady(n int, now time.Time) []plan.Account {
	accounts := make([]plan.Account, n)
	for i := range accounts {
		name := fmt.Sprintf("account-%05d", i)
		p := rotation.DefaultPolicy()
		p.Schedule = config.Schedule{Every: 90 * 24 * time.Hour}
		s := rotation.Spec{
			Account:  rotation.Account{Ref: rotation.Ref("team/" + name), Name: name, Team: "team", Scope: rotation.ScopeTeam},
			Instance: "prod", Ledger: "ledger-1", Policy: p, Admin: true, Provision: true, FirstKey: true,
		}
		age := 40 * 24 * time.Hour
		if i%100 == 0 {
			age = 90 * 24 * time.Hour
		}
		id := rotation.AccountID("id-" + name)
		key := rotation.Key{ID: rotation.KeyID("key-" + name), Label: rotation.NewLabel("prod", id, 3, now.Add(-age), "n")}
		r := rotation.Record{
			Account: id, Seq: 3, Agreed: now.Add(-age),
			Offer: rotation.Offer{Edition: 3, Key: key.ID, Issued: now.Add(-age)},
		}
		o := rotation.Observed{Listing: rotation.Listing{
			Complete: true, AccountsKnown: true, Accounts: []rotation.AccountID{id},
			Keys: []rotation.Key{key}, Offered: 3, Account: id,
		}}
		for _, store := range []string{"vault", "aws"} {
			d := rotation.Destination{Store: store, Path: "kv/" + name, Field: "WANDB_API_KEY"}
			s.Wants = append(s.Wants, rotation.Want{Destination: d, Shape: "raw", Readable: true})
			r.Dests = append(r.Dests, d)
			o.Holdings = append(o.Holdings, rotation.Held{Destination: d, Holding: rotation.Holding{
				State: rotation.StateMarked, Version: "3", Older: []rotation.Version{"2", "1"},
				Mark: rotation.Mark{Instance: "prod", Ledger: "ledger-1", Account: id, Edition: 3, Key: key.ID, Shape: "raw"},
			}})
		}
		accounts[i] = plan.Account{Spec: s, Record: r, Observed: o}
	}
	return accounts
}

var begun = time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)

func BenchmarkPlan(b *testing.B) {
	accounts := steady(10_000, begun)
	for _, c := range []struct {
		name  string
		ahead time.Duration
	}{{"now", 0}, {"ahead=30d", 30 * 24 * time.Hour}, {"ahead=365d", 365 * 24 * time.Hour}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if p := plan.Make(accounts, begun, begun.Add(c.ahead)); !p.Changes() {
					b.Fatal("nothing planned")
				}
			}
		})
	}
}

func BenchmarkPending(b *testing.B) {
	accounts := steady(10_000, begun)
	b.ReportAllocs()
	for b.Loop() {
		if n := len(plan.Pending(accounts, begun)); n != 100 {
			b.Fatalf("%d accounts pending", n)
		}
	}
}
