package ledger

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/keyrota/keyrota/rotation"
)

// generate fills every field of a type, by reflection: a field that rotation
// gains and the stored form does not have makes the round trip fail.
func generate[V any]() *rapid.Generator[V] {
	instant := rapid.Custom(func(t *rapid.T) any {
		if rapid.Bool().Draw(t, "zero") {
			return time.Time{}
		}
		at := time.Unix(rapid.Int64Range(0, 1<<34).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns"))
		return at.In(time.FixedZone("somewhere", rapid.IntRange(-12, 12).Draw(t, "zone")*3600))
	})
	return rapid.MakeCustom[V](rapid.MakeConfig{Types: map[reflect.Type]*rapid.Generator[any]{
		reflect.TypeFor[time.Time](): instant,
	}})
}

// alike compares what matters of two values: times by their instant, an empty
// list like none.
var alike = cmp.Options{
	cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) }),
	cmp.FilterPath(func(p cmp.Path) bool { return p.Last().Type().Kind() == reflect.Slice }, cmp.FilterValues(
		func(a, b any) bool { return reflect.ValueOf(a).Len() == 0 && reflect.ValueOf(b).Len() == 0 },
		cmp.Comparer(func(a, b any) bool { return true }))),
}

func TestARecordReadsBackAsItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := generate[rotation.Record]().Draw(t, "record")
		body, err := encodeRecord(r)
		if err != nil {
			t.Fatal(err)
		}
		back, err := decodeRecord(body)
		if err != nil {
			t.Fatalf("%v\n%s", err, body)
		}
		if diff := cmp.Diff(r, back, alike); diff != "" {
			t.Fatalf("%s\n%s", diff, body)
		}
		if back.Agreed.Location() != time.UTC && !back.Agreed.IsZero() {
			t.Fatalf("%v is not in UTC", back.Agreed)
		}
		again, err := encodeRecord(back)
		if err != nil || string(again) != string(body) {
			t.Fatalf("%v: one record, two forms:\n%s\n%s", err, body, again)
		}
	})
}

func TestAnEventReadsBackAsItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := generate[StoredEvent]().Draw(t, "event")
		body, err := encodeEvent(e)
		if err != nil {
			t.Fatal(err)
		}
		back, err := decodeEvent(body, e.Hash)
		if err != nil {
			t.Fatalf("%v\n%s", err, body)
		}
		if diff := cmp.Diff(e, back, alike); diff != "" {
			t.Fatalf("%s\n%s", diff, body)
		}
	})
}

