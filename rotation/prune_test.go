package rotation

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// pruning is what one Prune meets: a record, what is at each place, and who
// interferes.
type pruning struct {
	spec    Spec
	record  Record
	at      map[Destination]Holding
	values  map[Destination]Value // of the current version
	removal Outcome
	// before is called before each effect, with its number.
	before  func(p *pruning, n int, e Effect)
	stale   bool // the record moved since it was loaded
	removed []Destination
	events  []EventKind
}

func (p *pruning) run(t *testing.T, d Destination) string {
	t.Helper()
	proc, seen, out := Prune{Destination: d}, &PruneState{}, Outcome{}
	for n := range 40 {
		var e Effect
		proc, e = proc.Step(p.spec, p.record, seen, out, at(1))
		if p.before != nil {
			p.before(p, n, e)
		}
		out = Outcome{Result: OK}
		switch e.Kind {
		case Done:
			return e.Words
		case LookAt:
			out.Holding = p.at[e.Destination]
			if out.Holding.State == StateUnknown {
				out = Outcome{Result: Refused, Words: "the store is down"}
			}
		case TryPlace:
			out.Value = p.values[e.Place.Destination]
		case LoadRecord:
			p.stale = false
		case SaveRecord:
			if p.stale {
				out.Result = Conflict
				continue
			}
			p.record = e.Record
			for _, event := range e.Events {
				p.events = append(p.events, event.Kind)
			}
		case RemoveSecret:
			if got := p.at[e.Destination]; got.Version != e.Seen.Version {
				out.Result = Conflict
				continue
			}
			if out = p.removal; out.Result == OK {
				p.removed = append(p.removed, e.Destination)
				p.at[e.Destination] = Holding{State: StateAbsent, Fresh: true}
			}
		default:
			t.Fatalf("effect %d", e.Kind)
		}
	}
	t.Fatal("no end")
	return ""
}

