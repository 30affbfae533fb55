package ledger_test

import (
	"fmt"
	"testing"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
)

var typical = rotation.Record{
	Account: "VXNlcjoxMjM0NTY3", Seq: 9,
	Offer:  rotation.Offer{Edition: 9, Key: "QXBpS2V5OjEyMzQ1Njc=", Issued: noon},
	Old:    []rotation.Old{{Key: "QXBpS2V5OjEyMzQ1NjY=", Edition: 8, Issued: noon}},
	Agreed: noon,
	Dests: []rotation.Destination{
		{Store: "vault", Path: "kv/ml/eval", Field: "WANDB_API_KEY"},
		{Store: "aws-prod", Path: "airflow/connections/ml_wandb"},
	},
}

func BenchmarkSave(b *testing.B) {
	for _, p := range places() {
		b.Run(p.name, func(b *testing.B) {
			l := openAt(b, p.fresh(b))
			rev := ledger.Revision(0)
			for b.Loop() {
				rev = save(b, l, ref, typical, rev, rotation.Event{Kind: rotation.EventDelivered, Key: typical.Offer.Key, Edition: 9})
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "saves/s")
		})
	}
}

// BenchmarkSaveTogether: several processes, as far as the database can tell,
// each with accounts of its own.
func BenchmarkSaveTogether(b *testing.B) {
	for _, p := range places() {
		b.Run(p.name, func(b *testing.B) {
			at := p.fresh(b)
			openAt(b, at)
			b.RunParallel(func(pb *testing.PB) {
				l, err := ledger.Open(b.Context(), at, options())
				if err != nil {
					b.Error(err)
					return
				}
				defer closed(b, l)
				rev, mine := ledger.Revision(0), rotation.Ref(fmt.Sprintf("a/%p", l))
				for pb.Next() {
					if rev, err = l.Save(b.Context(), mine, typical, rev, rotation.Event{Kind: rotation.EventDelivered}); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "saves/s")
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	for _, p := range places() {
		b.Run(p.name, func(b *testing.B) {
			l := openAt(b, p.fresh(b))
			save(b, l, ref, typical, 0)
			for b.Loop() {
				if _, _, err := l.Load(b.Context(), ref); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOf10000(b *testing.B) {
	for _, p := range places() {
		b.Run(p.name, func(b *testing.B) { of10000(b, p.fresh(b)) })
	}
}

func of10000(b *testing.B, at string) {
	const n = 10_000
	l := openAt(b, at)
	for i := range n {
		save(b, l, rotation.Ref(fmt.Sprintf("team-%d/account-%d", i%40, i)), typical, 0,
			rotation.Event{Kind: rotation.EventOffered, Key: typical.Offer.Key}, rotation.Event{Kind: rotation.EventAgreed})
	}
	b.Run("List", func(b *testing.B) {
		for b.Loop() {
			if list, err := l.List(b.Context()); err != nil || len(list) != n {
				b.Fatal(len(list), err)
			}
		}
	})
	b.Run("Verify", func(b *testing.B) {
		for b.Loop() {
			if head, err := l.Verify(b.Context()); err != nil || head.Seq != 2*n {
				b.Fatal(head, err)
			}
		}
	})
	b.Run("Open", func(b *testing.B) {
		for b.Loop() {
			again, err := ledger.Open(b.Context(), at, options())
			if err != nil {
				b.Fatal(err)
			}
			closed(b, again)
		}
	})
}
