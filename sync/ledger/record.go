package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

// recordVersion is the newest form of stored records. It rises with every field
// that is added: a program that does not know a field would drop it when it
// saves. A record is stored in the oldest form that can hold it, so that
// programs of two versions can work on one ledger while one replaces the other.
const recordVersion = 3

// storedRecord is rotation.Record as it is stored. The names are part of the
// file; they never change.
type storedRecord struct {
	Version   int                 `json:"v"`
	Account   string              `json:"account,omitempty"`
	Seq       uint64              `json:"seq,omitempty"`
	Provision time.Time           `json:"provision,omitzero"`
	Intent    storedIntent        `json:"intent,omitzero"`
	Abandoned []storedAbandoned   `json:"abandoned,omitempty"`
	Offer     storedOffer         `json:"offer,omitzero"`
	Old       []storedOld         `json:"old,omitempty"`
	Gone      []storedGone        `json:"gone,omitempty"`
	Agreed    time.Time           `json:"agreed,omitzero"`
	Dests     []storedDestination `json:"destinations,omitempty"`
	Adopt     []storedDestination `json:"adopt,omitempty"`
	Leaked    uint64              `json:"leaked,omitempty"`
	Leak      storedLeak          `json:"leak,omitzero"`         // form 2
	Strange   []string            `json:"unexplained,omitempty"` // form 2
	Left      time.Time           `json:"left,omitzero"`         // form 2
	Former    []string            `json:"former,omitempty"`      // form 3
	Off       storedOff           `json:"off,omitzero"`          // form 3
	HeldBy    []storedBeat        `json:"held_by,omitempty"`     // form 3
	Request   storedRequest       `json:"request,omitzero"`
	Parked    string              `json:"parked,omitempty"`
	Tries     int                 `json:"tries,omitempty"`
	NotBefore time.Time           `json:"not_before,omitzero"`
}

type storedIntent struct {
	Label  string `json:"label,omitempty"`
	Worker string `json:"worker,omitempty"`
}

type storedAbandoned struct {
	Label string    `json:"label"`
	At    time.Time `json:"at,omitzero"`
}

type storedOffer struct {
	Edition uint64    `json:"edition,omitempty"`
	Key     string    `json:"key,omitempty"`
	Issued  time.Time `json:"issued,omitzero"`
}

type storedOld struct {
	Key       string    `json:"key"`
	Edition   uint64    `json:"edition,omitempty"`
	Issued    time.Time `json:"issued,omitzero"`
	Condemned bool      `json:"condemned,omitempty"`
	Ended     bool      `json:"ended,omitempty"` // form 2
}

// storedLeak is of form 2.
type storedLeak struct {
	At      time.Time     `json:"at,omitzero"`
	Overlap time.Duration `json:"overlap_ns,omitempty"`
	Now     bool          `json:"now,omitempty"`
	Keep    []string      `json:"keep,omitempty"`
}

// storedOff is of form 3.
type storedOff struct {
	State  string    `json:"state,omitempty"`
	Warned time.Time `json:"warned,omitzero"`
	Begun  time.Time `json:"begun,omitzero"`
	Done   time.Time `json:"done,omitzero"`
	Gone   time.Time `json:"gone,omitzero"`
}

// storedBeat is of form 3.
type storedBeat struct {
	Run     string    `json:"run"`
	Created time.Time `json:"created,omitzero"`
}

type storedGone struct {
	Key string    `json:"key"`
	At  time.Time `json:"at,omitzero"`
}

type storedRequest struct {
	Kind   string            `json:"kind,omitempty"`
	Key    string            `json:"key,omitempty"`
	From   storedDestination `json:"from,omitzero"`
	At     time.Time         `json:"at,omitzero"`
	By     string            `json:"by,omitempty"`
	Reason string            `json:"reason,omitempty"`
	Keys   []string          `json:"keys,omitempty"` // form 2
	Leak   storedLeak        `json:"leak,omitzero"`  // form 2
}

type storedDestination struct {
	Store string `json:"store,omitempty"`
	Path  string `json:"path,omitempty"`
	Field string `json:"field,omitempty"`
}

