// Package export hands the events of a ledger to others: as JSON lines in a
// file, or to a webhook, in the field names of the Elastic Common Schema, with
// or without an envelope of CloudEvents. cmd/keyrota/EVENTS.md describes every
// field, with an example of each kind of event.
//
// The ledger is the outbox. An Exporter reads it behind the work and never
// stands in its way: a target that is down is a notice and a metric, and each
// target goes on by itself. A cursor in the ledger says how far a target has
// come; it moves after the target confirmed. So each event arrives at least
// once, in order; one that arrives twice bears the same id. Of several engines
// on one ledger one exports at a time to each target, by a lease.
//
// Every event bears its place in the chain of the ledger (event.sequence,
// event.hash). A head line, once a heartbeat, says where the chain ends, so that
// whoever receives notices what is cut off or withheld, and can later prove with
// history --verify --head that nothing up to it was changed.
//
// The package knows the ledger and what a secret is, but no configuration: cmd
// makes targets of it.
//
//	x := &export.Exporter{Ledger: l, Encoder: export.Encoder{…}, Targets: targets, …}
//	x.Run(ctx)         // the daemon: until ctx ends
//	err := x.Flush(ctx) // sync: what there is now
package export
