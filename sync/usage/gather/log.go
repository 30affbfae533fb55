package gather

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/usage"
)

// logState is how far the audit log was read.
type logState struct {
	Log     usage.Coverage `json:"log"`
	Known   []string       `json:"known,omitempty"` // the teams whose accounts were, and the accounts of the organization that were
	Deleted []keptProject  `json:"deleted,omitempty"`
	// Stretch is what is being read: up to its cursor, Shown was counted.
	Stretch stretch `json:"stretch,omitzero"`
}

type stretch struct {
	From   time.Time             `json:"from"`
	Until  time.Time             `json:"until"`
	Cursor string                `json:"cursor,omitempty"`
	Broken int                   `json:"broken,omitempty"`
	First  time.Time             `json:"first,omitzero"` // entry, of anybody
	Shown  map[rotation.Ref]kept `json:"shown,omitempty"`
}

const (
	logName = "usage/audit_log"
	// stretchOf is how much of the log is counted before it is saved.
	stretchOf = 7 * 24 * time.Hour
)

// audit is one reading of the audit log.
type audit struct {
	*look
	reader providers.AuditReader
	state  logState
}

// readLog reads on where the last look ended. For a team whose accounts were not
// known then, and an account of the organization that was not, it reads all of the
// log again.
func (l *look) readLog(ctx context.Context) error {
	reader, ok := l.Issuer.(providers.AuditReader)
	if !ok {
		l.failed(usage.AuditLog, "", errors.New("the issuer gives no audit log back"))
		return nil
	}
	r := &audit{look: l, reader: reader}
	if err := resume(ctx, l, logName, &r.state); err != nil {
		return err
	}
	l.recall(r.state.Deleted)
	if fresh := l.fresh(r.state.Known); len(fresh) > 0 {
		r.state = logState{Known: append(r.state.Known, fresh...)}
		slices.Sort(r.state.Known)
	}
	failed, err := r.read(ctx)
	switch {
	case err != nil:
		return err
	case providers.KindOf(failed) == providers.Denied:
		// Of what came since the last look nothing is known.
		log := usage.Coverage{From: l.now, Until: l.now, Blind: []usage.Blindness{usage.NoAccess}}
		l.failed(usage.AuditLog, "", failed)
		return r.save(ctx, l.everyone(log))
	case failed != nil:
		l.failed(usage.AuditLog, "", failed)
	}
	if r.state.Log.From.IsZero() {
		return r.save(ctx, nil)
	}
	l.looked(usage.AuditLog)
	return r.save(ctx, l.everyone(r.state.Log))
}

// fresh are the teams, and the accounts of the organization, that are known now
// and were not.
func (l *look) fresh(known []string) []string {
	var fresh []string
	for _, a := range l.accounts {
		if ref := a.Ref(); teamOf(a) == "" && l.identified(ref) && !slices.Contains(known, string(ref)) {
			fresh = append(fresh, string(ref))
		}
	}
	for _, team := range l.met.listed {
		if !slices.Contains(known, team) && !slices.Contains(l.met.others, team) {
			fresh = append(fresh, team)
		}
	}
	return fresh
}

// read reads stretch after stretch. failed is what the platform answers, err what
// the ledger does.
func (r *audit) read(ctx context.Context) (failed, err error) {
	for {
		s := &r.state.Stretch
		if s.Until.IsZero() {
			from := since(r.state.Log.Until)
			if from.IsZero() {
				if from, failed = r.oldest(ctx); failed != nil {
					return failed, ctx.Err()
				}
			}
			*s = r.next(from)
		}
		if failed, err = r.stretch(ctx, s); failed != nil || err != nil {
			return failed, errors.Join(err, ctx.Err())
		}
		if !s.Until.Before(r.now) {
			*s = stretch{}
			return nil, nil
		}
		*s = r.next(s.Until)
	}
}

// next is a stretch that ends with a day, or now.
func (r *audit) next(from time.Time) stretch {
	until := usage.DayOf(from.Add(stretchOf)).Start()
	if until.After(r.now) {
		until = r.now
	}
	return stretch{From: from, Until: until}
}

// oldest finds how far back the log goes: a platform that does not keep it for
// as long as counts are kept refuses to begin there.
func (r *audit) oldest(ctx context.Context) (from time.Time, failed error) {
	for _, days := range []usage.Day{usage.KeepDays, 365, 180, 90, 60, 30, 14, 7, 1} {
		from = (usage.DayOf(r.now) - days + 1).Start()
		failed = r.long().Read(ctx, inventory.IssuerService, "read the audit log", func(ctx context.Context) error {
			return r.reader.Audit(ctx, from, from.Add(time.Second), "",
				func(providers.AuditEntry) error { return nil }, func(providers.AuditPage) error { return nil })
		})
		if providers.KindOf(failed) != providers.Invalid {
			return from, failed
		}
	}
	return from, failed
}

// stretch reads one stretch from where it was left off, and saves what it shows
// when it is complete. What a page shows counts once the page is complete.
func (r *audit) stretch(ctx context.Context, s *stretch) (failed, err error) {
	shown := unkeep(s.Shown)
	failed = r.long().Read(ctx, inventory.IssuerService, "read the audit log", func(ctx context.Context) error {
		page, first, before := tally{}, s.First, s.Broken // as of the last page, when it is asked again
		failed := r.reader.Audit(ctx, s.From, s.Until, s.Cursor, func(e providers.AuditEntry) error {
			if !e.At.IsZero() && (first.IsZero() || e.At.Before(first)) {
				first = e.At
			}
			err = r.entry(ctx, page, e)
			return err
		}, func(p providers.AuditPage) error {
			shown.add(page)
			page = tally{}
			s.First, s.Cursor, s.Broken, s.Shown = first, p.Cursor, before+p.Broken, keep(shown)
			if p.Until.Before(s.Until) {
				err = r.note(ctx)
			}
			return err
		})
		if err != nil {
			return nil // asking again would not help
		}
		return failed
	})
	if failed != nil || err != nil {
		return failed, err
	}
	log := usage.Coverage{From: s.From, Until: s.Until, Gaps: unread(s.Broken, s.From, s.Until)}
	if r.state.Log.From.IsZero() { // what is before the first entry may have been dropped
		if s.First.IsZero() {
			return nil, nil
		}
		log.From = s.First
	}
	r.state.Log = usage.Merge(usage.Update{Coverage: r.state.Log}, usage.Update{Coverage: log}).Coverage
	s.Cursor, s.Shown = "", nil
	return nil, r.save(ctx, shown.updates())
}

func (r *audit) body() ([]byte, error) {
	r.state.Deleted = r.deletions()
	body, err := json.Marshal(r.state)
	if err != nil {
		return nil, fmt.Errorf("note how far the audit log was read: %w", err)
	}
	return body, nil
}

// note notes how far it is, within a stretch.
func (r *audit) note(ctx context.Context) error {
	body, err := r.body()
	if err != nil {
		return err
	}
	return r.Ledger.SetState(ctx, logName, body)
}

func (r *audit) save(ctx context.Context, shown map[rotation.Ref]usage.Update) error {
	body, err := r.body()
	if err != nil {
		return err
	}
	return r.Ledger.SaveUsage(ctx, usage.AuditLog, shown, logName, body)
}
