package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/usage"
)

// ownUse is where what keyrota did itself stands among the sources.
const ownUse = usage.Source("own")

// Usage returns what is known of the use of every account that a source showed,
// those that are in no configuration among them. Where some cannot be read it
// returns the others, and an error that names each that is missing.
func (l *Ledger) Usage(ctx context.Context) (map[rotation.Ref]usage.Evidence, error) {
	return l.usage(ctx, "read the use of all accounts", `SELECT ref, source, body FROM ledger_usage`)
}

// UsageOf returns what is known of the use of one account.
func (l *Ledger) UsageOf(ctx context.Context, ref rotation.Ref) (usage.Evidence, error) {
	all, err := l.usage(ctx, "read the use of "+string(ref), `SELECT ref, source, body FROM ledger_usage WHERE ref = ?`, string(ref))
	return all[ref], err
}

func (l *Ledger) usage(ctx context.Context, doing, query string, args ...any) (map[rotation.Ref]usage.Evidence, error) {
	all := map[rotation.Ref]usage.Evidence{}
	var unread []error
	err := l.read(ctx, doing, func(ctx context.Context, s session) error {
		return s.each(ctx, func(scan func(...any) error) error {
			var ref rotation.Ref
			var source usage.Source
			var body []byte
			if err := scan(&ref, &source, &body); err != nil {
				return err
			}
			u, err := decodeUse(body)
			if err != nil {
				unread = append(unread, fmt.Errorf("ledger %s: the use of %s by %s: %w", l.Name(), ref, source, err))
				return nil
			}
			e, ok := all[ref]
			if !ok {
				e = usage.Evidence{Traces: map[usage.Source]usage.Trace{}, Coverage: map[usage.Source]usage.Coverage{}, Own: map[usage.Day]bool{}}
				all[ref] = e
			}
			if source == ownUse {
				for day := range u.Trace.Days {
					e.Own[day] = true
				}
				return nil
			}
			e.Traces[source], e.Coverage[source] = u.Trace, u.Coverage
			return nil
		}, query, args...)
	})
	if err != nil {
		return nil, err
	}
	return all, errors.Join(unread...)
}

// usesAtOnce bounds a transaction in which uses are saved.
const usesAtOnce = 100

// SaveUsage joins what a source showed to what is known, and then notes how far
// that source was read, as State has it under a name. It may end in between: what
// is saved twice counts once, so the look is simply made again.
func (l *Ledger) SaveUsage(ctx context.Context, source usage.Source, shown map[rotation.Ref]usage.Update, name string, state []byte) error {
	doing := "save the use by " + string(source)
	refs := slices.Sorted(maps.Keys(shown))
	for {
		some := refs[:min(usesAtOnce, len(refs))]
		refs = refs[len(some):]
		err := l.write(ctx, doing, func(ctx context.Context, s session) error {
			for _, ref := range some {
				if err := l.joinUse(ctx, s, ref, source, shown[ref]); err != nil {
					return fmt.Errorf("%s: %w", ref, err)
				}
			}
			if len(refs) > 0 {
				return nil
			}
			return saveState(ctx, s, name, state)
		})
		if err != nil || len(refs) == 0 {
			return err
		}
	}
}

// NoteOwn notes that keyrota itself used a key of an account, or read a secret
// of it, so that this is not taken for the account's use.
func (l *Ledger) NoteOwn(ctx context.Context, ref rotation.Ref, at time.Time) error {
	return l.write(ctx, "note its own use of "+string(ref), func(ctx context.Context, s session) error {
		return l.joinUse(ctx, s, ref, ownUse, usage.Update{Trace: usage.Trace{Days: map[usage.Day]int{usage.DayOf(at): 1}}})
	})
}

// joinUse joins what was shown to what is stored, and writes what is new.
func (l *Ledger) joinUse(ctx context.Context, s session, ref rotation.Ref, source usage.Source, shown usage.Update) error {
	var stored []byte
	err := s.row(ctx, `SELECT body FROM ledger_usage WHERE ref = ? AND source = ?`, string(ref), string(source)).Scan(&stored)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if stored != nil {
		known, err := decodeUse(stored)
		if err != nil {
			return err
		}
		shown = usage.Merge(known, shown)
	}
	body, err := encodeUse(shown.Trim(usage.DayOf(l.now())))
	if err != nil || string(body) == string(stored) {
		return err
	}
	_, err = s.exec(ctx, `INSERT INTO ledger_usage (ref, source, body) VALUES (?, ?, ?)
		ON CONFLICT (ref, source) DO UPDATE SET body = excluded.body`, string(ref), string(source), string(body))
	return err
}

// moveUse has what is known of the use of one account go on under another name,
// joined to what is known under that.
func (l *Ledger) moveUse(ctx context.Context, s session, from, to rotation.Ref) error {
	moved := map[usage.Source]usage.Update{}
	err := s.each(ctx, func(scan func(...any) error) error {
		var source usage.Source
		var body []byte
		err := scan(&source, &body)
		if err != nil {
			return err
		}
		moved[source], err = decodeUse(body)
		return err
	}, `SELECT source, body FROM ledger_usage WHERE ref = ?`, string(from))
	if err != nil {
		return err
	}
	for _, source := range slices.Sorted(maps.Keys(moved)) {
		if err := l.joinUse(ctx, s, to, source, moved[source]); err != nil {
			return err
		}
	}
	_, err = s.exec(ctx, `DELETE FROM ledger_usage WHERE ref = ?`, string(from))
	return err
}
