package rotation

// settle lets every process run on whose next effect can no longer do
// anything: a save at a revision that moved, a write with compare-and-set to a
// version that was overtaken, a write after its deadline, a delivery of an
// edition that was overtaken. Such an effect changes nothing that anybody
// sees, whenever it comes, so exploring its moments separately would only
// multiply states. Revisions and versions never come back; editions do when a
// ledger is lost or restored, and then they are left alone.
func (w *world) settle() {
	for i := range w.c.procs {
		for w.idle(&w.procs[i]) {
			w.step(i, noFault)
		}
	}
}

func (w *world) idle(p *process) bool {
	if p.phase != acting {
		return false
	}
	moved := p.rev != w.rev
	overtaken := p.deliver != nil && w.left.restore == 0 && w.left.loss == 0 &&
		(p.deliver.Offer.Edition != w.rec.Offer.Edition || p.deliver.Offer.Key != w.rec.Offer.Key)
	switch p.eff.Kind {
	case SaveRecord:
		return moved
	case CreateKey:
		return moved && w.now+w.skew >= ticks(p.eff.Deadline)
	case TryPlace, VerifyKey:
		return moved && p.issue != nil
	case LoadRecord, LookAt:
		return overtaken
	case PutKey:
		d := destIndex(p.eff.Destination)
		if w.now >= p.deadline {
			return true
		}
		return w.c.cas[d] && p.put != putMark && w.secrets[d].n != versionNumber(p.eff.Seen.Version)
	}
	return false
}
