package rotation

import "time"

// process is one engine at work on the account. It performs one effect per
// step and may pause before any for as long as it likes.
type process struct {
	phase  phase
	cfg    int8
	ledger int8

	dests   []Destination // to look at
	looked  int8
	obs     *Observed
	places  []Place   // to read back
	before  time.Time // runs that began before are asked for
	decided int       // when it was asked last what to do
	blind   bool      // nobody could say whether a run goes on
	mem     int8      // the key whose value is held since it was created
	auth    int8      // the value read last by a procedure

	rec *Record
	rev int
	act ActionKind
	eff *Effect

	issue      *Issue
	deliver    *Deliver
	seen       *Holding
	retire     *Retire
	discard    *Discard
	quarantine *Quarantine
	remove     *Remove
	queue      []Destination
	enough     bool // one of them that takes it is enough

	put      putStep
	written  int
	deadline int
	shape    Shape
}

type phase uint8

const (
	resting  phase = iota // about to peek at the record and to list
	looking               // about to look at dests[looked]
	listing               // about to be given the keys that it asked for before it looked
	deciding              // about to load the record
	seeking               // about to read places[0] back
	asking                // about to ask for runs
	acting                // about to perform eff
	horizon               // beyond what is explored
)

type putStep uint8

const (
	putCompare putStep = iota
	putData
	putMark
)

// fault is how an effect goes wrong.
type fault uint8

const (
	noFault      fault = iota
	lostAfter          // it happens, and its answer is lost
	lostBefore         // it does not happen, and no answer says so
	lostInFlight       // no answer, and it may happen yet
	refusedOnce
	deniedOnce
	partial          // a listing breaks off at once
	partialButNewest // and before the newest key
	lagging          // the answer is as things were a moment before
	unreachable
	unanswered // no answer, and there may be one the next time
)

// step performs the next effect of process i. It returns what Next decided, if
// it was asked.
func (w *world) step(i int, f fault) *Action {
	p := &w.procs[i]
	switch p.phase {
	case resting:
		w.list(i, f)
	case looking:
		w.lookNext(i, f)
	case listing:
		w.listKeys(p.obs, i, f)
		p.phase = deciding
	case deciding:
		return w.decide(i)
	case seeking:
		v, _ := w.try(i, p.places[0])
		if f == unreachable {
			v = Value{Place: p.places[0], Words: "no answer"}
		}
		w.say(i, "reads %s back: %s %s", w.placeWords(p.places[0]), verdictWords(v.Verdict), v.Key)
		o := *p.obs
		o.Values = append(o.Values[:len(o.Values):len(o.Values)], v)
		p.obs = &o
		if p.places = p.places[1:]; len(p.places) == 0 {
			p.phase = deciding
		}
	case asking:
		w.askRuns(i, f)
	case acting:
		w.perform(i, f)
	}
	return nil
}

// list peeks at the record and takes the platform's listing; in a late world
// the answer comes only after all looks.
func (w *world) list(i int, f fault) {
	p := &w.procs[i]
	p.cfg, p.ledger = w.cfg, w.ledger
	p.shape = ""
	l := Listing{
		Complete: true, Fresh: true,
		Offered: w.rec.Offer.Edition, Account: w.rec.Account, Record: w.rec.Stamp(), At: w.clock(),
	}
	// An account that is known is looked up by its id, and found not to be there.
	l.AccountsKnown = w.rec.Account == "" || w.gone || w.taken
	if w.rec.Account == "" && !w.gone && !w.taken {
		l.Accounts = []AccountID{accountID}
	}
	p.obs = &Observed{Listing: l, LastUse: w.lastUse()}
	if w.c.late {
		w.say(i, "asks for the keys")
	} else {
		w.listKeys(p.obs, i, f)
	}
	if p.mem != nothing {
		p.obs.Values = []Value{{Place: Place{Kind: PlaceMemory}, Verdict: Live, Key: keyID(p.mem), Account: accountID, Skew: -time.Duration(w.skew) * oneTick}}
	}
	p.dests = w.spec(p).Destinations(*w.rec)
	p.looked, p.phase = 0, looking
	if len(p.dests) == 0 {
		p.phase = w.looked()
	}
	for w.c.merged && p.phase == looking {
		w.lookNext(i, noFault)
	}
}

func (w *world) lookNext(i int, f fault) {
	p := &w.procs[i]
	d := destIndex(p.dests[p.looked])
	h := w.lookAs(d, f)
	w.say(i, "looks at %s: %s", destinations[d], w.shown(h))
	o := *p.obs
	o.Holdings = append(o.Holdings[:len(o.Holdings):len(o.Holdings)], Held{destinations[d], h})
	p.obs = &o
	if p.looked++; int(p.looked) == len(p.dests) {
		p.phase = w.looked()
	}
}

// looked is the phase after the last look.
func (w *world) looked() phase {
	if w.c.late {
		return listing
	}
	return deciding
}

