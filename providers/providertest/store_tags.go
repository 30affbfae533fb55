package providertest

import (
	"fmt"

	"github.com/keyrota/keyrota/providers"
)

// tagCases: what is kept beside a value for people and for readers that choose
// by it.
func tagCases() []storeCase {
	return []storeCase{
		{
			name: "tags", story: "Tags are there with the first value, follow the configuration with the next put, and those of others stay.",
			run: func(r *storeRun) {
				service, d := r.tagged(), r.at("ci/tagged")
				p := r.payload(1)
				p.Tags = map[string]string{"team": "ml", "jenkins:credentials:type": "string"}
				p.Description = "W&B API key of ml/nightly-eval, kept by keyrota"
				r.put(d, p, mark(1), r.look(d))
				r.hasTags(d.Path, p)
				service.Tag(r.T, d.Path, "theirs", "stays")
				p = r.payload(2)
				p.Tags = map[string]string{"team": "ml-platform"}
				p.Description = "W&B API key of ml-platform/nightly-eval"
				r.put(d, p, mark(2), r.look(d))
				p.Tags["theirs"] = "stays"
				r.hasTags(d.Path, p)
				r.holds(d, mark(2))
				r.reads(d, p)
			},
		},
		{
			name: "tags of the same edition", story: "Changed tags are a delivery of the same key under another shape.",
			run: func(r *storeRun) {
				r.tagged()
				d := r.at("ci/tagged")
				r.deliver(d, 1)
				p, m := r.payload(1), mark(1)
				p.Tags, m.Shape = map[string]string{"team": "ml"}, "shape-2"
				r.put(d, p, m, r.look(d))
				r.hasTags(d.Path, p)
				r.holds(d, m)
				r.reads(d, p)
			},
		},
		{
			name: "too many tags", story: "More tags than the store keeps, and names that are ours, are refused before anything is written.", once: true,
			run: func(r *storeRun) {
				describer, ok := r.store.(providers.Describer)
				if !ok {
					r.Skip("this store keeps no tags")
				}
				d := r.Destination("ci/tagged", "")
				many := map[string]string{}
				for n := range 70 {
					many[fmt.Sprintf("tag-%d", n)] = "x"
				}
				for _, tags := range []map[string]string{many, {"keyrota": "forged"}, {"": "x"}} {
					r.want(providers.Invalid, describer.CheckTags(d, tags))
				}
				if err := r.check(describer.CheckTags(d, map[string]string{"team": "ml"})); err != nil {
					r.Error(err)
				}
			},
		},
	}
}

func (r *storeRun) tagged() Tagged {
	r.Helper()
	service, ok := r.StoreService.(Tagged)
	if !ok {
		r.Skip("the harness is not Tagged")
	}
	return service
}

// hasTags fails the case unless a secret has the tags and description of a
// payload, whatever others it has.
func (r *storeRun) hasTags(path string, p providers.Payload) {
	r.Helper()
	service := r.tagged()
	tags := service.Tags(r.T, path)
	for name, value := range p.Tags {
		if tags[name] != value {
			r.Errorf("tag %s is %q, want %q", name, tags[name], value)
		}
	}
	if got := service.Description(r.T, path); got != "" && got != p.Description {
		r.Errorf("described as %q, want %q", got, p.Description)
	}
}
