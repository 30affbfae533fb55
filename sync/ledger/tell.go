package ledger

import (
	"context"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

// recentTold bounds how far back an event of the whole instance is looked for.
const recentTold = 500

// TellOnce saves an event of the whole instance, which belongs to no account,
// unless one of its kind was saved within this time before now; it returns
// whether it did.
func (l *Ledger) TellOnce(ctx context.Context, within time.Duration, e rotation.Event) (told bool, err error) {
	lately := func(ctx context.Context, s session) (bool, error) {
		now, found := l.now(), false
		err := s.each(ctx, func(scan func(...any) error) error {
			var body []byte
			if err := scan(&body); err != nil {
				return err
			}
			old, err := decodeEvent(body, Hash{})
			age := now.Sub(old.Time)
			found = found || err == nil && old.Event.Kind == e.Kind && age >= 0 && age < within
			return err
		}, `SELECT body FROM ledger_event WHERE ref = '' ORDER BY seq DESC LIMIT ?`, recentTold)
		return found, err
	}
	doing := "tell of " + string(e.Kind)
	known := false
	err = l.read(ctx, doing, func(ctx context.Context, s session) (err error) {
		known, err = lately(ctx, s)
		return err
	})
	if err != nil || known {
		return false, err
	}
	err = l.write(ctx, doing, func(ctx context.Context, s session) error {
		known, err := lately(ctx, s) // another may have told meanwhile
		if err != nil || known {
			return err
		}
		told = true
		_, err = appendEvents(ctx, s, l.happened("", 0), e)
		return err
	})
	return told && err == nil, err
}
