package rotation

import (
	"fmt"
	"hash/maphash"
	"strings"
	"time"
)

// explorer visits every state of a world, breadth first so that the trace of
// what breaks is a shortest one. It keeps a 128-bit hash of each state, and
// the worlds themselves only until they were expanded.
type explorer struct {
	c      *setting
	limit  int // states at most; 0: all
	seen   map[[2]uint64]uint32
	seeds  [2]maphash.Seed
	enc    encoder
	parent []uint32
	by     []uint16 // which of the parent's choices led here
	// alone says, for each state and each of its processes, where that process
	// comes to next if it runs alone and without faults: the state times procs
	// plus its place there.
	alone    []uint32
	ended    []bool // the same index: it waits, and there is nothing left to do
	queue    []*world
	horizons int
	edges    int
}

const nowhere = ^uint32(0)

// finding is a promise that broke, with the run that led there.
type finding struct {
	broken string
	trace  []string
}

// result is what exploring a world came to.
type result struct {
	states, transitions, horizons int
	took                          time.Duration
	finding                       *finding
	stopped                       bool
}

func explore(c *setting, limit int) result {
	x := &explorer{
		c: c, limit: limit, seen: map[[2]uint64]uint32{},
		seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
	}
	began := time.Now()
	r := result{finding: x.run()}
	r.states, r.transitions, r.horizons = len(x.parent), x.edges, x.horizons
	r.stopped = limit > 0 && len(x.parent) >= limit
	if r.finding == nil && !r.stopped {
		r.finding = x.convergence()
	}
	r.took = time.Since(began)
	return r
}

// visit returns the index of a state, and the order of its processes there.
func (x *explorer) visit(w *world, parent uint32, by int) (index uint32, order [maxProcs]uint8, first bool) {
	order = x.enc.state(w)
	h := [2]uint64{maphash.Bytes(x.seeds[0], x.enc.b), maphash.Bytes(x.seeds[1], x.enc.b)}
	if index, ok := x.seen[h]; ok {
		return index, order, false
	}
	index = uint32(len(x.parent))
	x.seen[h] = index
	x.parent = append(x.parent, parent)
	x.by = append(x.by, uint16(by))
	for range x.c.procs {
		x.alone = append(x.alone, nowhere)
		x.ended = append(x.ended, false)
	}
	return index, order, true
}

func (x *explorer) run() *finding {
	w := newWorld(x.c)
	_, order, _ := x.visit(w, 0, 0)
	w.sort(order)
	x.queue = append(x.queue, w)
	var buffer []choice
	for index := uint32(0); len(x.queue) > 0; index++ {
		w := x.queue[0]
		x.queue[0] = nil
		x.queue = x.queue[1:]
		buffer = w.choices(buffer)
		for n, c := range buffer {
			child := *w
			a := child.do(c)
			x.edges++
			if child.broken == "" {
				child.check()
			}
			to, order, first := x.visit(&child, index, n)
			if child.broken != "" {
				return &finding{child.broken, x.trace(to)}
			}
			if first {
				kept := child
				kept.sort(order)
				x.queue = append(x.queue, &kept)
			}
			if c.kind == goOn && c.f == noFault {
				x.follow(w, &child, c, a, index, to, order)
			}
		}
		if x.limit > 0 && len(x.parent) >= x.limit {
			return nil
		}
	}
	return nil
}

// follow notes where a process comes to alone. One that waits does so for a
// tick of the clock.
func (x *explorer) follow(w, child *world, c choice, a *Action, from, to uint32, order [maxProcs]uint8) {
	me := int(from)*x.c.procs + int(c.proc)
	if child.procs[c.proc].phase == horizon {
		x.horizons++
		x.ended[me] = true
		return
	}
	if w.skew != 0 {
		x.ended[me] = true // a person sets the clock
		return
	}
	if a != nil && a.Kind == Wait {
		if w.converged() {
			x.ended[me] = true
			return
		}
		later := *child
		later.do(choice{proc: -1, kind: tick})
		var first bool
		// The tick is one of the child's own choices: the state is reached from
		// it when it is expanded, or was.
		if to, order, first = x.visit(&later, to, child.tickChoice()); first {
			later.sort(order)
			x.queue = append(x.queue, &later)
		}
	}
	for place := range x.c.procs {
		if order[place] == uint8(c.proc) {
			x.alone[me] = to*uint32(x.c.procs) + uint32(place)
		}
	}
}

// sort puts the processes into the order of the encoding.
func (w *world) sort(order [maxProcs]uint8) {
	procs := w.procs
	for i := range w.c.procs {
		w.procs[i] = procs[order[i]]
	}
}

// convergence follows every process alone from every state.
func (x *explorer) convergence() *finding {
	good := make([]uint8, len(x.alone)) // 0 not known, 1 on the way, 2 converges
	var path []uint32
	for start := range x.alone {
		if good[start] != 0 {
			continue
		}
		at := uint32(start)
		path = path[:0]
		for at != nowhere && good[at] == 0 && !x.ended[at] {
			good[at] = 1
			path = append(path, at)
			at = x.alone[at]
		}
		if at != nowhere && !x.ended[at] && good[at] == 1 {
			return &finding{
				"convergence: a process alone never comes to an end",
				append(x.trace(uint32(start/x.c.procs)), x.runAlone(uint32(start))...),
			}
		}
		for _, p := range path {
			good[p] = 2
		}
		if at != nowhere {
			good[at] = 2
		}
	}
	return nil
}

func (x *explorer) replay(index uint32, log *trace) *world {
	var steps []int
	for i := index; i != 0; i = x.parent[i] {
		steps = append(steps, int(x.by[i]))
	}
	w := newWorld(x.c)
	w.sort(x.enc.state(w))
	w.log = log
	for i := len(steps) - 1; i >= 0; i-- {
		w.do(w.choices(nil)[steps[i]])
		w.check()
		w.sort(x.enc.state(w))
	}
	return w
}

// trace tells how a state was reached.
func (x *explorer) trace(index uint32) []string {
	log := &trace{}
	x.replay(index, log)
	return log.lines
}

// runAlone tells what a process does alone, for a while.
func (x *explorer) runAlone(start uint32) []string {
	log := &trace{}
	w := x.replay(start/uint32(x.c.procs), nil)
	w.log = log
	me := int(start) % x.c.procs
	log.lines = append(log.lines, fmt.Sprintf("---- from here on process %d runs alone", me))
	for range 40 {
		if a := w.do(choice{proc: int8(me)}); a != nil && a.Kind == Wait {
			w.do(choice{proc: -1, kind: tick})
		}
		if w.procs[me].phase == horizon {
			break
		}
	}
	return log.lines
}

func (f *finding) String() string {
	return f.broken + "\n" + strings.Join(f.trace, "\n")
}
