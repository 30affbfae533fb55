package rotation

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Use is what was seen of an account's runs before an old key goes. Only what is
// seen counts: a run that nobody may see holds no key.
type Use struct {
	Asked   bool   // the platform was asked in this pass
	Known   bool   // and it answered
	Again   bool   // it did not, and may if it is asked again
	Words   string // for people: why it did not
	Beating []Beat // runs that go on, the oldest first
}

// Beat is a run that goes on.
type Beat struct {
	Run     string // as people know it: team/project/name
	Created time.Time
}

// notedBeats is how many runs are put on record at most.
const notedBeats = 5

// holders returns the runs that hold a key from before all destinations had the
// offered one. What was seen last counts until an answer says otherwise.
func (d *decision) holders() []Beat {
	if !d.o.Use.Known {
		return d.r.HeldBy
	}
	began := d.usedBefore()
	held := slices.DeleteFunc(slices.Clone(d.o.Use.Beating), func(b Beat) bool { return !b.Created.Before(began) })
	slices.SortStableFunc(held, func(a, b Beat) int { return a.Created.Compare(b.Created) })
	return held[:min(len(held), notedBeats)]
}

// usedBefore returns the time before which a run was created that holds an old
// key. The run's clock is the platform's.
func (d *decision) usedBefore() time.Time {
	if d.r.Agreed.IsZero() {
		return d.now
	}
	return d.r.Agreed.Add(d.s.Policy.ClockSkew)
}

// askUse asks for runs, once in a pass, before a deletion that may end them.
func (d *decision) askUse() (Action, bool) {
	if !d.s.Beats || d.o.Use.Asked {
		return Action{}, false
	}
	return Action{Kind: AskUse, Rule: 11, Before: d.usedBefore(), Why: "does a run still use the old key?"}, true
}

// heldByUse reports whether a run keeps an old key, or that none does is yet to
// be told: not one that others know, and not one that a person gave up.
func (d *decision) heldByUse(o Old) bool {
	return d.s.Beats && !d.r.leaked(o.Edition) && !o.Ended && (len(d.holders()) > 0 || d.unanswered())
}

// unanswered reports whether asking for runs again may tell what asking did not.
// That is waited for as long as a run may keep a key, and in no emergency.
func (d *decision) unanswered() bool {
	u := d.o.Use
	return u.Asked && !u.Known && u.Again && !d.r.Emergency() && d.now.Before(d.mostOverlap())
}

// mostOverlap returns until when use holds an old key.
func (d *decision) mostOverlap() time.Time {
	return d.r.Agreed.Add(max(d.s.Policy.MaxOverlap, d.s.Policy.Overlap, d.s.Policy.WriteDeadline))
}

// holdForUse puts on record which runs keep an old key whose overlap is over,
// and calls a person where they have done so for as long as they may.
func (d *decision) holdForUse() (Action, bool) {
	held := d.holders()
	if d.now.Before(d.mostOverlap()) {
		if slices.EqualFunc(held, d.r.HeldBy, Beat.same) {
			return Action{}, false
		}
		r := d.r.Clone()
		r.HeldBy = held
		return save(11, "a run that is older than the new key goes on", r, Event{
			Kind: EventInUse, Key: r.Old[0].Key, Edition: r.Old[0].Edition,
			Words: beatWords(held) + "; kept until " + d.mostOverlap().UTC().Format(time.RFC3339) + " at most",
		})
	}
	return d.park(11, "the old key is in use for as long as max_overlap allows: %s. Stop it, or raise max_overlap, then run: keyrota retry %s; or delete the key although that ends its logging: keyrota retire %[2]s",
		beatWords(held), d.s.Account.Ref)
}

// same: a record keeps no zone.
func (b Beat) same(c Beat) bool { return b.Run == c.Run && b.Created.Equal(c.Created) }

// beatWords names runs that go on.
func beatWords(bs []Beat) string {
	names := make([]string, len(bs))
	for i, b := range bs {
		names[i] = "run " + b.Run + " (created " + b.Created.UTC().Format(time.RFC3339) + ")"
	}
	verb := "goes on"
	if len(bs) > 1 {
		verb = "go on"
	}
	return strings.Join(names, ", ") + " " + verb
}

// breaks says which runs end their logging with a key; empty: none is known.
func (d *decision) breaks() string {
	if held := d.holders(); d.s.Beats && len(held) > 0 {
		return beatWords(held) + ", and cannot log any more"
	}
	return ""
}

// waitUse says what use, or which question about it, keeps an old key, and until
// when.
func (d *decision) waitUse(a *Action, o Old) (words string, until time.Time) {
	if !d.heldByUse(o) {
		return "", time.Time{}
	}
	if held := d.holders(); len(held) > 0 {
		words = beatWords(held)
	} else {
		a.Overdue = true
		words = "whether a run still uses it could not be told" + because(d.o.Use.Words) + " and is asked again"
	}
	return fmt.Sprintf("the old key is kept: %s (keyrota retire %s does not wait for that)", words, d.s.Account.Ref), d.mostOverlap()
}
