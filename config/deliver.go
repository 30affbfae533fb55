package config

import (
	"maps"
	"slices"
)

// deliveries returns the destinations of an account, which are those that are
// written innermost, and the path at which they are; empty if nowhere.
func (r resolver) deliveries(layers []layer) (deliveries, string) {
	for _, l := range layers {
		if path := l.path + ".deliver"; r.nodes[path] != nil {
			return l.Deliver, path
		}
	}
	return nil, ""
}

// deliver settles an account's destinations.
func (r resolver) deliver(a *Account, layers []layer, c *Config) {
	written, at := r.deliveries(layers)
	a.Deliver = slices.Grow(a.Deliver, len(written))
	readable, told := false, false
	for _, w := range written {
		d, ok := r.destination(w, a, layers, c)
		if !ok {
			told = true
			continue
		}
		a.Deliver = append(a.Deliver, d)
		readable = readable || d.Readable()
		if w.Formerly != "" {
			if former, ok := r.former(w, a, layers, c); ok {
				a.Former = append(a.Former, former)
			}
		}
	}
	if a.Manage != Rotate || readable || told {
		return
	}
	const reason = "an account makes its next key with its own live key, so keyrota must be able to read one back"
	switch {
	case len(a.Deliver) > 0:
		r.errorAt(at, "no destination can be read back: "+reason, "add one with format: raw, or write the key in the template as {{ .WANDB_API_KEY }} alone")
	case at == "":
		r.errorAt(a.path, "deliver is missing: "+reason, "add deliver: store:path#field, or manage: observe")
	case len(r.place(at).items) == 0 && r.place(at).kind == kindList:
		r.errorAt(at, "no destination: "+reason, destinationHint+", or manage: observe")
	}
}

// destination settles one destination for one account. It returns false if
// something is wrong with it, which it reports.
func (r resolver) destination(w writtenDestination, a *Account, layers []layer, c *Config) (Destination, bool) {
	before := len(r.problems)
	store, ok := r.doc.Stores[w.Store]
	if !ok {
		r.errorAt(w.at("store"), "there is no store of this name", r.storeHint(w.Store))
	}
	n := r.namer(a)
	if !w.renderNames(n) {
		return Destination{}, false
	}
	var p preset
	if ok {
		if p, ok = r.preset(&w, store); !ok {
			return Destination{}, false
		}
	}
	style, ok := w.style(r.report, store)
	if !ok {
		return Destination{}, false
	}
	w.checkVariables(r.decoder, a.Env)
	name := w.Store
	if _, there := r.doc.Stores[w.Store]; there && len(w.overrides()) > 0 {
		name, _ = r.override(&w, store, c)
	}
	d := Destination{
		Store: name, Path: w.Path, Field: w.Field,
		Format: *w.Format, Style: style, ConnType: w.ConnType, Fields: w.Fields, Template: valueOr(w.Template, ""),
		Reader: valueOr(w.Reader, ""), Cache: valueOr(w.Cache, p.cache),
		Tags: n.tags(layers, p.tagsOf(), &w), OwnTags: len(w.Tags) > 0, Description: n.description(&w), Exclusive: w.Exclusive,
		Pos: r.position(w.path), path: w.path, writeOnly: w.writeOnly,
		presetCache: w.Cache == nil && p.cache > 0, process: p.process,
	}
	return d, len(r.problems) == before
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
