// Package notify tells people what they should know: findings, as messages to
// Slack, PagerDuty, by e-mail and to webhooks; and events, to those who wait for
// them, such as the hook that restarts a job once its new key is delivered.
//
// Routes say which findings go to which sink. What a sink was told is on record
// in the ledger, so a finding is told once, again where it became more urgent or
// the sink's time to repeat has passed, and once more when it is over. Two
// hundred findings are one message with the top of them.
//
// Between deciding and sending stands an outbox in the ledger. Tell puts what is
// news there, in one transaction with the record that it is told; Run brings it
// to the sinks. A sink that is down is a notice and a metric, is tried for ever,
// and stands in nobody's way. Once it is back it is told what waited, in order,
// and what came and went meanwhile as just that. Only what a sink refuses, which
// holds up its own lane alone, is given up, after two weeks of it.
//
// A message is sent at least once. Where the answer to one is lost it is sent
// again, with the same deduplication key (PagerDuty), id (webhook) or Message-ID
// (e-mail); Slack has none of these.
//
// The package knows the ledger and what a secret is, but no configuration: cmd
// makes targets of it.
//
//	n := &notify.Notifier{Ledger: l, Targets: targets, Routes: routes, …}
//	n.Run(ctx)                // the daemon: until ctx ends
//	err := n.Tell(ctx, s)     // whenever findings were made
//	err := n.Flush(ctx)       // sync: what waits now
package notify
