package federation

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/finding"
)

// Kept is what came of keeping an account's JWT fresh.
type Kept struct {
	Ref    rotation.Ref
	Places []PlaceKept
	// Federation is what was found when a fresh JWT was tried; its At is zero where
	// none was needed.
	Federation finding.Federation
	Next       time.Time // when something is due next; zero: at the next pass
}

// PlaceKept is one place that a JWT is kept at.
type PlaceKept struct {
	Name    string    // a destination, or file:/path
	Written bool      // it was given a fresh one now
	Until   time.Time // how long what it holds is good; zero: not known
	Words   string    // why it could not be kept; empty: it is
}

// Keep sees to it that every place where a JWT of the account is kept holds one
// with half of its life before it, or the newest that there is where somebody
// else makes it. A JWT is kept only once the platform exchanged it; a place that
// is not ours is left alone. Nothing is written while nothing is due.
func (w *Worker) Keep(ctx context.Context, a Account) Kept {
	k := Kept{Ref: a.Ref}
	now := w.Now()
	due := false
	all := w.kept(ctx, a)
	for _, p := range all {
		due = due || p.err == nil && p.due(a, now)
	}
	var t Trial
	switch {
	case a.config.Identity.TokenFile != "":
		// A file costs nothing to read, and a newer JWT in it is taken at once.
		due = false
		jwt, claims, err := w.jwt(ctx, a)
		for _, p := range all {
			due = due || err != nil || p.err == nil && p.claims.Expires.Before(claims.Expires)
		}
		if due && err == nil {
			t = Trial{At: now, jwt: jwt, Claims: claims, Steps: claims.wrong(a.config, now)}
			w.exchange(ctx, a, &t)
		} else if due {
			t = Trial{At: now}
			t.failed("jwt", err)
		}
	case due:
		t = w.Try(ctx, a)
	}
	if due {
		k.Federation = t.finding(a)
	}
	for _, p := range all {
		k.Places = append(k.Places, w.settle(ctx, a, p, t))
	}
	k.Next = next(a, all, k, now)
	return k
}

// held is what one place holds, as far as it is known.
type held struct {
	name   string
	claims Claims // zero: nothing
	err    error  // why it cannot be kept here
	place  *place // nil: the file
	seen   rotation.Holding
}

// due says whether an identity provider is to be asked for a fresh JWT.
func (h held) due(a Account, now time.Time) bool {
	return a.config.Identity.TokenURL != "" && (h.claims.Expires.IsZero() || !now.Before(h.claims.halfway(now)))
}

// kept looks at every place.
func (w *Worker) kept(ctx context.Context, a Account) []held {
	var all []held
	for i := range a.places {
		p := &a.places[i]
		h := held{name: p.String(), place: p}
		h.err = w.Call.Read(ctx, p.Store, "look", func(ctx context.Context) (err error) {
			h.seen, err = w.Stores[p.Store].Look(ctx, p.Destination)
			return err
		})
		if h.err == nil {
			h.claims, h.err = w.ours(*p, h.seen)
		}
		all = append(all, h)
	}
	if file := a.config.Identity.KeepFile; file != "" {
		claims, err := heldByFile(file, a.config.Subject)
		all = append(all, held{name: "file:" + file, claims: claims, err: err})
	}
	return all
}

// ours reads from a mark what JWT a destination holds, and refuses what is not
// ours: the mark names it by its times in place of an edition and a key's id, so
// that nothing needs to be read back.
func (w *Worker) ours(p place, h rotation.Holding) (Claims, error) {
	switch h.State {
	case rotation.StateAbsent:
		return Claims{}, nil
	case rotation.StateMarked, rotation.StateEdited:
		issued, jwt := strings.CutPrefix(string(h.Mark.Key), markedJWT)
		at, err := strconv.ParseInt(issued, 10, 64)
		if !jwt || err != nil || h.Mark.Instance != w.Instance {
			return Claims{}, fmt.Errorf("what is at %s bears a mark of keyrota that is not of a JWT of this instance: keep it elsewhere", p)
		}
		if h.State == rotation.StateEdited || h.Mark.Shape != p.form.Shape() {
			return Claims{}, nil
		}
		return Claims{Issued: time.Unix(at, 0).UTC(), Expires: time.Unix(int64(h.Mark.Edition), 0).UTC()}, nil
	case rotation.StateBare:
		return Claims{}, fmt.Errorf("what is at %s is not keyrota's: keep the JWT elsewhere, or delete what is there if nobody reads it", p)
	}
	return Claims{}, fmt.Errorf("what is at %s is not known: %s", p, h.Words)
}

// markedJWT begins the key id in the mark of a JWT.
const markedJWT = "jwt-"

// settle writes the fresh JWT to one place, if there is one and it is newer than
// what is there.
func (w *Worker) settle(ctx context.Context, a Account, h held, t Trial) PlaceKept {
	k := PlaceKept{Name: h.name, Until: h.claims.Expires}
	switch {
	case h.err != nil:
		k.Words = h.err.Error()
		return k
	case t.At.IsZero():
		return k
	case !t.Works():
		if h.due(a, t.At) || h.claims.Expires.IsZero() || !t.At.Before(h.claims.Expires) {
			k.Words = t.Words()
		}
		return k
	case !h.claims.Expires.Before(t.Claims.Expires):
		return k // it has one as new
	}
	var err error
	if h.place == nil {
		err = writeFile(a.config.Identity.KeepFile, t.jwt)
	} else {
		err = w.put(ctx, h, t)
	}
	if err != nil {
		k.Words = err.Error()
		return k
	}
	k.Written, k.Until = true, t.Claims.Expires
	return k
}

func (w *Worker) put(ctx context.Context, h held, t Trial) error {
	p := h.place
	if h.seen.Mark.Account != "" && h.seen.Mark.Account != t.Account {
		return fmt.Errorf("what is at %s is the JWT of another account: keep each at a place of its own", p)
	}
	payload, err := p.form.Render(t.jwt)
	if err != nil {
		return err
	}
	payload.NotBefore, payload.Expires = t.Claims.begun(t.At), t.Claims.Expires
	store := w.Stores[p.Store]
	if err := store.Check(p.Destination, payload); err != nil {
		return err
	}
	mark := rotation.Mark{
		Instance: w.Instance, Ledger: w.Ledger, Account: t.Account, Shape: p.form.Shape(),
		Edition: rotation.Edition(t.Claims.Expires.Unix()),
		Key:     rotation.KeyID(markedJWT + strconv.FormatInt(t.Claims.begun(t.At).Unix(), 10)),
	}
	err = w.Call.Once(ctx, p.Store, "put", func(ctx context.Context) error {
		_, err := store.Put(ctx, p.Destination, payload, mark, h.seen)
		return err
	})
	if providers.KindOf(err) == providers.Conflict && err != nil {
		return errors.Join(err, errors.New("another keyrota may have written it: the next pass looks again"))
	}
	return err
}

// next is when the first of the places is due again.
func next(a Account, all []held, k Kept, now time.Time) time.Time {
	if a.config.Identity.TokenFile != "" {
		return time.Time{}
	}
	var first time.Time
	for i, h := range all {
		c := h.claims
		if k.Places[i].Words != "" {
			return time.Time{}
		}
		if k.Places[i].Written {
			c = Claims{Issued: k.Federation.Issued, Expires: k.Federation.Expires}
		}
		if at := c.halfway(now); first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}
