package survey

import (
	"context"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/usage"
	"github.com/keyrota/keyrota/sync/usage/gather"
)

// Known is what the ledger knows besides records and events.
type Known struct {
	Usage        map[rotation.Ref]usage.Evidence
	Acknowledged []finding.Acknowledgement
	Sinks        []finding.Part                     // where people are told things
	Sources      []finding.Part                     // of evidence of use, that fail
	LastRead     map[rotation.Destination]time.Time // by others than keyrota, as far as stores know
}

// Ask asks a ledger for what it knows. sinks are the names of those that people are
// told by.
func Ask(ctx context.Context, l *ledger.Ledger, sinks []string) (Known, error) {
	evidence, err := l.Usage(ctx)
	if err != nil {
		return Known{}, err
	}
	reads, err := gather.LastReads(ctx, l)
	if err != nil {
		return Known{}, err
	}
	known := Known{Usage: evidence, LastRead: reads}
	said, err := l.Acknowledgements(ctx)
	if err != nil {
		return Known{}, err
	}
	for _, a := range said {
		known.Acknowledged = append(known.Acknowledged, finding.Acknowledgement{
			ID: a.ID, Code: finding.Code(a.Code), Account: a.Ref, Subject: a.Subject, From: a.From, Until: a.Until, Reason: a.Reason, By: a.By,
		})
	}
	failing, err := gather.FailingParts(ctx, l)
	if err != nil {
		return Known{}, err
	}
	for _, f := range failing {
		name := string(f.Source)
		if f.Part != "" {
			name += ", " + f.Part
		}
		known.Sources = append(known.Sources, finding.Part{Name: name, FailingSince: f.Since, Words: f.Words})
	}
	for _, name := range sinks {
		waiting, err := l.Lanes(ctx, name)
		if err != nil {
			return Known{}, err
		}
		known.Sinks = append(known.Sinks, sinkOf(name, waiting))
	}
	return known, nil
}

// sinkOf says whether a sink fails: it takes nothing at all, or refuses all that waits
// for it. Only what was refused is to wait until a time.
func sinkOf(name string, waiting []ledger.Lane) finding.Part {
	refused := finding.Part{Name: name}
	others := false
	for _, lane := range waiting {
		m := lane.First
		failing := finding.Part{Name: name, FailingSince: m.Queued, Words: m.Words}
		switch {
		case m.Tries == 0:
			others = true
		case m.NotBefore.IsZero():
			return failing
		case refused.FailingSince.IsZero():
			refused = failing
		}
	}
	if others {
		return finding.Part{Name: name}
	}
	return refused
}
