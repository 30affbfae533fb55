package notify

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// digest is what notices of one lane come to, told as one message: each finding
// is in it once, as it is in the end.
type digest struct {
	IDs          []string // of the notices
	Until        time.Time
	Raised       []Item
	Changed      []Item
	Reminded     []Item
	Healed       []Item
	Acknowledged []Item
	Withdrawn    []Item
	Passed       []passed // came and went before anybody could be told
	Events       []Event
	Reports      []Report
	Link         string // where the whole report is
	Files        []File
	Open         *Counts // what is open after it; nil: it says nothing of findings
	Sample       bool
}

// alert is a finding that is there, and why it is told.
type alert struct {
	Item
	News string // "new", "changed" or "still there"
}

// passed is a finding that is over before it was told.
type passed struct {
	Item        Item
	From, Until time.Time
}

// course is what became of one finding over several notices.
type course struct {
	last   Change
	worst  What // the most that is to be said of it while it is there
	before bool // it was told before the first of the notices
	from   time.Time
	until  time.Time
}

func (c course) open() bool {
	return c.last.What == Raised || c.last.What == Changed || c.last.What == Reminded
}

// fold makes one digest of notices, the oldest first.
func fold(notices []Notice) digest {
	var d digest
	var order []string
	courses := map[string]*course{}
	for _, n := range notices {
		d.Until, d.IDs, d.Sample = n.At, append(d.IDs, n.ID), d.Sample || n.Sample
		if n.Event != nil {
			d.Events = append(d.Events, *n.Event)
		}
		if n.Report != nil {
			d.Reports = append(d.Reports, *n.Report)
			d.Files = newer(d.Files, n.Report.Files)
		}
		if len(n.Changes) > 0 {
			d.Open, d.Link = &n.Open, n.Link
		}
		d.Files = newer(d.Files, n.Files)
		for _, change := range n.Changes {
			c := courses[change.Item.ID]
			if c == nil {
				c = &course{before: change.What != Raised, from: n.At, worst: change.What}
				courses[change.Item.ID] = c
				order = append(order, change.Item.ID)
			} else if change.What != Reminded {
				c.worst = Changed
			}
			c.last, c.until = change, n.At
		}
	}
	for _, id := range order {
		d.add(*courses[id])
	}
	for _, items := range [][]Item{d.Raised, d.Changed, d.Reminded, d.Healed, d.Acknowledged, d.Withdrawn} {
		sortItems(items)
	}
	slices.SortStableFunc(d.Passed, func(a, b passed) int { return urgency(a.Item, b.Item) })
	return d
}

func (d *digest) add(c course) {
	i := c.last.Item
	switch {
	case c.open() && !c.before:
		d.Raised = append(d.Raised, i)
	case c.open() && c.worst == Reminded:
		d.Reminded = append(d.Reminded, i)
	case c.open():
		d.Changed = append(d.Changed, i)
	case !c.before:
		d.Passed = append(d.Passed, passed{i, c.from, c.until})
	case c.last.What == Healed:
		d.Healed = append(d.Healed, i)
	case c.last.What == Acknowledged:
		d.Acknowledged = append(d.Acknowledged, i)
	default:
		d.Withdrawn = append(d.Withdrawn, i)
	}
}

// newer adds files, in the place of earlier ones of the same name.
func newer(files, more []File) []File {
	for _, f := range more {
		files = slices.DeleteFunc(slices.Clone(files), func(old File) bool { return old.Name == f.Name })
		files = append(files, f)
	}
	return files
}

// Alerts are the findings that are there, the most urgent first, and of those
// the new ones.
func (d digest) Alerts() []alert {
	var all []alert
	for _, group := range []struct {
		news  string
		items []Item
	}{{"new", d.Raised}, {"changed", d.Changed}, {"still there", d.Reminded}} {
		for _, i := range group.items {
			all = append(all, alert{i, group.news})
		}
	}
	slices.SortStableFunc(all, func(a, b alert) int { return cmp.Compare(rank(a.Severity), rank(b.Severity)) })
	return all
}

// ID is that of the message: the same for the same notices.
func (d digest) ID() string {
	if len(d.IDs) == 1 {
		return d.IDs[0]
	}
	sum := sha256.Sum256([]byte(strings.Join(d.IDs, " ")))
	return hex.EncodeToString(sum[:12])
}

// Silent says that there is nothing in it for people.
func (d digest) Silent() bool {
	return len(d.Raised)+len(d.Changed)+len(d.Reminded)+len(d.Healed)+len(d.Acknowledged)+len(d.Passed)+len(d.Events)+len(d.Reports) == 0
}
