package report

import (
	"maps"
	"slices"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
)

// rotationsView is the record of a period, for auditors: each key that readers
// were given or that was deleted in it, and whatever else a person did or had to
// know.
type rotationsView struct {
	From      time.Time      `json:"from"`
	Until     time.Time      `json:"until"`
	Issued    int            `json:"issued"`    // keys that were created and offered to readers
	Taken     int            `json:"taken"`     // keys that others made and that were adopted
	Returned  int            `json:"returned"`  // earlier keys that were offered again
	Agreed    int            `json:"agreed"`    // rotations of which every destination holds the key
	Deleted   int            `json:"deleted"`   // old keys deleted at the platform
	Failed    int            `json:"failed"`    // creations that failed
	Parked    int            `json:"parked"`    // times that an account waited for a person
	Leaks     int            `json:"leaks"`     // emergencies that began
	Chain     chainView      `json:"chain"`     // of the ledger's events
	Rotations []rotationView `json:"rotations"` // by account and edition
	Events    []happenedView `json:"events"`    // what a person did or had to know, oldest first
}

// chainView is where the chain of events ended, so that a later check can prove
// that nothing in the period was changed since.
type chainView struct {
	Ledger   string     `json:"ledger"`
	Seq      int64      `json:"seq"`
	Hash     string     `json:"hash"`
	Time     *time.Time `json:"time,omitempty"`
	Verified bool       `json:"verified"` // it was walked from the first event, and holds
	Broken   string     `json:"broken,omitempty"`
	Proof    string     `json:"proof"` // the command that proves it later
}

type rotationView struct {
	Account      string        `json:"account"`
	Edition      uint64        `json:"edition"`
	Key          string        `json:"key"`
	How          string        `json:"how"` // issued, adopted, rolled back, withdrawn or recovered
	Why          string        `json:"why,omitempty"`
	By           string        `json:"by,omitempty"`
	Offered      *time.Time    `json:"offered,omitempty"` // absent: before what was read
	Destinations int           `json:"destinations"`      // that it was delivered to
	Agreed       *time.Time    `json:"agreed,omitempty"`  // every destination was seen to hold it
	Deleted      []deletedView `json:"deleted,omitempty"` // the keys that it replaced

	places []rotation.Destination
}

type deletedView struct {
	Key  string    `json:"key"`
	Time time.Time `json:"time"`
	How  string    `json:"how"` // deleted, or gone: someone else deleted it
}

type happenedView struct {
	Seq     int64     `json:"seq"`
	Time    time.Time `json:"time"`
	Account string    `json:"account,omitempty"`
	Event   string    `json:"event"`
	Words   string    `json:"words"`
	By      string    `json:"by,omitempty"`
}

func (doc *document) rotations() *rotationsView {
	d := doc.data
	v := &rotationsView{
		From: d.From.UTC(), Until: d.Until.UTC(), Rotations: []rotationView{}, Events: []happenedView{},
		Chain: chainView{
			Ledger: d.Chain.Ledger, Seq: d.Chain.Head.Seq, Hash: d.Chain.Head.Hash.String(), Time: moment(d.Chain.Time),
			Verified: d.Chain.Verified, Broken: d.Chain.Broken, Proof: "keyrota history --verify --head " + d.Chain.Head.String(),
		},
	}
	all := record{rows: map[rotation.Ref][]*rotationView{}, asked: map[rotation.Ref]ledger.StoredEvent{}}
	for _, e := range d.Events {
		all.take(e)
		if d.in(e.Time) {
			v.count(e.Event.Kind)
			if !routine(e.Event.Kind) {
				v.Events = append(v.Events, happenedView{
					Seq: e.Seq, Time: e.Time, Account: string(e.Ref), Event: string(e.Event.Kind), Words: d.words(e.Event), By: e.By,
				})
			}
		}
	}
	for _, ref := range slices.Sorted(maps.Keys(all.rows)) {
		for _, r := range all.rows[ref] {
			if d.touches(r) {
				v.Rotations = append(v.Rotations, *r)
			}
		}
	}
	return v
}

func (v *rotationsView) count(kind rotation.EventKind) {
	switch kind {
	case rotation.EventOffered:
		v.Issued++
	case rotation.EventAdopted:
		v.Taken++
	case rotation.EventRolledBack, rotation.EventWithdrawn:
		v.Returned++
	case rotation.EventAgreed:
		v.Agreed++
	case rotation.EventRevoked:
		v.Deleted++
	case rotation.EventIssueFailed:
		v.Failed++
	case rotation.EventParked:
		v.Parked++
	case rotation.EventLeaked:
		v.Leaks++
	}
}

