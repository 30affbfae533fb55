package rotation

import (
	"bytes"
	"time"
)

// encoder writes a state to bytes, so that two states are equal in bytes if
// nothing can ever tell them apart. Times are ages that saturate beyond every
// bound that anything compares them with, versions are counted back from the
// current one, revisions are current or not, labels are the numbers of their
// nonces, and what is never read again is left out.
type encoder struct {
	b        []byte
	procs    [maxProcs][]byte
	editions []Edition // in use, ascending
	small    []byte    // what each is written as
}

func (e *encoder) put(vs ...byte) { e.b = append(e.b, vs...) }

func (e *encoder) flag(v bool) {
	if v {
		e.put(1)
	} else {
		e.put(0)
	}
}

// furthest is how many ticks ahead a time may lie: the longest pause after a
// failed creation.
const furthest = 20

// oldestAge is the age, in ticks, beyond which nothing asks for more.
func (c *setting) oldestAge() int {
	oldest := max(c.policy.Overlap, c.policy.WriteDeadline)
	if c.beats {
		oldest = max(oldest, c.policy.MaxOverlap)
	}
	return int(oldest / oneTick)
}

func (e *encoder) age(w *world, t time.Time) {
	if t.IsZero() {
		e.put(255)
		return
	}
	e.put(byte(min(max(w.now-ticks(t), -furthest), w.c.oldestAge()) + furthest))
}

func labelIndex(l Label) byte {
	if l == "" {
		return 0
	}
	return l[len(l)-1]
}

// state writes w and returns, for each process in the order of the encoding,
// which one it is: processes are alike, so their order is that of their bytes.
func (e *encoder) state(w *world) (order [maxProcs]uint8) {
	e.gather(w)
	e.b = e.b[:0]
	e.record(w, w.rec)
	e.flag(w.backup != nil)
	if w.backup != nil {
		e.record(w, w.backup)
	}
	e.put(byte(w.ledger), byte(w.cfg), byte(w.made), byte(w.nonces), bits(w.gone), byte(w.skew))
	for k := range w.made {
		key := &w.keys[k]
		e.put(labelIndex(key.label))
		if key.ours && w.inSight(int8(k)) {
			e.edition(labelEdition(key.label))
		}
		e.put(bits(key.dead, key.ours, key.offered, key.doomed, key.cut), byte(key.by))
		if w.c.budget.lag > 0 {
			e.flag(key.dead && key.died == w.now)
		}
		if key.dead {
			continue
		}
		if w.c.budget.lag > 0 {
			e.flag(key.born == w.now)
		}
		e.put(bits(key.known, key.asked, key.soon, key.named, key.kept, key.ended))
		held := -1 // whichever destination held it last decides
		for d := range w.c.dests {
			held = max(held, int(key.held[d]))
		}
		if held < 0 {
			e.put(0)
		} else {
			e.put(byte(1 + min(w.now-held, w.c.oldestAge())))
		}
	}
	for d := range w.c.dests {
		s := &w.secrets[d]
		e.put(byte(min(s.n, w.c.older+1)))
		for _, v := range s.values[:w.c.older+1] {
			e.put(byte(v))
		}
		e.put(bits(s.byHand, s.marked, s.unknown, s.of == s.n, s.unrecorded))
		e.mark(s.mark)
	}
	if w.c.beats {
		e.runs(w)
	}
	if len(w.c.states) > 0 {
		e.put(bits(w.taken, w.used))
		if w.c.budget.jump > 0 {
			e.age(w, at(w.warned))
		}
	}
	for j := range w.flights {
		f := &w.flights[j]
		e.flag(f.up)
		if f.up {
			e.put(byte(f.dest), byte(f.value), byte(w.secrets[f.dest].n-f.seen), byte(f.deadline-w.now))
			e.mark(f.mark)
		}
	}
	l := w.left
	e.put(byte(l.crash), byte(l.lost), byte(l.refused), byte(l.loss), byte(l.backup), byte(l.restore), byte(l.rotate),
		byte(l.rollback), byte(l.leak), byte(l.hand), byte(l.partial), byte(l.unseen), byte(l.config), byte(l.removed),
		byte(l.mint), byte(l.retire), byte(l.vanish), byte(l.lag), byte(l.jump), byte(l.run), byte(l.use))
	world := e.b
	for i := range w.c.procs {
		e.b = e.procs[i][:0]
		e.process(w, &w.procs[i])
		e.procs[i] = e.b
		order[i] = uint8(i)
	}
	e.b = world
	for i := 1; i < w.c.procs; i++ {
		for j := i; j > 0 && bytes.Compare(e.procs[order[j-1]], e.procs[order[j]]) > 0; j-- {
			order[j-1], order[j] = order[j], order[j-1]
		}
	}
	for i := range w.c.procs {
		e.put(byte(len(e.procs[order[i]])))
		e.put(e.procs[order[i]]...)
	}
	return order
}

func bits(flags ...bool) (b byte) {
	for i, f := range flags {
		if f {
			b |= 1 << i
		}
	}
	return b
}

