// Package daemon is the engine: it keeps every account at what is wanted of
// it, for as long as it runs. It sweeps the platform and the stores, finds the
// accounts with something to do, and lets workers of package execute make a
// pass over each; it takes up what people request, reloads its configuration,
// says how it is, and stops without leaving a creation half done.
//
//	d, err := daemon.New(daemon.Options{Ledger: l, Load: load, Logger: log, Registry: reg})
//	err = d.Run(ctx) // until ctx ends
//
// Passes are jobs of River, a queue in the ledger's own database. Nothing rests
// on the queue: which accounts want a pass is found by looking, again and again.
// What makes an account want a pass:
//
//   - a sweep found something to do, by plan.Pending;
//   - the time came for which rotation.Next said to wait;
//   - somebody saved a request in its record.
//
// On SQLite one engine works on one ledger, kept by ledger.Engage, and the queue
// is emptied at its start. On PostgreSQL any number do, the replicas. They tell
// who does what by leases, which they renew while they work, give back, and take
// over from one that was not heard of for a while:
//
//   - "sweep": one replica finds the work, and puts it into the queue. How a pass
//     ended it reads from the job, whoever made that.
//   - "account/…": one replica works on an account. It keeps the lease for as
//     long as it alone has the value of a new key.
//   - "configuration": those that have the same configuration, by its digest.
//     The others wait.
//
// A lease spares work and guards nothing. A replica that was paused, and does
// not know that its lease ran out, is kept from harm by the compare-and-set of
// the record, and by the deadlines of creations and writes; the same keeps
// commands apart that work beside the engines.
package daemon
