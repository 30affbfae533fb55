package ledger

import (
	"os"
	"reflect"
	"testing"
)

func seeds(f *testing.F, file string) {
	f.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		f.Fatal(err)
	}
	for _, body := range []string{
		string(text), "", "null", "{}", `{"v":1}`, `{"v":2}`, `{"v":4,"more":1}`, `{"v":0}`, `{"v":1,"v":2}`, `{"v":1.0}`, `{"v":1}{}`, `{"v":1,"seq":-1}`,
		`{"v":1,"seq":18446744073709551615}`, `{"v":1,"V":1}`, `{"v":1,"time":"0000-01-01T00:00:00Z"}`, `{"v":1,"agreed":"2026-03-01T12:00:00+23:59"}`,
		`{"v":1,"old":[{}],"destinations":[null]}`, `{"v":2,"strange":["k","k"],"leak":{},"left":"2026-03-01T12:00:00Z"}`, "{\"v\":1,\"parked\":\"\xff\"}", `{"v":1,"words":"\ud800"}`,
	} {
		f.Add([]byte(body))
	}
}

// Whatever a row of the ledger holds, it is read or refused (see FuzzRecord for
// records). An event that is read can be saved again, and is then the same; the
// chain is over the bytes as they were.
func FuzzEvent(f *testing.F) {
	seeds(f, "event.json")
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := decodeEvent(body, Hash{1})
		if err != nil {
			return
		}
		again, err := encodeEvent(e)
		if err != nil {
			return
		}
		back, err := decodeEvent(again, Hash{1})
		if err != nil || !reflect.DeepEqual(back.Event, e.Event) || !back.Time.Equal(e.Time) || back.Seq != e.Seq || back.Ref != e.Ref {
			t.Errorf("%s is read as %+v, saved as %s, and then read as %+v, %v", body, e, again, back, err)
		}
	})
}

// What is known of use is read or refused, and what is read is the same after it
// is saved again.
func FuzzUse(f *testing.F) {
	for _, body := range []string{
		"", "null", "{}", `{"v":1}`, `{"v":2}`, `{"v":1,"days":{"20000":3,"-1":1},"denied":{"1":0}}`, `{"v":1,"days":{"x":3}}`,
		`{"v":1,"first":"2026-03-01T12:00:00+23:59","projects":[{"team":"t","name":"p","last":"2026-03-01T12:00:00Z"},{"team":"t","name":"p","last":"0000-01-01T00:00:00Z"}]}`,
		`{"v":1,"from":"2026-03-01T12:00:00Z","until":"2026-03-01T12:00:00Z","gaps":[{},null],"blind":["a","a"]}`, "{\"v\":1,\"blind\":[\"\xff\"]}",
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		u, err := decodeUse(body)
		if err != nil {
			return
		}
		again, err := encodeUse(u)
		if err != nil {
			return
		}
		back, err := decodeUse(again)
		if err != nil {
			t.Fatalf("%s is saved as %s, and then %v", body, again, err)
		}
		if third, err := encodeUse(back); err != nil || string(third) != string(again) {
			t.Errorf("%s is saved as %s, and then as %s, %v", body, again, third, err)
		}
	})
}

// What a person noted of a head is read as it was noted, or not.
func FuzzHead(f *testing.F) {
	f.Add(Head{Seq: 3, Hash: Hash{1}}.String())
	f.Add("3:")
	f.Add("-1:00")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := ParseHead(s)
		if err != nil {
			return
		}
		if again, err := ParseHead(h.String()); err != nil || again != h {
			t.Errorf("%q is read as %s, and then as %s, %v", s, h, again, err)
		}
	})
}