func TestPrune(t *testing.T) {
	wanted, gone, other := Destination{"s", "wanted", ""}, Destination{"s", "gone", ""}, Destination{"s", "other", ""}
	field := Destination{"s", "shared", "KEY"}
	mark := Mark{Instance: "prod", Ledger: "L1", Account: "acct", Edition: 2, Key: "k2", Shape: "raw"}
	held := Holding{State: StateMarked, Fresh: true, Version: "7", Mark: mark}
	behind := held
	behind.Mark.Edition, behind.Mark.Key = 1, "k1"
	live := func(k KeyID) Value { return Value{Verdict: Live, Key: k} }
	fresh := func() *pruning {
		return &pruning{
			spec: Spec{Account: Account{Ref: "ml/ci"}, Instance: "prod", Ledger: "L1", Policy: DefaultPolicy(), Wants: []Want{{Destination: wanted, Shape: "raw", Readable: true}}},
			record: Record{
				Account: "acct", Seq: 2, Offer: Offer{Edition: 2, Key: "k2"}, Old: []Old{{Key: "k1", Edition: 1}}, Agreed: at(0),
				Dests: []Destination{wanted, gone, other, field},
			},
			at:      map[Destination]Holding{wanted: held, gone: behind, other: held, field: held},
			values:  map[Destination]Value{wanted: live("k2"), gone: live("k1"), other: live("k2"), field: live("k2")},
			removal: Outcome{Result: OK},
		}
	}
	leave := func(p *pruning) { p.spec.Wants = nil }
	for name, row := range map[string]struct {
		d      Destination
		edit   func(*pruning)
		words  string // empty: struck from the record
		keeps  bool   // nothing is deleted
		events []EventKind
	}{
		"one that left behind its successors": {d: gone, events: []EventKind{EventPruning, EventPruned}},
		"one that holds the offered key":      {d: other},
		"one field":                           {d: field},
		"one that is gone already":            {d: gone, edit: func(p *pruning) { p.at[gone] = Holding{State: StateAbsent, Fresh: true} }, keeps: true, events: []EventKind{EventPruned}},
		"one in the configuration":            {d: wanted, words: "it is in the configuration", keeps: true},
		"one that was never delivered to":     {d: Destination{"s", "x", ""}, words: "not on record", keeps: true},
		"while a key is created":              {d: gone, edit: func(p *pruning) { p.record.Intent.Label = "l" }, words: "being created", keeps: true},
		"while a wish waits":                  {d: gone, edit: func(p *pruning) { p.record.Request.Kind = RequestRollback }, words: "rollback", keeps: true},
		"while it is delivered":               {d: gone, edit: func(p *pruning) { p.record.Agreed = time.Time{} }, words: "holds the offered key yet", keeps: true},
		"its store is down":                   {d: gone, edit: func(p *pruning) { p.at[gone] = Holding{} }, words: "the store is down", keeps: true},
		"without a mark":                      {d: gone, edit: func(p *pruning) { p.at[gone] = Holding{State: StateBare, Fresh: true} }, words: "no mark", keeps: true},
		"of another account":                  {d: gone, edit: func(p *pruning) { h := held; h.Mark.Account = "b"; p.at[gone] = h }, words: "account b", keeps: true},
		"of another instance":                 {d: gone, edit: func(p *pruning) { h := held; h.Mark.Instance = "test"; p.at[gone] = h }, words: "keyrota test", keeps: true},
		"of another ledger":                   {d: gone, edit: func(p *pruning) { h := held; h.Mark.Ledger = "L2"; p.at[gone] = h }, words: "another ledger, L2", keeps: true},
		"edited by hand":                      {d: gone, edit: func(p *pruning) { h := held; h.State = StateEdited; p.at[gone] = h }, words: "not only keyrota's", keeps: true},
		"a field of a secret that was edited": {d: field, edit: func(p *pruning) { h := held; h.State = StateEdited; p.at[field] = h }},
		"a field that was edited itself": {d: field, edit: func(p *pruning) {
			h := held
			h.State = StateEdited
			p.at[field] = h
			p.values[field] = Value{Verdict: Dead}
		}, words: "no key of this account", keeps: true},
		"a field that is someone else's by now": {d: field, edit: func(p *pruning) {
			h := held
			h.State = StateEdited
			p.at[field] = h
			p.values[field] = Value{Verdict: Foreign}
		}, words: "no key of this account", keeps: true},
		"the last place, the other is unreadable": {d: other, edit: func(p *pruning) { p.spec.Wants[0].Readable = false }, words: "may be its last place", keeps: true},
		"the last place, the other is down":       {d: other, edit: func(p *pruning) { p.at[wanted] = Holding{} }, words: "may be its last place", keeps: true},
		"the last place, the other lies":          {d: other, edit: func(p *pruning) { p.values[wanted] = Value{Verdict: Dead} }, words: "may be its last place", keeps: true},
		"the last place, the other is behind":     {d: other, edit: func(p *pruning) { p.at[wanted] = behind }, words: "may be its last place", keeps: true},
		"the last place of a dead key":            {d: other, edit: func(p *pruning) { p.at[wanted] = Holding{}; p.values[other] = Value{Verdict: Dead} }},
		"nobody can tell whether the key lives":   {d: other, edit: func(p *pruning) { p.at[wanted] = Holding{}; p.values[other] = Value{} }, words: "may be its last place", keeps: true},
		"of an account that left, the first":      {d: wanted, edit: leave, words: "kept as the last place", keeps: true},
		"of an account that left, another":        {d: other, edit: leave},
		"of an account that left in mid-rotation": {d: gone, edit: func(p *pruning) { leave(p); p.record.Agreed = time.Time{} }},
		"of an account that left, keys deleted": {d: wanted, edit: func(p *pruning) {
			leave(p)
			p.values[wanted] = Value{Verdict: Dead}
		}},
		"it changes before it is deleted": {d: gone, edit: func(p *pruning) {
			p.before = func(p *pruning, _ int, e Effect) {
				if e.Kind == RemoveSecret {
					h := behind
					h.Version = "8"
					p.at[gone] = h
				}
			}
		}, words: "it was not deleted", keeps: true, events: []EventKind{EventPruning}},
		"another key is offered meanwhile": {d: gone, edit: func(p *pruning) {
			p.before = func(p *pruning, _ int, e Effect) {
				if e.Kind == LoadRecord {
					p.record.Offer.Edition = 3
				}
			}
		}, words: "changed meanwhile", keeps: true},
		"it comes back into the configuration meanwhile": {d: gone, edit: func(p *pruning) {
			p.before = func(p *pruning, _ int, e Effect) {
				if e.Kind == LoadRecord {
					p.spec.Wants = append(p.spec.Wants, Want{Destination: gone})
				}
			}
		}, words: "in the configuration", keeps: true},
		"the record moves before the intent": {d: gone, edit: func(p *pruning) {
			p.before = func(p *pruning, _ int, e Effect) { p.stale = e.Kind == SaveRecord }
		}, words: "changed meanwhile", keeps: true},
		"the record moves after the deletion": {d: gone, edit: func(p *pruning) {
			once := true
			p.before = func(p *pruning, _ int, e Effect) {
				if len(p.removed) > 0 && e.Kind == SaveRecord && once {
					once, p.stale = false, true
					p.record.Strange = []KeyID{"x"}
				}
			}
		}, events: []EventKind{EventPruning, EventPruned}},
		"the answer is lost": {d: gone, edit: func(p *pruning) { p.removal = Outcome{Words: "no answer"} }, words: "is not known", keeps: true},
		"it may not":         {d: gone, edit: func(p *pruning) { p.removal = Outcome{Result: Denied, Words: "the policy needs x"} }, words: "the policy needs x", keeps: true},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh()
			if row.edit != nil {
				row.edit(p)
			}
			words := p.run(t, row.d)
			struck := !slices.Contains(p.record.Dests, row.d)
			if row.words == "" && (words != "" || !struck) || row.words != "" && (!strings.Contains(words, row.words) || struck && slices.Contains(fresh().record.Dests, row.d)) {
				t.Errorf("%q, struck: %v, want %q", words, struck, row.words)
			}
			if deleted := len(p.removed) > 0; deleted == row.keeps {
				t.Errorf("deleted: %v", p.removed)
			}
			if row.events != nil && !slices.Equal(p.events, row.events) {
				t.Errorf("events %v, want %v", p.events, row.events)
			}
			if name == "the record moves after the deletion" && len(p.record.Strange) == 0 {
				t.Error("what the others saved is gone")
			}
		})
	}
}