// record folds events into rotations.
type record struct {
	rows  map[rotation.Ref][]*rotationView    // by edition, rising
	asked map[rotation.Ref]ledger.StoredEvent // what a person asked for last, and is not answered yet
}

func (r *record) take(e ledger.StoredEvent) {
	switch e.Event.Kind {
	case rotation.EventRequested, rotation.EventLeaked:
		r.asked[e.Ref] = e
	case rotation.EventOffered:
		r.begin(e, "issued")
	case rotation.EventAdopted:
		r.begin(e, "adopted")
	case rotation.EventRolledBack:
		r.begin(e, "rolled back")
	case rotation.EventWithdrawn:
		r.begin(e, "withdrawn")
	case rotation.EventRecovered:
		r.begin(e, "recovered")
	case rotation.EventDelivered:
		if row := r.row(e, func(row *rotationView) bool { return row.Edition == uint64(e.Event.Edition) }); row != nil && !slices.Contains(row.places, e.Event.Destination) {
			row.places = append(row.places, e.Event.Destination)
			row.Destinations++
		}
	case rotation.EventAgreed:
		if row := r.row(e, func(row *rotationView) bool { return row.Edition == uint64(e.Event.Edition) }); row != nil {
			row.Agreed = moment(e.Time)
		}
	case rotation.EventRevoked, rotation.EventGone:
		how := "deleted"
		if e.Event.Kind == rotation.EventGone {
			how = "gone"
		}
		if row := r.row(e, func(row *rotationView) bool { return row.Edition > uint64(e.Event.Edition) }); row != nil {
			row.Deleted = append(row.Deleted, deletedView{Key: string(e.Event.Key), Time: e.Time, How: how})
		}
	}
}

// row returns the first rotation of the account that meets a condition.
func (r *record) row(e ledger.StoredEvent, meets func(*rotationView) bool) *rotationView {
	rows := r.rows[e.Ref]
	if i := slices.IndexFunc(rows, meets); i >= 0 {
		return rows[i]
	}
	return nil
}

// begin adds the rotation that an event begins, with what a person asked for
// before it. The first destinations of an edition come after its event.
func (r *record) begin(e ledger.StoredEvent, how string) {
	row := &rotationView{
		Account: string(e.Ref), Edition: uint64(e.Event.Edition), Key: string(e.Event.Key), How: how, Why: e.Event.Words,
		By: e.By, Offered: moment(e.Time),
	}
	if asked, ok := r.asked[e.Ref]; ok {
		row.Why, row.By = asked.Event.Words, asked.By
		if asked.Event.Kind == rotation.EventLeaked {
			row.Why = "leaked: " + row.Why
		}
		delete(r.asked, e.Ref)
	}
	r.rows[e.Ref] = append(r.rows[e.Ref], row)
}

// in reports whether a time is in the period. Its end is not, so that periods in
// a row share nothing; but what happened this moment is in one that ends now.
func (d Data) in(t time.Time) bool {
	return !t.Before(d.From) && (t.Before(d.Until) || t.Equal(d.Until) && d.Until.Equal(d.Now))
}

// touches reports whether something of a rotation happened in the period.
func (d Data) touches(r *rotationView) bool {
	return r.Offered != nil && d.in(*r.Offered) || r.Agreed != nil && d.in(*r.Agreed) ||
		slices.ContainsFunc(r.Deleted, func(k deletedView) bool { return d.in(k.Time) })
}

func (d Data) words(e rotation.Event) string {
	if d.Describe != nil {
		return d.Describe(e)
	}
	return string(e.Kind)
}

// routine reports whether an event is told by the rows of rotations, or is only
// the beginning of another.
func routine(kind rotation.EventKind) bool {
	switch kind {
	case rotation.EventProvisioning, rotation.EventIssuing, rotation.EventAbandoned, rotation.EventDiscarded,
		rotation.EventOffered, rotation.EventDelivering, rotation.EventDelivered, rotation.EventAgreed,
		rotation.EventCondemned, rotation.EventRevoked, rotation.EventHeld, rotation.EventPruning, rotation.EventUnmarking:
		return true
	}
	return false
}
