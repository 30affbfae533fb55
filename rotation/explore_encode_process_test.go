package rotation

import "time"

func (e *encoder) process(w *world, p *process) {
	e.put(byte(p.phase), byte(p.mem))
	switch p.phase {
	case resting, horizon:
		return
	case looking, listing, deciding, seeking, asking:
		e.put(byte(p.cfg), byte(p.ledger))
		e.observed(w, p)
	case acting:
		e.put(byte(p.cfg), byte(p.ledger))
		e.procedure(w, p)
	}
}

func (e *encoder) observed(w *world, p *process) {
	l := &p.obs.Listing
	e.edition(l.Offered)
	e.put(bits(l.Record == w.rec.Stamp(), w.backup != nil && l.Record == w.backup.Stamp(), l.Complete, l.Account != "", len(l.Accounts) > 0), byte(len(l.Keys)))
	for _, k := range l.Keys {
		e.put(byte(keyIndex(k.ID)))
	}
	for _, a := range w.rec.Abandoned {
		e.put(byte(min(max(ticks(l.At)-ticks(a.At), 0), 2)))
	}
	lags := func(t time.Time) bool { return l.At.Before(t.Add(w.c.policy.WriteDeadline)) }
	if w.diesYoung() {
		e.flag(lags(w.rec.Offer.Issued))
		for _, o := range w.rec.Old {
			e.flag(lags(o.Issued))
		}
	}
	for _, g := range w.rec.Gone {
		if (w.c.budget.lag > 0 || len(w.c.states) > 0) && lags(g.At) {
			e.put(200 + byte(keyIndex(g.Key)))
		}
	}
	e.put(byte(p.looked))
	if p.phase == looking {
		e.dests(p.dests)
	}
	if w.c.beats {
		e.seenUse(p.obs.Use)
		if p.phase == asking {
			e.age(w, p.before)
		}
	}
	if len(w.c.states) > 0 {
		e.flag(!p.obs.LastUse.At.IsZero())
	}
	for _, h := range p.obs.Holdings {
		d := destIndex(h.Destination)
		e.put(byte(d))
		e.holding(w, d, h.Holding)
	}
	e.put(byte(len(p.obs.Values)))
	for _, v := range p.obs.Values {
		e.place(w, v.Place)
		e.put(byte(v.Verdict), byte(keyIndex(v.Key)))
	}
	if p.phase == seeking {
		e.put(byte(len(p.places)))
		for _, at := range p.places {
			e.place(w, at)
		}
	}
}

func (e *encoder) procedure(w *world, p *process) {
	current := p.rev == w.rev
	e.put(byte(p.act), byte(p.eff.Kind), bits(current, p.blind))
	switch {
	case p.act == Save:
		e.flag(!p.obs.LastUse.At.IsZero())
		if w.c.budget.jump > 0 {
			e.age(w, at(p.decided))
		}
		if current { // otherwise it is not saved, whatever it says
			e.record(w, &p.eff.Record)
		}
	case p.issue != nil:
		q := p.issue
		if q.label != "" {
			e.edition(labelEdition(q.label))
		}
		e.put(byte(q.step), labelIndex(q.label), q.Nonce[0], byte(keyIndex(q.key)), byte(p.auth))
		e.place(w, q.Auth)
		if current {
			e.record(w, p.rec)
		}
		if p.eff.Kind == SaveRecord && current {
			e.record(w, &p.eff.Record)
		}
		if p.eff.Kind == CreateKey || p.eff.Kind == VerifyKey && w.nonces < w.c.rotations {
			e.age(w, q.begun)
		}
	case p.deliver != nil:
		q := p.deliver
		e.edition(q.Offer.Edition)
		e.put(byte(q.step), byte(keyIndex(q.Offer.Key)))
		e.dests(p.queue)
		e.flag(p.enough)
		d := destIndex(q.Destination)
		e.put(byte(d))
		if p.eff.Kind == LookAt {
			break
		}
		e.holding(w, d, p.seen.clean())
		e.put(byte(min(max(ticks(q.deadline)-w.now, 0), 8)))
		if p.eff.Kind == SaveRecord && current {
			e.record(w, &p.eff.Record)
		}
		if p.eff.Kind == PutKey {
			e.put(byte(p.put), byte(keyIndex(p.eff.Key)), byte(len(p.shape)))
			e.put(byte(min(max(p.deadline-w.now, 0), 8)))
			if p.put == putMark {
				e.put(byte(min(w.secrets[d].n-p.written, w.c.older+2)))
			}
		}
	case p.retire != nil:
		q := p.retire
		e.put(byte(q.step), byte(keyIndex(q.Key)), byte(q.at), byte(keyIndex(q.offer.Key)), bits(q.cut))
		e.edition(q.offer.Edition)
		e.flag(q.agreed.Equal(w.rec.Agreed))
		e.flag(w.backup != nil && q.agreed.Equal(w.backup.Agreed))
		e.place(w, q.verified)
		e.record(w, p.rec)
		if p.eff.Kind == SaveRecord && current {
			e.record(w, &p.eff.Record)
		}
	case p.quarantine != nil:
		q := p.quarantine
		e.put(byte(q.step), byte(keyIndex(q.Key)))
		e.record(w, p.rec)
		if p.eff.Kind == SaveRecord && current {
			e.record(w, &p.eff.Record)
		}
	case p.remove != nil:
		e.put(byte(p.remove.step))
		e.record(w, p.rec)
		if p.eff.Kind == SaveRecord && current {
			e.record(w, &p.eff.Record)
		}
	case p.discard != nil:
		q := p.discard
		e.put(bits(q.revoked, q.end), byte(keyIndex(q.Key)))
		if current {
			e.record(w, p.rec)
		}
	}
}

// clean returns h without what no delivery reads.
func (h Holding) clean() Holding {
	h.Older = nil
	return h
}
