package rotation

import (
	"fmt"
	"strings"
)

func (w *world) shown(h Holding) string {
	s := h.State.String()
	if h.State == StateMarked || h.State == StateEdited {
		s += fmt.Sprintf(", version %s, mark of edition %d %s", h.Version, h.Mark.Edition, h.Mark.Key)
	}
	return s
}

func (w *world) valueWords(v int8) string {
	switch v {
	case nothing:
		return "nothing"
	case garbage:
		return "something dead"
	case someoneElses:
		return "someone else's key"
	}
	return string(keyID(v))
}

func (w *world) placeWords(p Place) string {
	switch p.Kind {
	case PlaceMemory:
		return "memory"
	case PlacePlatform:
		return "the platform's first key"
	}
	return fmt.Sprintf("%s version %q", p.Destination, p.Version)
}

func verdictWords(v Verdict) string {
	return [...]string{"unreached", "live", "dead", "foreign", "unreadable"}[v]
}

func withSpace(s string) string {
	if s == "" {
		return ""
	}
	return s + " "
}

func keysOf(l Listing) string {
	if !l.Complete {
		return "incomplete"
	}
	var ids []string
	for _, k := range l.Keys {
		ids = append(ids, string(k.ID))
	}
	return strings.Join(ids, " ")
}

func leakShown(q Request) string {
	if q.Kind != RequestLeaked {
		return ""
	}
	return fmt.Sprintf("overlap %d, now %v, delete %v, keep %v", q.Leak.Overlap/oneTick, q.Leak.Now, q.Keys, q.Leak.Keep)
}

func (w *world) recordWords(r *Record) string {
	if w.log == nil {
		return ""
	}
	s := fmt.Sprintf("seq %d, offer %d %s", r.Seq, r.Offer.Edition, r.Offer.Key)
	if r.Account == "" {
		s = "empty"
	}
	if r.Intent.Label != "" {
		s += ", intent " + string(r.Intent.Label)
	}
	for _, a := range r.Abandoned {
		s += ", abandoned " + string(a.Label)
	}
	for _, o := range r.Old {
		s += fmt.Sprintf(", old %d %s", o.Edition, o.Key)
		if o.Condemned {
			s += " condemned"
		}
		if o.Ended {
			s += " ended"
		}
	}
	if !r.Agreed.IsZero() {
		s += fmt.Sprintf(", agreed at %d", ticks(r.Agreed))
	}
	if r.Leaked > 0 {
		s += fmt.Sprintf(", leaked %d", r.Leaked)
	}
	if r.Emergency() {
		s += fmt.Sprintf(", overlap %d, now %v, keep %v", r.Leak.Overlap/oneTick, r.Leak.Now, r.Leak.Keep)
	}
	if len(r.Strange) > 0 {
		s += fmt.Sprintf(", unexplained %v", r.Strange)
	}
	if len(r.HeldBy) > 0 {
		s += ", held by a run"
	}
	if r.Off.State != "" {
		s += fmt.Sprintf(", off: %s, warned at %d, begun %v, done %v, gone %v", r.Off.State, ticks(r.Off.Warned), !r.Off.Begun.IsZero(), !r.Off.Done.IsZero(), !r.Off.Gone.IsZero())
	}
	if r.Request.Kind != RequestNone {
		s += fmt.Sprintf(", request %s %s", r.Request.Kind, r.Request.Key)
	}
	if r.Parked != "" {
		s += ", parked: " + r.Parked
	}
	return s
}
