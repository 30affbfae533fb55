package ledger

import (
	"context"
	"fmt"
	"os"
	"time"
)

// Engine is one that runs on a ledger.
type Engine struct {
	Name    string // for people
	Version string // of its program; empty: not known
	Since   time.Time
	Seen    time.Time // when it last said that it runs
}

// String names the engine for people.
func (e Engine) String() string {
	if e.Version == "" {
		return e.Name
	}
	return fmt.Sprintf("%s, keyrota %s", e.Name, e.Version)
}

// Engagement is an engine's word that it runs. It may be used from several
// goroutines.
type Engagement struct {
	id      string
	release func() error
}

// ID is drawn for each engagement: two engines of one name differ in it. What
// an engine leases, it leases under its id.
func (e *Engagement) ID() string { return e.id }

// Release says that the engine has ended.
func (e *Engagement) Release() error { return e.release() }

// Engage says that an engine runs, until Release. On SQLite it takes the lock
// of the file: there is one engine (ErrLocked). On PostgreSQL there may be any
// number. name tells people which it is; empty: the process and its host.
func (l *Ledger) Engage(ctx context.Context, name, version string) (*Engagement, error) {
	if l.mode != readWrite {
		return nil, fmt.Errorf("ledger %s: run an engine: %w", l.Name(), ErrReadOnly)
	}
	if name == "" {
		name = Holder{PID: os.Getpid(), Host: hostname()}.String()
	}
	id, err := newID(l.rand)
	if err != nil {
		return nil, explain(l.back, "run an engine", err)
	}
	release, err := l.back.engage(ctx, l, id, name, version)
	if err != nil {
		return nil, err
	}
	return &Engagement{id: id, release: release}, nil
}

// Engines returns the engines that run now. It waits for none of them.
func (l *Ledger) Engines(ctx context.Context) ([]Engine, error) { return l.back.engines(ctx, l) }

func (f *file) engage(ctx context.Context, l *Ledger, _, name, version string) (func() error, error) {
	lock, err := lockFile(ctx, f, Holder{Name: name, Version: version, Since: l.now().UTC()})
	if err != nil {
		return nil, err
	}
	return lock.Release, nil
}

func (f *file) engines(_ context.Context, l *Ledger) ([]Engine, error) {
	h, running, err := locked(f)
	if err != nil || !running {
		return nil, err
	}
	return []Engine{{Name: h.String(), Version: h.Version, Since: h.Since, Seen: l.now().UTC()}}, nil
}
