package awssm

import "testing"

// Whatever stands in a tag of ours, it is read or not, and only what we would
// write is.
func FuzzMark(f *testing.F) {
	for _, text := range []string{
		"", " ", "instance=prod", "instance=prod ledger=l account=a sum=00000000", "instance=+2B+", "edition=18446744073709551616",
		note{version: "v"}.text("s", "keyrota"), note{version: " +"}.text("s", "keyrota"),
	} {
		f.Add("s", "keyrota", text)
	}
	f.Fuzz(func(t *testing.T, secret, tag, text string) {
		n, ok := decode(secret, tag, text)
		if ok && n.text(secret, tag) != text {
			t.Errorf("%q is read as %+v, which is written as %q", text, n, n.text(secret, tag))
		}
		// What is read can be made a mark of its own, and that one is read alike.
		if m, ok := decode(secret, tag, n.text(secret, tag)); ok && m != n {
			t.Errorf("%+v comes back as %+v", n, m)
		}
		id := idOf(n.mark, tag, text)
		if !isOf(id, n.mark, tag) {
			t.Errorf("%s is not of %+v", id, n.mark)
		}
	})
}
