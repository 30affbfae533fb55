package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

// Routine is a rotation that is due by itself.
type Routine struct {
	Ref rotation.Ref
	// Limit is how many accounts may begin one within 24 hours.
	Limit int
	// Lanes are what one account must have proven before others follow, such as
	// a store by its digest together with a format.
	Lanes []string
}

// routineDay is what the limit counts over.
const routineDay = 24 * time.Hour

// Admit lets a routine rotation begin, and has that on record, if fewer than
// its limit began in the last 24 hours, and if every lane is proven or this
// account is the one that proves it: the first that asks. Where that one fails
// before its key is offered, another takes its place. Else the Hold says
// what holds it back and what a person can do. One that was admitted is
// admitted again for 24 hours without counting twice. All processes that use
// the ledger are counted together.
func (l *Ledger) Admit(ctx context.Context, r Routine) (hold rotation.Hold, err error) {
	err = l.write(ctx, "admit the rotation of "+string(r.Ref), func(ctx context.Context, s session) (err error) {
		hold, err = l.admit(ctx, s, r)
		return err
	})
	return hold, err
}

func (l *Ledger) admit(ctx context.Context, s session, r Routine) (rotation.Hold, error) {
	may := rotation.Hold{}
	g, err := l.readGate(ctx, s, r.Ref)
	if err != nil {
		return may, err
	}
	hold, free := g.admit(r)
	if hold != may {
		return hold, nil
	}
	// The day of an account begins with its admission, and it may then go on.
	if _, err := s.exec(ctx, `DELETE FROM ledger_routine WHERE began <= ?`, g.now-routineDay.Microseconds()); err != nil {
		return may, err
	}
	if _, err := s.exec(ctx, `INSERT INTO ledger_routine (ref, began) VALUES (?, ?) ON CONFLICT DO NOTHING`, string(r.Ref), g.now); err != nil {
		return may, err
	}
	// What the account had to prove before its configuration changed, another
	// proves.
	if _, err := s.exec(ctx, `DELETE FROM ledger_lane WHERE canary = ? AND proven = 0`+notAmong(r.Lanes),
		append([]any{string(r.Ref)}, anys(r.Lanes)...)...); err != nil {
		return may, err
	}
	return may, l.goFirst(ctx, s, r.Ref, free)
}

