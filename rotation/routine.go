package rotation

import "time"

// Routine reports whether an action is to begin a rotation that nobody asked
// for and that is due by its schedule (rule 12): the one thing that may be held
// back for the sake of other accounts.
func (a Action) Routine() bool {
	return a.Rule == 12 && (a.Kind == DoIssue || a.Kind == Seek)
}

// Hold says why a routine rotation may not begin yet. The zero Hold: it may.
type Hold struct {
	Words string    // what holds it back, and what a person can do
	Until time.Time // when it may begin by itself; zero: when another account has gone first
	Stuck bool      // a person must help, or it waits on
}

// Held is the action in place of a routine rotation that is held back: the one
// wait that no rule of Next asks for.
func (a Action) Held(h Hold) Action {
	return Action{Kind: Wait, Rule: a.Rule, Why: "due; " + h.Words, Until: h.Until, Overdue: h.Stuck}
}
