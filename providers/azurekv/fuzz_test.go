package azurekv

import (
	"testing"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

// Whatever stands in a tag of ours, it is read or not, and what is read is what
// would be written of it.
func FuzzMark(f *testing.F) {
	now := time.Date(2026, 8, 3, 12, 0, 0, 0, time.UTC)
	good, err := noteOf(rotation.Mark{Instance: "prod", Ledger: "l", Account: "a", Edition: 3, Key: "k", Shape: "s"}, newWrite(now)).encode()
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{
		good, "", "{}", `{"by":"keyrota"}`, `{"by":"keyrota","write":"0"}`, `{"by":"keyrota","write":"ffffffffffffffff"}`, `{"by":"keyrota","write":5}`,
		`{"by":"keyrota","write":"ABCDEF0123456789"}`, `{"by":"keyrota","Write":"0123456789abcdef","edition":1}`,
	} {
		f.Add(text, int64(0))
	}
	f.Fuzz(func(t *testing.T, text string, created int64) {
		n, ok := decodeNote(text)
		if !ok {
			return
		}
		if n.Write != "" && !isWrite(n.Write) {
			t.Errorf("%q: the write is %q", text, n.Write)
		}
		_ = n.mayBeOf(time.Unix(created, 0))
		again, err := n.encode()
		if err != nil {
			return // longer than a tag
		}
		if m, ok := decodeNote(again); !ok || m != n {
			t.Errorf("%q is read as %+v, written as %s, and then read as %+v", text, n, again, m)
		}
	})
}