// TestTheStoredFormNeverChanges: ledgers written by any released version are
// read by all later ones. A new form gets a new number and a new file.
func TestTheStoredFormNeverChanges(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	d := rotation.Destination{Store: "vault", Path: "kv/ml/eval", Field: "WANDB_API_KEY"}
	record := rotation.Record{
		Account: "u-1", Seq: 4, Provision: at,
		Intent:    rotation.Intent{Label: "keyrota/prod/u-1/4@20260301T120000Z.n4", Worker: "host-1"},
		Abandoned: []rotation.Abandoned{{Label: "keyrota/prod/u-1/3@20260301T110000Z.n3", At: at}},
		Offer:     rotation.Offer{Edition: 2, Key: "k2", Issued: at},
		Old:       []rotation.Old{{Key: "k1", Edition: 1, Issued: at, Condemned: true}},
		Gone:      []rotation.Gone{{Key: "k0", At: at}},
		Agreed:    at,
		Dests:     []rotation.Destination{d}, Adopt: []rotation.Destination{{Store: "file", Path: "b"}},
		Leaked:  1,
		Request: rotation.Request{Kind: rotation.RequestAdopt, Key: "k9", From: d, At: at, By: "alice", Reason: "<moved> & renamed"},
		Parked:  "create the account", Tries: 2, NotBefore: at,
	}
	event := StoredEvent{Seq: 7, Time: at, Ref: "ml/eval", Revision: 3, By: "alice on host-1", Event: rotation.Event{
		Kind: rotation.EventDelivered, Key: "k2", Label: "keyrota/prod/u-1/2@20260301T100000Z.n2", Edition: 2, Destination: d, Words: "as it should be",
	}}
	// Form 2: what the first cannot hold.
	second := record
	second.Old = []rotation.Old{{Key: "k1", Edition: 1, Ended: true}}
	second.Leak = rotation.Leak{At: at, Overlap: time.Hour, Now: true, Keep: []rotation.KeyID{"k7"}}
	second.Strange, second.Left = []rotation.KeyID{"k8"}, at
	second.Request.Keys, second.Request.Leak = []rotation.KeyID{"k8"}, rotation.Leak{Overlap: time.Minute}
	// Form 3: what the second cannot hold.
	third := second
	third.Former = []rotation.AccountID{"u-0"}
	third.Off = rotation.Off{State: rotation.Removed, Warned: at, Begun: at, Done: at, Gone: at}
	third.HeldBy = []rotation.Beat{{Run: "ml/eval/k2x9", Created: at}}
	secondEvent := event
	secondEvent.Config = "sha256:c0ffee"
	for name, e := range map[string]struct {
		value, zero any
		encode      func() ([]byte, error)
		decode      func([]byte) (any, error)
	}{
		"record.json": {record, rotation.Record{}, func() ([]byte, error) { return encodeRecord(record) },
			func(b []byte) (any, error) { return decodeRecord(b) }},
		"event.json": {event, StoredEvent{}, func() ([]byte, error) { return encodeEvent(event) },
			func(b []byte) (any, error) { return decodeEvent(b, Hash{}) }},
		"record-2.json": {second, rotation.Record{}, func() ([]byte, error) { return encodeRecord(second) },
			func(b []byte) (any, error) { return decodeRecord(b) }},
		"record-3.json": {third, rotation.Record{}, func() ([]byte, error) { return encodeRecord(third) },
			func(b []byte) (any, error) { return decodeRecord(b) }},
		"event-2.json": {secondEvent, StoredEvent{}, func() ([]byte, error) { return encodeEvent(secondEvent) },
			func(b []byte) (any, error) { return decodeEvent(b, Hash{}) }},
	} {
		t.Run(name, func(t *testing.T) {
			body, err := e.encode()
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", name)
			golden, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v\nit should hold:\n%s", err, body)
			}
			if diff := cmp.Diff(strings.TrimSpace(string(golden)), string(body)); diff != "" {
				t.Error(diff)
			}
			back, err := e.decode(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(e.value, back); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatCannotBeReadIsRefused(t *testing.T) {
	for body, kind := range map[string]error{
		`{"v":4,"seq":1}`:              ErrNewer,
		`{"v":99,"quorum":["a"]}`:      ErrNewer,
		`{"v":1,"seq":1,"quorum":1}`:   ErrDamaged,
		`{"v":1,"seq":-1}`:             ErrDamaged,
		`{"v":1,"seq":1}{"v":1}`:       ErrDamaged,
		`{"seq":1}`:                    ErrDamaged,
		`{"v":1,"agreed":"yesterday"}`: ErrDamaged,
		`{"v":1,"se`:                   ErrDamaged,
		``:                             ErrDamaged,
		`null`:                         ErrDamaged,
	} {
		r, err := decodeRecord([]byte(body))
		if !errors.Is(err, kind) || !reflect.DeepEqual(r, rotation.Record{}) {
			t.Errorf("%s: got %+v, %v; want %v", body, r, err, kind)
		}
	}
}

// TestAnEventOfTomorrowIsReadAsFarAsItIsKnown: while a newer program saves, one
// that still runs goes on following the events.
func TestAnEventOfTomorrowIsReadAsFarAsItIsKnown(t *testing.T) {
	e, err := decodeEvent([]byte(`{"v":9,"seq":3,"ref":"a/one","kind":"account.requested","quorum":["x"]}`), Hash{})
	if err != nil || e.Seq != 3 || e.Ref != "a/one" || e.Event.Kind != rotation.EventRequested {
		t.Errorf("%+v, %v", e, err)
	}
	for _, body := range []string{`{"v":2,"seq":3,"quorum":1}`, `{"v":9,"seq":"x"}`, `{"seq":3}`} {
		if _, err := decodeEvent([]byte(body), Hash{}); err == nil {
			t.Errorf("%s was read", body)
		}
	}
}

func TestANameThatWouldChangeIsNotSaved(t *testing.T) {
	const odd = "kv/\xff"
	if _, err := encodeRecord(rotation.Record{Dests: []rotation.Destination{{Store: "vault", Path: odd}}}); !errors.Is(err, errUnreadable) {
		t.Errorf("a destination: %v", err)
	}
	if _, err := encodeEvent(StoredEvent{Event: rotation.Event{Key: odd}}); !errors.Is(err, errUnreadable) {
		t.Errorf("a key id: %v", err)
	}
	if _, err := encodeRecord(rotation.Record{Parked: "the store said " + odd}); err != nil {
		t.Errorf("words for people: %v", err)
	}
	if _, err := encodeEvent(StoredEvent{Event: rotation.Event{Words: "the store said " + odd}}); err != nil {
		t.Errorf("words for people: %v", err)
	}
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"v":1,"seq":3,"destinations":[{"store":"vault","path":"a"}]}`))
	f.Add([]byte(`{"v":3}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := decodeRecord(body)
		if err != nil {
			return
		}
		again, err := encodeRecord(r)
		if err != nil {
			return // a time that JSON cannot write, text that is not UTF-8
		}
		back, err := decodeRecord(again)
		if diff := cmp.Diff(r, back, alike); err != nil || diff != "" {
			t.Errorf("%v: %s", err, diff)
		}
	})
}
