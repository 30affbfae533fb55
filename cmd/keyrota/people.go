package main

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/notify"
	"github.com/keyrota/keyrota/sync/plan"
	"github.com/keyrota/keyrota/sync/report"
	"github.com/keyrota/keyrota/sync/survey"
)

// people is how people hear of what happens, beside the engine: under the
// configuration that is in force.
type people struct {
	beside
	findings *survey.Metrics
	messages *notify.Metrics
}

func newPeople(r prometheus.Registerer) (*people, error) {
	findings, err := survey.NewMetrics(r)
	if err != nil {
		return nil, err
	}
	messages, err := notify.NewMetrics(r)
	return &people{findings: findings, messages: messages}, err
}

// swept makes a survey of what a sweep saw, and has people told what is news.
func (a *app) swept(s *system, n *notify.Notifier, m *survey.Metrics) func(context.Context, []plan.Account, []ledger.Entry) error {
	surveyor := a.surveyor(s, true)
	return func(ctx context.Context, swept []plan.Account, entries []ledger.Entry) error {
		v, err := surveyor.Make(ctx, swept, entries)
		if err != nil {
			return err
		}
		m.Found(v.Findings)
		told := *n
		told.Attach = func(context.Context, []finding.Finding) ([]notify.File, error) {
			return filesOf(a.reportData(s, v), []string{string(report.HTML)}, []report.Part{report.Findings})
		}
		return told.Tell(ctx, notify.Situation{
			Findings: v.Findings, Seen: func(i notify.Item) bool { return v.Seen(rotation.Ref(i.Account)) },
		})
	}
}

// tellNow looks once more, tells people what is news, and waits a while for it to
// be taken; what is not waits in the ledger. Where nobody is to be told, nothing
// is looked at.
func (a *app) tellNow(ctx context.Context, s *system, n *notify.Notifier) error {
	if len(n.Targets) == 0 {
		return nil
	}
	records, err := s.records(ctx)
	if err != nil {
		return err
	}
	swept := s.paired(s.inventory.Accounts, records, s.observer.Sweep(ctx, s.inventory.Accounts, records))
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := a.swept(s, n, nil)(ctx, swept, entriesOf(records)); err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, syncExports)
	defer cancel()
	return n.Flush(bounded)
}

// tellAfter is tellNow after a pass, of which it is no part: that it fails is said.
func (a *app) tellAfter(ctx context.Context, s *system) {
	n, err := a.notifier(s)
	if err == nil {
		err = a.tellNow(ctx, s, n)
	}
	if err != nil {
		a.warn("warning: %s", err)
	}
}
