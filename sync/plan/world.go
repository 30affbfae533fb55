package plan

import (
	"slices"
	"strconv"

	"github.com/keyrota/keyrota/rotation"
)

// world is one account's keys and destinations as they would be.
type world struct {
	listing rotation.Listing
	held    []rotation.Held
	keys    int // created so far
	writes  int
	nonces  int
}

func newWorld(o rotation.Observed) world {
	fresh := o.AsFresh() // with holdings of its own
	fresh.Listing.Keys = slices.Clone(fresh.Listing.Keys)
	return world{listing: fresh.Listing, held: fresh.Holdings}
}

func (w *world) next() string {
	w.nonces++
	return strconv.Itoa(w.nonces)
}

// numbered returns the n-th name for something new.
func numbered(n int) string {
	if n == 1 {
		return New
	}
	return New[:len(New)-1] + " " + strconv.Itoa(n) + ")"
}

func (w *world) create(l rotation.Label) rotation.KeyID {
	w.keys++
	id := rotation.KeyID(numbered(w.keys))
	w.listing.Keys = append(w.listing.Keys, rotation.Key{ID: id, Label: l})
	return id
}

func (w *world) revoke(k rotation.KeyID) {
	w.listing.Keys = slices.DeleteFunc(w.listing.Keys, func(key rotation.Key) bool { return key.ID == k })
}

// lives reports whether the platform has a key, as far as is known.
func (w *world) lives(k rotation.KeyID) bool {
	return k != "" && (!w.listing.Complete || slices.ContainsFunc(w.listing.Keys, func(key rotation.Key) bool { return key.ID == k }))
}

func (w *world) holding(d rotation.Destination) (rotation.Holding, bool) {
	for _, h := range w.held {
		if h.Destination == d {
			return h.Holding, true
		}
	}
	return rotation.Holding{}, false
}

// put has a destination hold what the mark says.
func (w *world) put(d rotation.Destination, m rotation.Mark) rotation.Holding {
	w.writes++
	after := rotation.Holding{
		State: rotation.StateMarked, Fresh: true, Version: rotation.Version(numbered(w.writes)), Mark: m,
	}
	for i := range w.held {
		if w.held[i].Destination == d {
			w.held[i].Holding = after
		}
	}
	return after
}

// effect answers as a world does in which nothing fails.
func (f *fold) effect(e rotation.Effect) rotation.Outcome {
	out := rotation.Outcome{Result: rotation.OK}
	switch e.Kind {
	case rotation.SaveRecord:
		f.save(e.Record, e.Events)
	case rotation.TryPlace:
		out.Value, out.At = f.try(e.Place), f.now
		out.Words = out.Value.Words
	case rotation.LookAt:
		h, _ := f.world.holding(e.Destination)
		if h.State == rotation.StateUnknown {
			return rotation.Outcome{Words: h.Words}
		}
		out.Holding = h
	case rotation.CreateKey:
		out.Key = f.world.create(e.Label)
		f.slots = append(f.slots, out.Key)
	case rotation.VerifyKey:
		f.kept = e.Key
		out.Value, out.At = f.try(rotation.Place{Kind: rotation.PlaceMemory}), f.now
	case rotation.PutKey:
		f.written = f.reason(e.Seen)
		out.Holding = f.world.put(e.Destination, f.mark(e))
	case rotation.RevokeKey:
		f.world.revoke(e.Key)
	case rotation.RemoveAccount:
		f.world.listing.AccountsKnown, f.world.listing.Accounts, f.world.listing.Keys = true, nil, nil
	case rotation.CreateAccount:
		out.Account = New
		f.world.listing.AccountsKnown, f.world.listing.Accounts = true, []rotation.AccountID{New}
		if f.spec.FirstKey {
			f.world.create("")
		}
	}
	return out
}

func (f *fold) mark(e rotation.Effect) rotation.Mark {
	m := rotation.Mark{
		Instance: f.spec.Instance, Ledger: f.spec.Ledger, Account: f.record.Account,
		Edition: e.Edition, Key: e.Key,
	}
	for _, w := range f.spec.Wants {
		if w.Destination == e.Destination {
			m.Shape = w.Shape
		}
	}
	return m
}
