package providertest

import (
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// readCases: values given back.
func readCases() []storeCase {
	return []storeCase{
		{
			name: "read", story: "The current value comes back as it was put, by no version and by its own.",
			run: func(r *storeRun) {
				reader, d := r.reader(), r.at("ci/read")
				h := r.deliver(d, 1)
				for _, v := range []rotation.Version{"", h.Version} {
					got, err := reader.Read(r.ctx(), d, v)
					if r.check(err) != nil || !r.same(got, r.payload(1)) {
						r.Errorf("version %q: another value, or %v", v, err)
					}
				}
			},
		},
		{
			name: "read an edit", story: "A value changed by hand comes back as it is now, so that it can be tried.",
			run: func(r *storeRun) {
				reader, d := r.reader(), r.at("ci/read")
				r.deliver(d, 1)
				r.Edit(r.T, d.Path, r.content(2))
				got, err := reader.Read(r.ctx(), d, r.look(d).Version)
				if r.check(err) != nil || !r.same(got, r.payload(2)) {
					r.Errorf("another value, or %v", err)
				}
			},
		},
		{
			name: "read nothing", story: "What is absent is not found, and neither is a version that never was or was deleted.",
			run: func(r *storeRun) {
				reader, d := r.reader(), r.at("ci/read")
				_, err := reader.Read(r.ctx(), d, "")
				r.want(providers.NotFound, err)
				h := r.deliver(d, 1)
				if d.Field != "" {
					beside := d
					beside.Field = "NOT_THERE"
					_, err = reader.Read(r.ctx(), beside, "")
					r.want(providers.NotFound, err)
				}
				r.Remove(r.T, d.Path)
				for _, v := range []rotation.Version{"", h.Version} {
					_, err = reader.Read(r.ctx(), d, v)
					r.want(providers.NotFound, err)
				}
			},
		},
		{
			name: "read an earlier version", story: "An earlier version is that version's value or not found, never the current value.",
			run: func(r *storeRun) {
				reader, d := r.reader(), r.at("ci/read")
				old := r.deliver(d, 1)
				r.deliver(d, 2)
				got, err := reader.Read(r.ctx(), d, old.Version)
				switch {
				case r.check(err) == nil && !r.same(got, r.payload(1)):
					r.Error("it is another value")
				case err != nil:
					r.want(providers.NotFound, err)
				}
			},
		},
		{
			name: "older versions", story: "The earlier versions are named newest first, and read as they were.",
			needs: needsOlder,
			run: func(r *storeRun) {
				reader, d := r.reader(), r.at("ci/older")
				for n := 1; n <= 3; n++ {
					r.deliver(d, n)
				}
				h := r.look(d)
				if len(h.Older) != 2 {
					r.Fatalf("%d earlier versions, want 2: %v", len(h.Older), h.Older)
				}
				for i, v := range h.Older {
					got, err := reader.Read(r.ctx(), d, v)
					if r.check(err) != nil || !r.same(got, r.payload(2-i)) {
						r.Errorf("version %s: another value, or %v", v, err)
					}
				}
			},
		},
		{
			name: "older versions of a deleted secret", story: "The current version is softly deleted: it is neither named nor read, the ones before it are.",
			needs: needsOlder,
			run: func(r *storeRun) {
				s, ok := r.StoreService.(SoftDeleter)
				if !ok {
					r.Skip("the harness is no SoftDeleter")
				}
				reader, d := r.reader(), r.at("ci/older")
				r.deliver(d, 1)
				r.deliver(d, 2)
				s.Delete(r.T, d.Path)
				h := r.in(d, rotation.StateAbsent)
				if len(h.Older) != 1 {
					r.Fatalf("%d earlier versions, want 1: %v", len(h.Older), h.Older)
				}
				got, err := reader.Read(r.ctx(), d, h.Older[0])
				if r.check(err) != nil || !r.same(got, r.payload(1)) {
					r.Errorf("another value, or %v", err)
				}
				_, err = reader.Read(r.ctx(), d, "")
				r.want(providers.NotFound, err)
			},
		},
	}
}

func (r *storeRun) reader() providers.Reader {
	r.Helper()
	reader, ok := r.store.(providers.Reader)
	if !ok {
		r.Skip("this store gives nothing back")
	}
	return reader
}