// Held returns what Admit would say to each, in this order and as if those
// before it had begun, and puts nothing on record: for plans, and for who looks
// at many accounts before working on some.
func (l *Ledger) Held(ctx context.Context, all []Routine) (holds []rotation.Hold, err error) {
	var g gate
	err = l.read(ctx, "read which rotations may begin", func(ctx context.Context, s session) (err error) {
		g, err = l.readGate(ctx, s, "")
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		hold, _ := g.admit(r)
		holds = append(holds, hold)
	}
	return holds, nil
}

// gate is what routine rotations are held to, at one moment.
type gate struct {
	now   int64 // microseconds, by the clock of all who use the ledger
	count int   // of those that began within a day before
	first int64 // when the first of them began
	began map[rotation.Ref]bool
	lanes map[string]canary
}

// canary is the account that goes first on a lane.
type canary struct {
	ref    rotation.Ref
	proven bool
	words  string // what is in its way, for people
}

// admit says what holds a rotation back, or lets it begin and returns the lanes
// on which it goes first.
func (g *gate) admit(r Routine) (hold rotation.Hold, free []string) {
	for _, lane := range slices.Compact(slices.Sorted(slices.Values(r.Lanes))) {
		switch c, known := g.lanes[lane]; {
		case !known:
			free = append(free, lane)
		case !c.proven && c.ref != r.Ref:
			return rotation.Hold{Stuck: c.words != "", Words: fmt.Sprintf("%s goes first with this store and format, and others follow once its new key arrived there%s: "+
				"keyrota status %[1]s says what it waits for; keyrota rotate %[3]s goes in its place", c.ref, c.words, r.Ref)}, nil
		}
	}
	if !g.began[r.Ref] {
		if g.count >= r.Limit {
			return rotation.Hold{Until: time.UnixMicro(g.first).Add(routineDay).UTC(), Words: fmt.Sprintf(
				"max_rotations_per_day is %d, and as many began in the last 24 hours: wait, raise it, or name the account: keyrota rotate %s", r.Limit, r.Ref)}, nil
		}
		g.began[r.Ref] = true
		g.count++
	}
	for lane, c := range g.lanes {
		if c.ref == r.Ref && !c.proven && !slices.Contains(r.Lanes, lane) {
			delete(g.lanes, lane)
		}
	}
	for _, lane := range free {
		g.lanes[lane] = canary{ref: r.Ref}
	}
	return rotation.Hold{}, free
}

// readGate reads what one account is held to, or with an empty ref all.
func (l *Ledger) readGate(ctx context.Context, s session, ref rotation.Ref) (gate, error) {
	g := gate{began: map[rotation.Ref]bool{}, lanes: map[string]canary{}}
	now := s.back.clock(l.now)
	err := s.row(ctx, `SELECT `+now+`, count(*), coalesce(min(began), `+now+`) FROM ledger_routine WHERE began > `+now+` - ?`,
		routineDay.Microseconds()).Scan(&g.now, &g.count, &g.first)
	if err != nil {
		return g, err
	}
	query, args := `SELECT ref FROM ledger_routine WHERE began > ?`, []any{g.now - routineDay.Microseconds()}
	if ref != "" {
		query, args = query+` AND ref = ?`, append(args, string(ref))
	}
	err = s.each(ctx, func(scan func(...any) error) error {
		var ref rotation.Ref
		err := scan(&ref)
		g.began[ref] = true
		return err
	}, query, args...)
	if err != nil {
		return g, err
	}
	since := map[string]int64{}
	err = s.each(ctx, func(scan func(...any) error) error {
		var lane string
		var c canary
		var at, proven int64
		err := scan(&lane, &c.ref, &at, &proven)
		c.proven = proven > 0
		g.lanes[lane], since[lane] = c, at
		return err
	}, `SELECT lane, canary, since, proven FROM ledger_lane`)
	if err != nil {
		return g, err
	}
	for lane, c := range g.lanes {
		if c.proven {
			continue
		}
		stands, err := g.stands(ctx, s, &c, since[lane])
		if err != nil {
			return g, err
		}
		if g.lanes[lane] = c; !stands {
			delete(g.lanes, lane)
		}
	}
	return g, nil
}

// goesFirstWithin is how long an account that goes first may take until its key
// is created; it is longer than a pass.
const goesFirstWithin = 30 * time.Minute

// stands reports whether an account that goes first still can, and what is in
// its way.
func (g gate) stands(ctx context.Context, s session, c *canary, since int64) (bool, error) {
	rec, rev, err := readRecord(ctx, s, c.ref)
	switch {
	case errors.Is(err, ErrDamaged) || errors.Is(err, ErrNewer):
		c.words = ", and its record cannot be read"
		return true, nil // a person has to look at it
	case err != nil:
		return false, err
	case rev == 0:
		return g.now-since < routineDay.Microseconds(), nil // it has yet to begin
	case !rec.Left.IsZero():
		return false, nil
	case !rec.Agreed.IsZero() && len(rec.Old) == 0 && rec.Intent.Label == "" &&
		(rec.Parked != "" || rec.Tries > 0 || g.now-since >= goesFirstWithin.Microseconds()):
		// It was offered nothing, so what keeps it says nothing of the lane.
		return false, nil
	case len(rec.Old) > 0 && rec.Agreed.UnixMicro() >= since:
		c.proven = true // and whoever was to say so was cut short
	case rec.Parked != "":
		c.words = ", and it is parked"
	case rec.Tries > 0:
		c.words = fmt.Sprintf(", and no key could be created for it (%d tries)", rec.Tries)
	}
	return true, nil
}

// Begin puts on record that a rotation begins which nothing holds back: what a
// person asks for goes first on every lane that is not proven, in place of
// whoever was to.
func (l *Ledger) Begin(ctx context.Context, ref rotation.Ref, lanes []string) error {
	if len(lanes) == 0 {
		return nil
	}
	doing := "put on record what " + string(ref) + " goes first on"
	var g gate
	err := l.read(ctx, doing, func(ctx context.Context, s session) (err error) {
		g, err = l.readGate(ctx, s, ref)
		return err
	})
	proven := func(lane string) bool { return g.lanes[lane].proven }
	if lanes = slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(lanes))), proven); err != nil || len(lanes) == 0 {
		return err
	}
	return l.write(ctx, doing, func(ctx context.Context, s session) error { return l.goFirst(ctx, s, ref, lanes) })
}

// goFirst has an account go first on lanes, from now on, unless they are proven.
func (l *Ledger) goFirst(ctx context.Context, s session, ref rotation.Ref, lanes []string) error {
	for _, lane := range lanes {
		if _, err := s.exec(ctx, `INSERT INTO ledger_lane (lane, canary, since, proven) VALUES (?, ?, `+s.back.clock(l.now)+`, 0)
			ON CONFLICT (lane) DO UPDATE SET canary = excluded.canary, since = excluded.since WHERE ledger_lane.proven = 0`, lane, string(ref)); err != nil {
			return err
		}
	}
	return nil
}

// Prove puts on record that a key of this account, offered at a time, arrived
// wherever these lanes lead: others may follow on those that it went first on
// since before that time.
func (l *Ledger) Prove(ctx context.Context, ref rotation.Ref, offered time.Time, lanes []string) error {
	if len(lanes) == 0 {
		return nil
	}
	mine := ` canary = ? AND proven = 0 AND since <= ? AND lane IN (` + among(lanes) + `)`
	args := append([]any{string(ref), offered.UnixMicro()}, anys(lanes)...)
	var waits bool
	err := l.read(ctx, "look for what "+string(ref)+" has to prove", func(ctx context.Context, s session) error {
		return s.row(ctx, `SELECT EXISTS (SELECT 1 FROM ledger_lane WHERE`+mine+`)`, args...).Scan(&waits)
	})
	if err != nil || !waits {
		return err
	}
	return l.write(ctx, "put on record what "+string(ref)+" proved", func(ctx context.Context, s session) error {
		_, err := s.exec(ctx, `UPDATE ledger_lane SET proven = `+s.back.clock(l.now)+` WHERE`+mine, args...)
		return err
	})
}

// notAmong excludes lanes from a query, each a parameter.
func notAmong(lanes []string) string {
	if len(lanes) == 0 {
		return ""
	}
	return ` AND lane NOT IN (` + among(lanes) + `)`
}

func among(lanes []string) string { return "?" + strings.Repeat(", ?", len(lanes)-1) }

func anys(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}
