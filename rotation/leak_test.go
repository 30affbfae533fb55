package rotation

import (
	"slices"
	"testing"
)

func TestALeakIsGoneOnWithOrToldAgain(t *testing.T) {
	calm := Record{Seq: 2, Offer: Offer{Edition: 2, Key: "k2"}}
	leaking := calm
	leaking.Leaked, leaking.Leak = 1, Leak{At: at(0), Overlap: oneTick}
	again := Leak{Overlap: oneTick}
	for name, row := range map[string]struct {
		r    Record
		q    Request
		want bool
	}{
		"nothing to go on with":      {calm, Request{Keys: []KeyID{"k9"}}, false},
		"a key is named to go":       {leaking, Request{Keys: []KeyID{"k9"}, Leak: again}, true},
		"a key is named to stay":     {leaking, Request{Leak: Leak{Overlap: oneTick, Keep: []KeyID{"k9"}}}, true},
		"the old keys go now":        {leaking, Request{Leak: Leak{Overlap: oneTick, Now: true}}, true},
		"readers get more time":      {leaking, Request{Leak: Leak{Overlap: 2 * oneTick}}, true},
		"the same words say it anew": {leaking, Request{Leak: again}, false},
	} {
		if got := row.r.Continues(row.q); got != row.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestBreaks(t *testing.T) {
	s := Spec{Instance: "prod"}
	for _, d := range destinations[:3] {
		s.Wants = append(s.Wants, Want{Destination: d, Shape: "raw", Readable: true})
	}
	gone, empty := Destination{Store: "left", Path: "p"}, Destination{Store: "left", Path: "empty"}
	r := Record{Account: accountID, Offer: Offer{Edition: 1, Key: "k1"}, Dests: []Destination{gone, empty}}
	marked := Holding{State: StateMarked, Fresh: true, Mark: Mark{Instance: "prod", Account: accountID, Edition: 1, Key: "k0", Shape: "raw"}}
	stale, foreign := marked, marked
	stale.Fresh, foreign.Mark.Account = false, "b"
	o := Observed{Holdings: []Held{
		{destinations[0], marked}, {destinations[1], stale}, {destinations[2], foreign},
		{gone, marked}, {empty, Holding{State: StateAbsent, Fresh: true}},
	}}
	if got, want := Breaks(s, r, o), []Destination{destinations[1], destinations[2], gone}; !slices.Equal(got, want) {
		t.Errorf("--now breaks %v, want %v", got, want)
	}
}