// encodeRecord refuses a record that would not read back as it is, such as one
// with a name that is not UTF-8: a destination that changes on its way through
// the ledger is one lost from sight.
func encodeRecord(r rotation.Record) ([]byte, error) {
	s := storedRecord{
		Account:   string(r.Account),
		Seq:       uint64(r.Seq),
		Provision: instant(r.Provision),
		Intent:    storedIntent{Label: string(r.Intent.Label), Worker: r.Intent.Worker},
		Abandoned: each(r.Abandoned, func(a rotation.Abandoned) storedAbandoned {
			return storedAbandoned{Label: string(a.Label), At: instant(a.At)}
		}),
		Offer: storedOffer{Edition: uint64(r.Offer.Edition), Key: string(r.Offer.Key), Issued: instant(r.Offer.Issued)},
		Old: each(r.Old, func(o rotation.Old) storedOld {
			return storedOld{Key: string(o.Key), Edition: uint64(o.Edition), Issued: instant(o.Issued), Condemned: o.Condemned, Ended: o.Ended}
		}),
		Gone: each(r.Gone, func(g rotation.Gone) storedGone {
			return storedGone{Key: string(g.Key), At: instant(g.At)}
		}),
		Agreed: instant(r.Agreed),
		Dests:  each(r.Dests, storeDestination),
		Adopt:  each(r.Adopt, storeDestination),
		Leaked: uint64(r.Leaked),
		Leak:   storeLeak(r.Leak), Strange: each(r.Strange, keyText), Left: instant(r.Left),
		Former: each(r.Former, func(a rotation.AccountID) string { return string(a) }),
		Off: storedOff{
			State: string(r.Off.State), Warned: instant(r.Off.Warned), Begun: instant(r.Off.Begun), Done: instant(r.Off.Done), Gone: instant(r.Off.Gone),
		},
		HeldBy: each(r.HeldBy, func(b rotation.Beat) storedBeat { return storedBeat{Run: words(b.Run), Created: instant(b.Created)} }),
		Request: storedRequest{
			Kind: string(r.Request.Kind), Key: string(r.Request.Key), From: storeDestination(r.Request.From),
			At: instant(r.Request.At), By: words(r.Request.By), Reason: words(r.Request.Reason),
			Keys: each(r.Request.Keys, keyText), Leak: storeLeak(r.Request.Leak),
		},
		Parked:    words(r.Parked),
		Tries:     r.Tries,
		NotBefore: instant(r.NotBefore),
	}
	s.Version = s.form()
	body, err := canonical(s)
	if err != nil {
		return nil, err
	}
	var back storedRecord
	if err := strict(body, &back); err != nil {
		return nil, err
	}
	if !reflect.DeepEqual(s, back) {
		return nil, errUnreadable
	}
	return body, nil
}

var errUnreadable = errors.New("it holds text that is not UTF-8 and would not read back as it is")

func decodeRecord(body []byte) (rotation.Record, error) {
	if err := known(body, recordVersion); err != nil {
		return rotation.Record{}, err
	}
	var s storedRecord
	if err := strict(body, &s); err != nil {
		return rotation.Record{}, err
	}
	return rotation.Record{
		Account:   rotation.AccountID(s.Account),
		Seq:       rotation.Edition(s.Seq),
		Provision: s.Provision,
		Intent:    rotation.Intent{Label: rotation.Label(s.Intent.Label), Worker: s.Intent.Worker},
		Abandoned: each(s.Abandoned, func(a storedAbandoned) rotation.Abandoned {
			return rotation.Abandoned{Label: rotation.Label(a.Label), At: a.At}
		}),
		Offer: rotation.Offer{Edition: rotation.Edition(s.Offer.Edition), Key: rotation.KeyID(s.Offer.Key), Issued: s.Offer.Issued},
		Old: each(s.Old, func(o storedOld) rotation.Old {
			return rotation.Old{Key: rotation.KeyID(o.Key), Edition: rotation.Edition(o.Edition), Issued: o.Issued, Condemned: o.Condemned, Ended: o.Ended}
		}),
		Gone: each(s.Gone, func(g storedGone) rotation.Gone {
			return rotation.Gone{Key: rotation.KeyID(g.Key), At: g.At}
		}),
		Agreed: s.Agreed,
		Dests:  each(s.Dests, storedDestination.destination),
		Adopt:  each(s.Adopt, storedDestination.destination),
		Leaked: rotation.Edition(s.Leaked),
		Leak:   s.Leak.leak(), Strange: each(s.Strange, keyOf), Left: s.Left,
		Former: each(s.Former, func(a string) rotation.AccountID { return rotation.AccountID(a) }),
		Off: rotation.Off{
			State: rotation.AccountState(s.Off.State), Warned: s.Off.Warned, Begun: s.Off.Begun, Done: s.Off.Done, Gone: s.Off.Gone,
		},
		HeldBy: each(s.HeldBy, func(b storedBeat) rotation.Beat { return rotation.Beat{Run: b.Run, Created: b.Created} }),
		Request: rotation.Request{
			Kind: rotation.RequestKind(s.Request.Kind), Key: rotation.KeyID(s.Request.Key), From: s.Request.From.destination(),
			At: s.Request.At, By: s.Request.By, Reason: s.Request.Reason,
			Keys: each(s.Request.Keys, keyOf), Leak: s.Request.Leak.leak(),
		},
		Parked:    s.Parked,
		Tries:     s.Tries,
		NotBefore: s.NotBefore,
	}, nil
}

