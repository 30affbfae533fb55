// Package daemon is the engine: it keeps every account at what is wanted of
// it, for as long as it runs. It sweeps the platform and the stores, finds the
// accounts with something to do, and lets workers of package execute make a
// pass over each; it takes up what people request, reloads its configuration,
// says how it is, and stops without leaving a creation half done.
//
//	d, err := daemon.New(daemon.Options{Ledger: l, Load: load, Logger: log, Registry: reg})
//	err = d.Run(ctx) // until ctx ends
//
// Passes are jobs of River, a queue in the ledger's own file. Nothing rests on
// the queue: which accounts want a pass is found by looking, again and again,
// and the queue is emptied at every start. What makes an account want a pass:
//
//   - a sweep found something to do, by plan.Pending;
//   - the time came for which rotation.Next said to wait;
//   - somebody saved a request in its record.
//
// One engine works on one ledger, kept by ledger.Engage. Commands may work
// beside it: the ledger's compare-and-set keeps them apart.
package daemon
