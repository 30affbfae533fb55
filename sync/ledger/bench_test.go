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
	l := openAt(b, newPath(b))
	rev := ledger.Revision(0)
	for b.Loop() {
		rev = save(b, l, ref, typical, rev, rotation.Event{Kind: rotation.EventDelivered, Key: typical.Offer.Key, Edition: 9})
	}
}

func BenchmarkLoad(b *testing.B) {
	l := openAt(b, newPath(b))
	save(b, l, ref, typical, 0)
	for b.Loop() {
		if _, _, err := l.Load(b.Context(), ref); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOf10000(b *testing.B) {
	const n = 10_000
	l := openAt(b, newPath(b))
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
			again, err := ledger.Open(b.Context(), l.Path(), options())
			if err != nil {
				b.Fatal(err)
			}
			closed(b, again)
		}
	})
}