// form returns the oldest form that can hold s.
func (s storedRecord) form() int {
	if len(s.Former) > 0 || s.Off != (storedOff{}) || len(s.HeldBy) > 0 {
		return 3
	}
	leakless := func(l storedLeak) bool { return l.At.IsZero() && l.Overlap == 0 && !l.Now && len(l.Keep) == 0 }
	first := leakless(s.Leak) && len(s.Strange) == 0 && s.Left.IsZero() && len(s.Request.Keys) == 0 && leakless(s.Request.Leak) &&
		!slices.ContainsFunc(s.Old, func(o storedOld) bool { return o.Ended })
	if first {
		return 1
	}
	return 2
}

func keyText(k rotation.KeyID) string { return string(k) }
func keyOf(s string) rotation.KeyID   { return rotation.KeyID(s) }

func storeLeak(l rotation.Leak) storedLeak {
	return storedLeak{At: instant(l.At), Overlap: l.Overlap, Now: l.Now, Keep: each(l.Keep, keyText)}
}

func (l storedLeak) leak() rotation.Leak {
	return rotation.Leak{At: l.At, Overlap: l.Overlap, Now: l.Now, Keep: each(l.Keep, keyOf)}
}

func storeDestination(d rotation.Destination) storedDestination {
	return storedDestination{Store: d.Store, Path: d.Path, Field: d.Field}
}

func (d storedDestination) destination() rotation.Destination {
	return rotation.Destination{Store: d.Store, Path: d.Path, Field: d.Field}
}

// words are for people, often from others' errors: a byte that is not UTF-8 is
// replaced in them, where in an id or a place it is refused.
func words(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// instant drops what a file cannot keep of a time: its zone and the monotonic
// clock.
func instant(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.Round(0).UTC()
}

// each keeps an empty list empty: nil.
func each[A, B any](list []A, f func(A) B) []B {
	if len(list) == 0 {
		return nil
	}
	out := make([]B, len(list))
	for i, a := range list {
		out[i] = f(a)
	}
	return out
}

// canonical encodes v in one way only: fields in the order of the type,
// nothing escaped that JSON does not require, no space, no newline.
func canonical(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func known(body []byte, version int) error {
	var s struct {
		Version int `json:"v"`
	}
	if err := json.Unmarshal(body, &s); err != nil {
		return fmt.Errorf("%w: %w: %s", ErrDamaged, err, hintDamaged)
	}
	switch {
	case s.Version > version:
		return fmt.Errorf("%w: it has form %d, this program knows %d: %s", ErrNewer, s.Version, version, hintNewer)
	case s.Version < 1:
		return fmt.Errorf("%w: it has no form: %s", ErrDamaged, hintDamaged)
	}
	return nil
}

func strict(body []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%w: %w: %s", ErrDamaged, err, hintDamaged)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: more than one value: %s", ErrDamaged, hintDamaged)
	}
	return nil
}