func (e *encoder) mark(m mark) {
	e.edition(m.edition)
	e.put(byte(m.key), byte(m.ledger), byte(len(m.shape)))
}

func (e *encoder) record(w *world, r *Record) {
	e.put(bits(r.Account != "", r.Parked != ""), labelIndex(r.Intent.Label))
	e.edition(r.Seq)
	e.edition(r.Offer.Edition)
	e.edition(r.Leaked)
	for _, a := range r.Abandoned {
		e.put(labelIndex(a.Label), byte(min(w.now-ticks(a.At), 2))) // beyond the write deadline
	}
	e.put(0)
	e.put(byte(keyIndex(r.Offer.Key)), byte(len(r.Old)), bits(w.diesYoung() && w.young(r.Offer.Issued)))
	if w.nonces < w.c.rotations { // only the schedule reads it
		e.age(w, r.Offer.Issued)
	}
	for _, o := range r.Old {
		e.edition(o.Edition)
		e.put(byte(keyIndex(o.Key)), bits(o.Condemned, o.Issued.IsZero(), o.Ended, w.diesYoung() && w.young(o.Issued)))
	}
	for _, g := range r.Gone {
		if k := keyIndex(g.Key); w.inSight(k) || w.c.budget.lag > 0 && w.young(g.At) {
			e.put(100+byte(k), bits(w.young(g.At)))
		}
	}
	e.age(w, r.Agreed)
	e.flag(len(r.HeldBy) > 0)
	if len(w.c.states) > 0 {
		e.off(w, r.Off)
	}
	e.dests(r.Dests)
	e.put(byte(len(r.Request.Kind)), byte(keyIndex(r.Request.Key)), byte(r.Tries))
	e.keys(r.Strange)
	e.flag(r.Leak.At.IsZero())
	if !r.Leak.At.IsZero() {
		e.leak(r.Leak)
	}
	if r.Request.Kind == RequestRetire {
		e.keys(r.Request.Keys)
	}
	if r.Request.Kind == RequestLeaked {
		e.leak(r.Request.Leak)
		e.keys(r.Request.Keys)
	}
	if w.now < ticks(r.NotBefore) {
		e.age(w, r.NotBefore)
	} else {
		e.put(0)
	}
}

// young reports whether a listing begun now may still be wrong about what was
// created or deleted at t.
func (w *world) young(t time.Time) bool {
	return w.now-ticks(t) < int(w.c.policy.WriteDeadline/oneTick)
}

// diesYoung reports whether a key may be gone a moment after it was offered:
// whatever is retired in the ordinary way is older than an overlap.
func (w *world) diesYoung() bool {
	b := &w.c.budget
	return b.removed+b.leak+b.vanish+b.lag+b.jump > 0 || len(w.c.states) > 0
}

func (e *encoder) leak(l Leak) {
	e.put(byte(l.Overlap/oneTick), bits(l.Now))
	e.keys(l.Keep)
}

// keys writes a set.
func (e *encoder) keys(ks []KeyID) {
	var set uint32
	for _, k := range ks {
		set |= 1 << keyIndex(k)
	}
	e.put(byte(set), byte(set>>8), byte(set>>16))
}

// inSight reports whether somebody may still act on having seen a dead key.
func (w *world) inSight(k int8) bool {
	if !w.keys[k].dead {
		return true
	}
	for i := range w.c.procs {
		p := &w.procs[i]
		if p.mem == k || p.issue != nil && p.auth == k {
			return true
		}
		if p.obs == nil {
			continue
		}
		for _, l := range p.obs.Listing.Keys {
			if l.ID == keyID(k) {
				return true
			}
		}
		for _, v := range p.obs.Values {
			if v.Key == keyID(k) {
				return true
			}
		}
	}
	return false
}

// dests writes a set; its order decides nothing but which is seen to first.
func (e *encoder) dests(ds []Destination) {
	var set byte
	for _, d := range ds {
		set |= 1 << destIndex(d)
	}
	e.put(set)
}

func (e *encoder) version(w *world, d int8, v Version) {
	e.put(byte(min(w.secrets[d].n-versionNumber(v), w.c.older+2)))
}

func (e *encoder) holding(w *world, d int8, h Holding) {
	e.put(byte(h.State)<<1|bits(h.Fresh), byte(len(h.Older)), byte(keyIndex(h.Mark.Key)), byte(len(h.Mark.Shape)))
	e.edition(h.Mark.Edition)
	if h.Mark.Ledger != "" {
		e.put(byte(ledgerIndex(h.Mark.Ledger)))
	}
	e.version(w, d, h.Version)
}

func (e *encoder) place(w *world, p Place) {
	e.put(byte(p.Kind))
	if p.Kind == PlaceStore && p.Destination.Store != "" {
		d := destIndex(p.Destination)
		e.put(byte(d))
		if p.Version == "" {
			e.put(254)
			return
		}
		e.version(w, d, p.Version)
	}
}
