package providertest

import (
	"slices"
	"sync"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// keyCases: the life of a key.
func keyCases() []issuerCase {
	return []issuerCase{
		{
			name: "rotate", story: "An account makes its next key with its own, both work until the old one is deleted, and then at once no more.",
			run: func(r *issuerRun) {
				a, oldID, old := r.live("rotate")
				others := slices.DeleteFunc(r.ids(a), func(id rotation.KeyID) bool { return id == oldID })
				label := r.label(a, 1)
				key, value := r.issue(a, old, label)
				if v := r.works(a, value, key.ID); v.Label != label {
					r.Errorf("verified the label %q, want %q", v.Label, label)
				}
				r.works(a, old, oldID)
				r.must(r.issuer.Revoke(r.ctx(), a, value, oldID), "revoke")
				r.dead(a, old)
				r.works(a, value, key.ID)
				r.has(a, append(others, key.ID)...)
			},
		},
		{
			name: "revoke twice", story: "A deletion that is repeated, since its answer was lost or somebody else was faster, is no error.",
			run: func(r *issuerRun) {
				a, id, value := r.live("twice")
				second, _ := r.Key(r.T, a, "")
				for range 2 {
					r.must(r.issuer.Revoke(r.ctx(), a, value, second), "revoke")
				}
				for range 2 {
					r.must(r.issuer.Revoke(r.ctx(), a, providers.Secret{}, id), "revoke as admin")
				}
				r.dead(a, value)
			},
		},
		{
			name: "revoke as another", story: "A key of another account deletes nothing, and says so; the key lives.",
			run: func(r *issuerRun) {
				a, id, value := r.live("victim")
				_, _, other := r.live("other")
				if err := r.issuer.Revoke(r.ctx(), a, other, id); r.check(err) == nil {
					r.Errorf("a key of another account is said to have deleted the key")
				}
				r.works(a, value, id)
			},
		},
		{
			name: "revoke with a dead key", story: "A credential that does not work is Denied; that nothing was deleted is not mistaken for absent already.",
			run: func(r *issuerRun) {
				a, id, value := r.live("dead-auth")
				deadID, dead := r.Key(r.T, a, "")
				r.DeleteKey(r.T, deadID)
				r.want(r.issuer.Revoke(r.ctx(), a, dead, id), providers.Denied)
				r.works(a, value, id)
			},
		},
		{
			name: "deleted by a person", story: "A key that a person deleted does not work, is not listed, and does not keep the others from working.",
			run: func(r *issuerRun) {
				a, id, value := r.live("deleted")
				kept, keptValue := r.Key(r.T, a, "kept")
				r.DeleteKey(r.T, id)
				r.dead(a, value)
				r.works(a, keptValue, kept)
				_, keys := r.listing(a.Team)
				if slices.ContainsFunc(keys[a.ID], func(k rotation.Key) bool { return k.ID == id }) {
					r.Error("the deleted key is listed")
				}
			},
		},
		{
			name: "all at once", story: "An issuer serves many callers at the same time, and mixes up none.",
			run: func(r *issuerRun) {
				a, _, value := r.live("busy")
				b, bID, bValue := r.live("beside")
				var wg sync.WaitGroup
				for n := range 8 {
					wg.Go(func() {
						key, s, err := r.issuer.Issue(r.ctx(), a, value, r.label(a, n+1))
						if r.check(err) != nil {
							r.Errorf("issue: %v", err)
							return
						}
						if v, err := r.issuer.Verify(r.ctx(), a, s); r.check(err) != nil || v.Key != key.ID || v.Label != key.Label {
							r.Errorf("verified %+v, %v, want %+v", v, err, key)
						}
						if v, err := r.issuer.Verify(r.ctx(), b, bValue); r.check(err) != nil || v.Key != bID {
							r.Errorf("verified %+v, %v, want %s", v, err, bID)
						}
					})
				}
				wg.Wait()
			},
		},
	}
}
