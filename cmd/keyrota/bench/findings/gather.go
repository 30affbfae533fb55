package findings

import (
	"context"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/attempt"
	"github.com/keyrota/keyrota/sync/usage"
	"github.com/keyrota/keyrota/sync/usage/gather"
)

// gather asks the platform and its audit log what they show of use, and returns
// what the ledger then has.
func (e *estate) gather(ctx context.Context) (map[rotation.Ref]usage.Evidence, error) {
	g := gather.Gatherer{
		Issuer: e.issuer, Stores: e.inv.Stores, Call: attempt.Default(), Ledger: e.ledger,
		Use: config.Use{Runs: true, AuditLog: true, Stores: true}, Now: e.now,
	}
	if _, err := g.Gather(ctx, e.inv.Accounts, e.records); err != nil {
		return nil, err
	}
	return e.ledger.Usage(ctx)
}
