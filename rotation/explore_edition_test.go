package rotation

import "slices"

// Editions only grow, and nothing asks more of two of them than which is
// greater, and whether one is the next after the other. So they are written as
// small numbers that keep just that: two processes that withdraw each other's
// offers forever are then in a circle, not in a new state each time.

// gather notes the editions in use.
func (e *encoder) gather(w *world) {
	e.editions = append(e.editions[:0], 0)
	e.gatherRecord(w.rec)
	if w.backup != nil {
		e.gatherRecord(w.backup)
	}
	for k := range w.made {
		if w.keys[k].ours && w.inSight(int8(k)) {
			e.use(labelEdition(w.keys[k].label))
		}
	}
	for d := range w.c.dests {
		e.use(w.secrets[d].mark.edition)
	}
	for j := range w.flights {
		e.use(w.flights[j].mark.edition)
	}
	for i := range w.c.procs {
		p := &w.procs[i]
		if p.obs != nil {
			e.use(p.obs.Listing.Offered)
			for _, h := range p.obs.Holdings {
				e.use(h.Holding.Mark.Edition)
			}
		}
		if p.rec != nil && p.phase == acting {
			e.gatherRecord(p.rec)
		}
		if p.eff != nil && p.eff.Kind == SaveRecord {
			e.gatherRecord(&p.eff.Record)
		}
		switch {
		case p.issue != nil && p.issue.label != "":
			e.use(labelEdition(p.issue.label))
		case p.deliver != nil:
			e.use(p.deliver.Offer.Edition)
			e.use(p.seen.Mark.Edition)
		case p.retire != nil:
			e.use(p.retire.offer.Edition)
		}
	}
	slices.Sort(e.editions)
	e.editions = slices.Compact(e.editions)
	e.small = e.small[:0]
	var last Edition
	var small byte
	for _, x := range e.editions {
		small += byte(min(x-last, 2))
		last = x
		e.small = append(e.small, small)
	}
}

func (e *encoder) use(x Edition) { e.editions = append(e.editions, x) }

func (e *encoder) gatherRecord(r *Record) {
	e.use(r.Seq)
	e.use(r.Offer.Edition)
	e.use(r.Leaked)
	for _, o := range r.Old {
		e.use(o.Edition)
	}
}

func (e *encoder) edition(x Edition) {
	i, ok := slices.BinarySearch(e.editions, x)
	if !ok {
		panic("an edition that was not gathered")
	}
	e.put(e.small[i])
}

// labelEdition reads a label that keyrota made.
func labelEdition(l Label) Edition {
	var n Edition
	for _, c := range l[len("keyrota/prod/a/"):] {
		if c == '@' {
			break
		}
		n = 10*n + Edition(c-'0')
	}
	return n
}
