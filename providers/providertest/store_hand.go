package providertest

import (
	"testing"

	"github.com/keyrota/keyrota/rotation"
)

// handCases: what people and other tools do to a secret.
func handCases() []storeCase {
	return []storeCase{
		{
			name: "not ours", story: "A value without a mark is someone else's; to take it over by name is the caller's to decide.",
			run: func(r *storeRun) {
				d := r.at("ci/theirs")
				r.Edit(r.T, d.Path, r.content(1))
				h := r.in(d, rotation.StateBare)
				if h.Mark != (rotation.Mark{}) || h.Version == "" {
					r.Errorf("what is not ours shows %+v, want a version and no mark", h)
				}
				r.put(d, r.payload(2), mark(2), h)
				r.holds(d, mark(2))
				r.reads(d, r.payload(2))
			},
		},
		{
			name: "taken in between", story: "Someone puts a value where we saw none: it stays.",
			run: func(r *storeRun) {
				d := r.at("ci/taken")
				seen := r.in(d, rotation.StateAbsent)
				r.Edit(r.T, d.Path, r.content(1))
				r.refused(d, 2, seen)
			},
		},
		{
			name: "another instance", story: "A secret of another keyrota shows its mark, and a put from a look before it came is refused.",
			run: func(r *storeRun) {
				d := r.at("ci/other")
				seen := r.in(d, rotation.StateAbsent)
				other := mark(7)
				other.Instance, other.Ledger = "staging", "ledger-2"
				r.put(d, r.payload(1), other, seen)
				r.holds(d, other)
				r.refused(d, 2, seen)
				r.holds(d, other)
			},
		},
		{
			name: "hand edit", story: "A value changed by hand is seen as edited, with the mark it had, and healed.",
			run: func(r *storeRun) {
				d := r.at("ci/edited")
				before := r.deliver(d, 1)
				r.Edit(r.T, d.Path, r.content(2))
				h := r.in(d, rotation.StateEdited)
				if h.Mark != mark(1) {
					r.Errorf("marked %+v, want what was delivered last: %+v", h.Mark, mark(1))
				}
				if h.Version == before.Version {
					r.Errorf("the version is still %s", h.Version)
				}
				r.put(d, r.payload(1), mark(1), h)
				r.holds(d, mark(1))
				r.reads(d, r.payload(1))
			},
		},
		{
			name: "hand edit in between", story: "A value changed by hand between look and put is not overwritten unseen.",
			run: func(r *storeRun) {
				d := r.at("ci/edited")
				seen := r.deliver(d, 1)
				r.Edit(r.T, d.Path, r.content(2))
				r.refused(d, 3, seen)
				r.in(d, rotation.StateEdited)
			},
		},
		{
			name: "mark removed", story: "A person who removes our mark takes the secret from us, also between look and put.",
			run: func(r *storeRun) {
				d := r.at("ci/unmarked")
				seen := r.deliver(d, 1)
				r.Unmark(r.T, d.Path)
				r.in(d, rotation.StateBare)
				r.refused(d, 2, seen)
			},
		},
		{
			name: "deleted", story: "A secret deleted for good is absent, a put from a look before does not bring it back, one from a look after does.",
			run: func(r *storeRun) {
				d := r.at("ci/deleted")
				seen := r.deliver(d, 1)
				r.Remove(r.T, d.Path)
				h := r.in(d, rotation.StateAbsent)
				r.refused(d, 2, seen)
				r.put(d, r.payload(2), mark(2), h)
				r.holds(d, mark(2))
				r.reads(d, r.payload(2))
			},
		},
		{
			name: "deleted and made anew", story: "A secret deleted and made anew by hand counts its versions from the start; the mark of its earlier life is not believed.",
			run: func(r *storeRun) {
				d := r.at("ci/anew")
				r.deliver(d, 1)
				r.Remove(r.T, d.Path)
				r.Edit(r.T, d.Path, r.content(2))
				h := r.in(d, rotation.StateBare, rotation.StateEdited)
				r.put(d, r.payload(3), mark(3), h)
				r.holds(d, mark(3))
			},
		},
		{
			name: "deleted and made anew in between", story: "The same between look and put: refused, even at the same version number.",
			run: func(r *storeRun) {
				d := r.at("ci/anew")
				seen := r.deliver(d, 1)
				r.Remove(r.T, d.Path)
				r.Edit(r.T, d.Path, r.content(2))
				r.refused(d, 3, seen)
			},
		},
		{
			name: "not ours, made anew in between", story: "What was not ours and is another secret of that name by now: a put from the look before is refused.",
			run: func(r *storeRun) {
				d := r.at("ci/theirs")
				r.Edit(r.T, d.Path, r.content(1))
				seen := r.in(d, rotation.StateBare)
				r.Remove(r.T, d.Path)
				r.Edit(r.T, d.Path, r.content(2))
				r.refused(d, 3, seen)
			},
		},
		{
			name: "softly deleted", story: "A version deleted so that it can be restored is absent to readers, and so to us; the next put makes a new one.",
			run: func(r *storeRun) {
				s, ok := r.StoreService.(SoftDeleter)
				if !ok {
					r.Skip("the harness is no SoftDeleter")
				}
				r.gone(s.Delete)
			},
		},
		{
			name: "destroyed", story: "A destroyed version is absent; the next put makes a new one.",
			run: func(r *storeRun) {
				s, ok := r.StoreService.(Destroyer)
				if !ok {
					r.Skip("the harness is no Destroyer")
				}
				r.gone(s.Destroy)
			},
		},
		{
			name: "softly deleted, then by hand", story: "A value that a person puts over a deleted version is not the one that our mark speaks of.",
			run: func(r *storeRun) {
				s, ok := r.StoreService.(SoftDeleter)
				if !ok {
					r.Skip("the harness is no SoftDeleter")
				}
				d := r.at("ci/soft")
				r.deliver(d, 1)
				s.Delete(r.T, d.Path)
				r.Edit(r.T, d.Path, r.content(2))
				r.in(d, rotation.StateEdited, rotation.StateBare)
			},
		},
	}
}

// gone has the current version go away, twice, and puts anew.
func (r *storeRun) gone(remove func(t *testing.T, path string)) {
	d := r.at("ci/gone")
	for n := 1; n <= 3; n += 2 {
		seen := r.deliver(d, n)
		remove(r.T, d.Path)
		h := r.in(d, rotation.StateAbsent)
		r.refused(d, n+1, seen)
		r.put(d, r.payload(n+1), mark(n+1), h)
		r.holds(d, mark(n+1))
		r.reads(d, r.payload(n+1))
	}
}
