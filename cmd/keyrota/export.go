package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/sync/export"
	"github.com/keyrota/keyrota/sync/ledger"
)

// targets makes the places that events go to. Nothing is opened or called yet.
func (a *app) targets(c *config.Config, stores map[string]providers.SecretStore) ([]export.Target, error) {
	r := resolver{env: a.env, stores: stores, paces: a.paces}
	source := func(ref config.Reference) export.Source {
		if ref.IsZero() {
			return nil
		}
		return func(ctx context.Context) (providers.Secret, error) { return r.resolve(ctx, ref.String()) }
	}
	var all []export.Target
	for _, e := range c.Events {
		t := export.Target{Name: e.Name, Format: export.Format(e.Format), Batch: e.Batch, Heartbeat: e.Heartbeat}
		if e.File != "" {
			t.Sink = export.NewFile(e.File)
			all = append(all, t)
			continue
		}
		headers := map[string]export.Source{}
		for name, ref := range e.Headers {
			headers[name] = source(ref)
		}
		hook, err := export.NewWebhook(export.WebhookOptions{
			URL: e.Webhook, Format: t.Format, Headers: headers, Bearer: source(e.Bearer), Sign: source(e.Sign),
			CAFile: e.CAFile, Version: version(), Now: a.now,
		})
		if err != nil {
			return nil, fmt.Errorf("%s: events for %s: %w", e.Pos, e.Name, err)
		}
		t.Sink = hook
		all = append(all, t)
	}
	return all, nil
}

// encoder writes the events of a ledger.
func encoder(c *config.Config, l *ledger.Ledger) export.Encoder {
	return export.Encoder{
		Ledger: l.ID(), Instance: l.Instance(), Organization: c.WandB.Organization, Version: version(), Describe: describe,
	}
}

// exporter brings the events of a system's ledger to the places that its
// configuration names.
func (a *app) exporter(s *system) (*export.Exporter, error) {
	targets, err := a.targets(s.config, s.worker.Stores)
	if err != nil {
		return nil, err
	}
	return &export.Exporter{
		Ledger: s.ledger, Encoder: encoder(s.config, s.ledger), Targets: targets,
		Holder: fmt.Sprintf("%s, process %d", actor(), os.Getpid()),
		Now:    a.now, Jitter: rand.N[time.Duration],
	}, nil
}

// closeTargets lets go of the files.
func closeTargets(targets []export.Target) error {
	var errs []error
	for _, t := range targets {
		if f, ok := t.Sink.(*export.File); ok {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

const (
	// syncExports and endExports bound how long a pass, and the end of the
	// daemon, wait for events to be taken; what is not waits in the ledger.
	syncExports = 15 * time.Second
	endExports  = 5 * time.Second
)

// exportNow brings what is on record to the places for events, after a pass
// without the daemon. That it fails is no failure of the pass.
func (a *app) exportNow(ctx context.Context, s *system) {
	x, err := a.exporter(s)
	if err == nil && len(x.Targets) > 0 {
		bounded, cancel := context.WithTimeout(ctx, syncExports)
		defer cancel()
		err = errors.Join(x.Flush(bounded), closeTargets(x.Targets))
	}
	if err != nil {
		a.warn("warning: %s", err)
	}
}

// exports runs beside the engine, under the configuration that is in force.
type exports struct {
	beside
	log     *slog.Logger
	metrics *export.Metrics
	now     *export.Exporter // nil: none yet
}

func newExports(log *slog.Logger, r prometheus.Registerer) (*exports, error) {
	m, err := export.NewMetrics(r)
	return &exports{log: log, metrics: m}, err
}

// use goes on with another exporter in the place of the one before.
func (e *exports) use(ctx context.Context, x *export.Exporter) error {
	e.stop()
	var err error
	if e.now != nil {
		err = closeTargets(e.now.Targets)
	}
	x.Log, x.Metrics, e.now = e.log, e.metrics, x
	e.beside.use(ctx, x.Run)
	return err
}

// end stops, and brings the last events where they belong.
func (e *exports) end(ctx context.Context) error {
	if e.now == nil {
		return nil
	}
	e.stop()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endExports)
	defer cancel()
	if err := e.now.Flush(ctx); err != nil && e.log != nil {
		e.log.Warn("events wait in the ledger for the next start", "why", err.Error())
	}
	return closeTargets(e.now.Targets)
}