func TestEnrolled(t *testing.T) {
	r := Record{Account: "acct", Offer: Offer{Edition: 2, Key: "k2"}}
	if _, events := r.Enrolled(true, at(1)); len(events) > 0 {
		t.Error("it was in the configuration, and is told to be back")
	}
	left, events := r.Enrolled(false, at(1))
	if len(events) != 1 || events[0].Kind != EventLeft || !left.Left.Equal(at(1)) {
		t.Errorf("%+v, %+v", left, events)
	}
	if again, events := left.Enrolled(false, at(2)); len(events) > 0 || !again.Left.Equal(at(1)) {
		t.Errorf("told twice: %+v, %+v", again, events)
	}
	back, events := left.Enrolled(true, at(3))
	if len(events) != 1 || events[0].Kind != EventReturned || !back.Left.IsZero() || back.Stamp() != r.Stamp() {
		t.Errorf("%+v, %+v", back, events)
	}
	if _, events := (Record{}).Enrolled(false, at(1)); len(events) > 0 {
		t.Error("an account of which nothing is on record has left")
	}
	for _, r := range []Record{
		{Account: "a"}, {Seq: 1}, {Parked: "x"}, {Provision: at(1)}, {Dests: []Destination{{}}}, {Old: []Old{{}}},
		{Request: Request{Kind: RequestRotate}}, {Intent: Intent{Label: "x"}},
	} {
		if r.Blank() {
			t.Errorf("blank: %+v", r)
		}
	}
}

// TestAPlaceThatComesBackCounts: released, and wanted again while it still holds
// the key, it is on record before it can leave another time.
func TestAPlaceThatComesBackCounts(t *testing.T) {
	d := Destination{"s", "back", ""}
	held := Holding{State: StateMarked, Version: "7", Mark: Mark{Instance: "prod", Account: "acct", Edition: 2, Key: "k2", Shape: "raw"}}
	s := Spec{Instance: "prod", Policy: DefaultPolicy(), Wants: []Want{{Destination: d, Shape: "raw", Readable: true}}}
	r := Record{Account: "acct", Seq: 2, Offer: Offer{Edition: 2, Key: "k2"}, Agreed: at(0)}
	a := Next(s, r, Observed{Holdings: []Held{{d, held}}}, at(1))
	if a.Kind != Save || !slices.Equal(a.Record.Dests, []Destination{d}) {
		t.Fatalf("%s (%s): %+v", a.Kind, a.Why, a.Record.Dests)
	}
	if a := Next(s, a.Record, Observed{Holdings: []Held{{d, held}}}, at(1)); a.Kind == Save {
		t.Errorf("saved again: %s", a.Why)
	}
	held.Mark.Account = "b"
	if a := Next(s, r, Observed{Holdings: []Held{{d, held}}}, at(1)); a.Kind == Save {
		t.Errorf("another account's place: %s", a.Why)
	}
}
