package config

import (
	"maps"
	"slices"
)

// deliver checks an account's destinations against its environment and the
// stores that there are.
func (r resolver) deliver(path string, a *Account, w *account) {
	readable := false
	for i := range w.Deliver {
		wd := &w.Deliver[i]
		if _, ok := r.doc.Stores[wd.Store]; !ok {
			at := wd.path
			if r.nodes[at+".store"] != nil {
				at += ".store"
			}
			r.errorAt(at, "there is no store of this name", r.storeHint(wd.Store))
		}
		wd.checkVariables(r.decoder, a.Env)
		d := Destination{
			Store: wd.Store, Path: wd.Path, Field: wd.Field, Format: *wd.Format, Fields: wd.Fields,
			Template: valueOr(wd.Template, ""), Cache: wd.Cache, Pos: r.position(wd.path), writeOnly: wd.writeOnly,
		}
		a.Deliver = append(a.Deliver, d)
		readable = readable || d.Readable()
	}
	if a.Manage != Rotate || len(a.Deliver) > 0 && readable {
		return
	}
	const reason = "an account makes its next key with its own live key, so keyrota must be able to read one back"
	switch {
	case len(a.Deliver) > 0:
		r.errorAt(path+".deliver", "no destination can be read back: "+reason, "add one with format: raw, or write the key in the template as {{ .WANDB_API_KEY }} alone")
	case r.nodes[path+".deliver"] == nil:
		r.errorAt(path, "deliver is missing: "+reason, "add deliver: store:path#field, or manage: observe")
	case len(r.place(path+".deliver").items) == 0 && r.place(path+".deliver").kind == kindList:
		r.errorAt(path+".deliver", "no destination: "+reason, destinationHint+", or manage: observe")
	}
}

// external refuses what makes no sense for an account without a key.
func (r resolver) external(path string, a *Account, w *account) {
	a.Manage = Observe
	refused := []struct {
		name    string
		written bool
	}{
		{"deliver", r.nodes[path+".deliver"] != nil},
		{"manage", w.Manage != nil && *w.Manage == Rotate},
		{"every", w.Every != nil},
		{"cron", w.Cron != nil},
		{"overlap", w.Overlap != nil},
	}
	for _, f := range refused {
		if f.written {
			r.errorAt(path+"."+f.name, "an external account has no API key to rotate or deliver; it signs in with a JWT", "remove the line, or write scope: team")
		}
	}
}

// storeHint is what to write instead of a name that no store has.
func (r resolver) storeHint(name string) string {
	if near := nearest(name, slices.Sorted(maps.Keys(r.doc.Stores))); near != "" {
		return "did you mean " + near + "?"
	}
	return "add it under stores:"
}
