package rotation

import "slices"

// count puts wanted destinations on record that bear our mark and are not: once
// released or forgotten, and back in the configuration. Nothing is delivered to
// what holds the offer already, and yet it has readers, who count should it leave
// again. A mark of ours is proof enough, however old the look.
func (d *decision) count() (Action, bool) {
	if d.r.Account == "" {
		return Action{}, false
	}
	r := d.r.Clone()
	for _, w := range d.s.Wants {
		if d.s.ours(d.r, d.o.Holding(w.Destination).Mark) && !slices.Contains(r.Dests, w.Destination) {
			r.Dests = append(r.Dests, w.Destination)
		}
	}
	if len(r.Dests) == len(d.r.Dests) {
		return Action{}, false
	}
	return save(5, "a destination that was delivered to before is in the configuration again", r)
}