// listKeys completes the listing of an observation with the keys there are.
func (w *world) listKeys(obs *Observed, i int, f fault) {
	o := *obs
	l := o.Listing
	for k := range w.made {
		if f == partial || f == partialButNewest && k == w.made-1 {
			break
		}
		if key := &w.keys[k]; !key.dead && !(f == lagging && key.born == w.now && !key.known) || f == lagging && key.dead && key.died == w.now {
			l.Keys = append(l.Keys, Key{ID: keyID(int8(k)), Label: key.label})
		}
	}
	if f == partial || f == partialButNewest {
		l.Complete, l.AccountsKnown, l.Words = false, false, "broke off"
	}
	w.say(i, "lists the keys: %v", keysOf(l))
	o.Listing = l
	w.procs[i].obs = &o
}

// decide loads the record and asks Next.
func (w *world) decide(i int) *Action {
	p := &w.procs[i]
	p.rec, p.rev = w.rec, w.rev
	s := w.spec(p)
	a := Next(s, *p.rec, *p.obs, w.clock())
	if w.log != nil {
		w.say(i, "loads the record (%s) and decides: %s %s(rule %d: %s)", w.recordWords(p.rec), a.Kind, withSpace(string(a.Key)), a.Rule, a.Why)
	}
	p.act, p.decided = a.Kind, w.now
	switch a.Kind {
	case Wait:
		*p = process{mem: nothing, auth: nothing}
	case LookFreshly:
		p.rest()
	case Seek:
		p.places, p.phase = a.Places, seeking
	case AskUse:
		p.before, p.phase = a.Before, asking
	case Save:
		w.checkCalled(p, a.Record)
		p.eff, p.phase = &Effect{Kind: SaveRecord, Record: a.Record}, acting
	case DoIssue:
		if w.nonces == w.c.nonces {
			*p = process{phase: horizon, mem: nothing, auth: nothing}
			break
		}
		p.issue = &Issue{Auth: a.Places[0], Nonce: string(rune('a' + w.nonces)), Worker: "w"}
		w.nonces++
		w.advance(i, Outcome{})
	case DoDeliver:
		p.queue, p.enough = a.Destinations, a.Enough
		p.deliver = &Deliver{Destination: a.Destinations[0], Offer: p.rec.Offer}
		p.seen = &Holding{}
		w.advance(i, Outcome{})
	case DoRetire:
		p.retire, p.blind = &Retire{Key: a.Key}, w.blind(p)
		w.advance(i, Outcome{})
	case DoDiscard:
		p.discard = &Discard{Key: a.Key, Label: a.Label}
		w.advance(i, Outcome{})
	case DoQuarantine:
		p.quarantine = &Quarantine{Key: a.Key}
		w.advance(i, Outcome{})
	case DoRemove:
		p.remove = &Remove{}
		w.advance(i, Outcome{})
	default:
		w.violate("nobody performs %s here", a.Kind)
	}
	return &a
}

// rest ends a turn: the next begins with a new look.
func (p *process) rest() { *p = process{mem: p.mem, auth: nothing} }

// advance hands an outcome to the procedure and takes its next effect.
func (w *world) advance(i int, in Outcome) {
	p := &w.procs[i]
	s, now := w.spec(p), w.clock()
	var e Effect
	p.phase, p.obs, p.dests, p.places, p.looked = acting, nil, nil, nil, 0
	switch {
	case p.issue != nil:
		next, eff := p.issue.Step(s, *p.rec, in, now)
		p.issue, e = &next, eff
	case p.deliver != nil:
		seen := DeliverState{Seen: *p.seen}
		next, eff := p.deliver.Step(s, *p.rec, &seen, in, now)
		p.deliver, e, p.seen = &next, eff, &seen.Seen
	case p.retire != nil:
		next, eff := p.retire.Step(s, *p.rec, in, now)
		p.retire, e = &next, eff
	case p.discard != nil:
		next, eff := p.discard.Step(s, *p.rec, in, now)
		p.discard, e = &next, eff
	case p.quarantine != nil:
		next, eff := p.quarantine.Step(s, *p.rec, in, now)
		p.quarantine, e = &next, eff
	case p.remove != nil:
		next, eff := p.remove.Step(s, *p.rec, in, now)
		p.remove, e = &next, eff
	}
	switch e.Kind {
	case Done:
		if e.Words != "" {
			w.say(i, "ends early: %s", e.Words)
		}
		if len(p.queue) > 1 && !(p.enough && e.Words == "") {
			p.queue = p.queue[1:]
			p.deliver = &Deliver{Destination: p.queue[0], Offer: p.deliver.Offer}
			p.seen = &Holding{}
			w.advance(i, Outcome{})
			return
		}
		p.rest()
		return
	case PutKey:
		p.put, p.written = putCompare, 0
		p.deadline = ticks(e.Deadline) - w.skew
		if want, ok := s.want(e.Destination); ok {
			p.shape = want.Shape
		}
	}
	p.eff = &e
}
