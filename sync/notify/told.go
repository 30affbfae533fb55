package notify

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
)

// told is what a sink was told, as the ledger keeps it.
type told struct {
	Version  int             `json:"v"`
	Findings map[string]mark `json:"findings"` // by ID
}

// mark is how one finding was told.
type mark struct {
	Item  Item      `json:"finding"`
	At    time.Time `json:"at"`              // told last
	Gone  time.Time `json:"gone,omitzero"`   // not seen since; zero: it is there
	Known bool      `json:"known,omitempty"` // acknowledged
}

const toldVersion = 1

func decodeTold(document []byte) (told, error) {
	t := told{Version: toldVersion, Findings: map[string]mark{}}
	if document == nil {
		return t, nil
	}
	if err := json.Unmarshal(document, &t); err != nil {
		return told{}, fmt.Errorf("reading what was told: %w", err)
	}
	if t.Version > toldVersion {
		return told{}, fmt.Errorf("what was told is in form %d, and this version of keyrota knows %d: run the newer version", t.Version, toldVersion)
	}
	if t.Findings == nil {
		t.Findings = map[string]mark{}
	}
	return t, nil
}

// now is what holds when it is decided what to tell one sink.
type now struct {
	at     time.Time
	here   map[string]Item // findings that are routed to the sink
	others map[string]bool // findings that are there, and are not
	seen   func(Item) bool // whether it could be seen that a finding is gone
	settle time.Duration   // how long one must be gone until it is over
	repeat time.Duration   // 0: never
}

// decide returns what became of the findings since the sink was told of them,
// the most urgent first, and takes down that it is told.
func (t *told) decide(n now) []Change {
	var all []Change
	tell := func(what What, i Item) { all = append(all, Change{what, i}) }
	for id, i := range n.here {
		m, known := t.Findings[id]
		acknowledged := i.Acknowledged != nil
		switch {
		case acknowledged && !known:
			continue // nobody was told, and nobody need be
		case acknowledged && !m.Known:
			tell(Acknowledged, i)
		case acknowledged:
		case !known, m.Known:
			tell(Raised, i)
		case worse(m.Item, i):
			tell(Changed, i)
		case n.repeat > 0 && n.at.Sub(m.At) >= n.repeat:
			tell(Reminded, i)
		}
		if len(all) > 0 && all[len(all)-1].Item.ID == id {
			m = mark{Item: i.short(), At: n.at, Known: acknowledged}
		}
		m.Gone = time.Time{}
		t.Findings[id] = m // else as it was told, since that is what people know
	}
	for id, m := range t.Findings {
		if _, there := n.here[id]; there {
			continue
		}
		switch {
		case n.others[id]:
			delete(t.Findings, id)
			if !m.Known {
				tell(Withdrawn, m.Item)
			}
		case !n.seen(m.Item): // not known is not gone
		case m.Gone.IsZero() && n.settle > 0:
			m.Gone = n.at
			t.Findings[id] = m
		case m.Known:
			delete(t.Findings, id)
		case n.at.Sub(m.Gone) >= n.settle:
			delete(t.Findings, id)
			tell(Healed, m.Item)
		}
	}
	slices.SortStableFunc(all, func(a, b Change) int { return urgency(a.Item, b.Item) })
	return all
}

// soonerBy is by how much something must be due earlier to be told again.
const soonerBy = time.Hour

// worse says whether a finding is more than was told: of another severity,
// something else is broken, or it is due earlier. Numbers in the words change by
// themselves, as when something is broken for three hours and then for four.
func worse(before, i Item) bool {
	sooner := !i.SafeUntil.IsZero() && (before.SafeUntil.IsZero() || before.SafeUntil.Sub(i.SafeUntil) > soonerBy)
	return before.Severity != i.Severity || wording(before.Broken) != wording(i.Broken) || sooner
}

func wording(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return -1
		}
		return r
	}, s)
}
