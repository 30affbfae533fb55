package survey

import (
	"context"
	"time"

	"github.com/keyrota/keyrota/providers"
)

// logins asks each store that can tell when our own login there ends for good.
func (c Checker) logins(ctx context.Context) map[string]time.Time {
	ends := map[string]time.Time{}
	for name, store := range c.Inventory.Stores {
		reporter, ok := store.(providers.LoginReporter)
		if !ok {
			continue
		}
		var at time.Time
		err := c.Observer.Call.Read(ctx, name, "login", func(ctx context.Context) (err error) {
			at, err = reporter.LoginEnds(ctx)
			return err
		})
		if err == nil && !at.IsZero() {
			ends[name] = at
		}
	}
	return ends
}
