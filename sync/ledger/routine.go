package ledger

import (
	"context"
	"database/sql"
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
// account is the one that proves it: the first that asks. Else the words say
// what holds it back and what a person can do. One that was admitted is
// admitted again for 24 hours without counting twice. All processes that use
// the ledger are counted together.
func (l *Ledger) Admit(ctx context.Context, r Routine) (words string, err error) {
	err = l.write(ctx, "admit the rotation of "+string(r.Ref), func(ctx context.Context, s session) (err error) {
		words, err = l.admit(ctx, s, r)
		return err
	})
	return words, err
}

func (l *Ledger) admit(ctx context.Context, s session, r Routine) (words string, err error) {
	now := s.back.clock(l.now)
	lanes := slices.Compact(slices.Sorted(slices.Values(r.Lanes)))
	var free []string // lanes without a canary
	for _, lane := range lanes {
		c, err := l.canaryOf(ctx, s, lane)
		switch {
		case err != nil:
			return "", err
		case c.proven || c.ref == r.Ref:
		case c.ref == "":
			free = append(free, lane)
		default:
			return fmt.Sprintf("%s goes first with this store and format, and others follow once its rotation agreed everywhere: "+
				"keyrota status %[1]s says what it waits for; keyrota rotate %s does not wait for it", c.ref, r.Ref), nil
		}
	}
	// The day of an account begins with its admission, and it may then go on.
	if _, err := s.exec(ctx, `DELETE FROM ledger_routine WHERE began <= `+now+` - ?`, routineDay.Microseconds()); err != nil {
		return "", err
	}
	var mine, others int
	var first int64
	err = s.row(ctx, `SELECT count(CASE WHEN ref = ? THEN 1 END), count(CASE WHEN ref <> ? THEN 1 END),
		coalesce(min(began), 0) FROM ledger_routine`, string(r.Ref), string(r.Ref)).Scan(&mine, &others, &first)
	if err != nil {
		return "", err
	}
	if mine == 0 && others >= r.Limit {
		words := fmt.Sprintf("max_rotations_per_day is %d, and as many began in the last 24 hours", r.Limit)
		if first > 0 {
			words += ": the next may begin at " + time.UnixMicro(first).Add(routineDay).UTC().Format(time.RFC3339)
		}
		return words + "; raise max_rotations_per_day, or name the account: keyrota rotate " + string(r.Ref), nil
	}
	if mine == 0 {
		if _, err := s.exec(ctx, `INSERT INTO ledger_routine (ref, began) VALUES (?, `+now+`)`, string(r.Ref)); err != nil {
			return "", err
		}
	}
	// What the account had to prove before its configuration changed, another
	// proves.
	if _, err := s.exec(ctx, `DELETE FROM ledger_lane WHERE canary = ? AND proven = 0`+notAmong(lanes),
		append([]any{string(r.Ref)}, anys(lanes)...)...); err != nil {
		return "", err
	}
	for _, lane := range free {
		if _, err := s.exec(ctx, `INSERT INTO ledger_lane (lane, canary, since, proven) VALUES (?, ?, `+now+`, 0)`,
			lane, string(r.Ref)); err != nil {
			return "", err
		}
	}
	return "", nil
}

// canary is the account that goes first.
type canary struct {
	ref    rotation.Ref
	proven bool
}

// canaryOf returns who proves a lane; nobody, where that account has left.
func (l *Ledger) canaryOf(ctx context.Context, s session, lane string) (canary, error) {
	var c canary
	var proven, since int64
	var now int64
	err := s.row(ctx, `SELECT canary, since, proven, `+s.back.clock(l.now)+` FROM ledger_lane WHERE lane = ?`, lane).
		Scan(&c.ref, &since, &proven, &now)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return canary{}, nil
	case err != nil:
		return canary{}, err
	case proven > 0:
		return canary{c.ref, true}, nil
	}
	rec, rev, err := readRecord(ctx, s, c.ref)
	unread := errors.Is(err, ErrDamaged) || errors.Is(err, ErrNewer)
	if err != nil && !unread {
		return canary{}, err
	}
	stands := unread || // it is there, and a person has to look at it
		rev > 0 && rec.Left.IsZero() ||
		rev == 0 && now-since < routineDay.Microseconds() // it has yet to begin
	if stands {
		return c, nil
	}
	_, err = s.exec(ctx, `DELETE FROM ledger_lane WHERE lane = ?`, lane)
	return canary{}, err
}

// Prove puts on record that an account's rotation agreed everywhere: others
// may follow on the lanes that it went first on.
func (l *Ledger) Prove(ctx context.Context, ref rotation.Ref) error {
	var waits bool
	err := l.read(ctx, "look for what "+string(ref)+" has to prove", func(ctx context.Context, s session) error {
		return s.row(ctx, `SELECT EXISTS (SELECT 1 FROM ledger_lane WHERE canary = ? AND proven = 0)`, string(ref)).Scan(&waits)
	})
	if err != nil || !waits {
		return err
	}
	return l.write(ctx, "put on record what "+string(ref)+" proved", func(ctx context.Context, s session) error {
		_, err := s.exec(ctx, `UPDATE ledger_lane SET proven = `+s.back.clock(l.now)+` WHERE canary = ? AND proven = 0`, string(ref))
		return err
	})
}

// notAmong excludes lanes from a query, each a parameter.
func notAmong(lanes []string) string {
	if len(lanes) == 0 {
		return ""
	}
	return ` AND lane NOT IN (?` + strings.Repeat(", ?", len(lanes)-1) + `)`
}

func anys(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}
