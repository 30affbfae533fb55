package rotation

import "testing"

func TestUnexplainedKeysAreThoseThatNothingOnRecordExplains(t *testing.T) {
	r := Record{
		Offer: Offer{Key: "offered"}, Old: []Old{{Key: "old"}},
		Intent: Intent{Label: "intent"}, Abandoned: []Abandoned{{Label: "abandoned"}},
	}
	var o Observed
	o.Listing.Keys = []Key{
		{ID: "offered"}, {ID: "old"}, {ID: "a", Label: "intent"}, {ID: "b", Label: "abandoned"},
		{ID: "by hand"}, {ID: "labelled", Label: "keyrota/prod/u/9@20260301T110000Z.n"},
	}
	var got []KeyID
	for _, k := range Unexplained(r, o) {
		got = append(got, k.ID)
	}
	if len(got) != 2 || got[0] != "by hand" || got[1] != "labelled" {
		t.Errorf("unexplained: %v", got)
	}
}
