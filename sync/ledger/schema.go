package ledger

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"time"

	"github.com/pressly/goose/v3"
)

//go:embed migrations
var migrations embed.FS

// schemaTable is where goose notes which migrations were made.
const schemaTable = "ledger_schema"

func migrator(back backend, db *sql.DB) (*goose.Provider, error) {
	steps, dialect, err := back.migrations()
	if err != nil {
		return nil, fmt.Errorf("ledger %s: read the migrations: %w", back.name(), err)
	}
	m, err := goose.NewProvider(dialect, db, steps, goose.WithTableName(schemaTable), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("ledger %s: read the migrations: %w", back.name(), err)
	}
	return m, nil
}

// checkSchema refuses what this program cannot read, and reports whether
// migrations are to be made. It writes nothing.
func checkSchema(ctx context.Context, back backend, db *sql.DB) (older bool, err error) {
	at, known, err := schemaVersion(ctx, back, db)
	if err != nil {
		return false, explain(back, "read the schema", err)
	}
	if !known {
		return false, refuse(back, ErrDamaged, "a database of something else", hintDamaged)
	}
	m, err := migrator(back, db)
	if err != nil {
		return false, err
	}
	sources := m.ListSources()
	newest := sources[len(sources)-1].Version
	if at > newest {
		return false, refuse(back, ErrNewer, fmt.Sprintf("its schema is version %d, this program knows %d", at, newest), hintNewer)
	}
	return at < newest, nil
}

func schemaVersion(ctx context.Context, back backend, db *sql.DB) (version int64, known bool, err error) {
	ctx, cancel := back.within(ctx)
	defer cancel()
	s := session{db, back}
	if err := s.row(ctx, back.hasTable(), schemaTable).Scan(&known); err != nil || !known {
		return 0, false, err
	}
	err = s.row(ctx, `SELECT coalesce(max(version_id), 0) FROM `+schemaTable+` WHERE is_applied`).Scan(&version)
	return version, true, err
}

// upgrade brings the schema of a ledger that is in use up to date, once a copy
// of it was made, and says where that is.
func upgrade(ctx context.Context, back backend, db *sql.DB, now func() time.Time) (copied string, err error) {
	err = back.alone(ctx, db, func(ctx context.Context) error {
		older, err := checkSchema(ctx, back, db) // another process may have been here
		if err != nil || !older {
			return err
		}
		at, _, err := schemaVersion(ctx, back, db)
		if err != nil {
			return explain(back, "read the schema", err)
		}
		if copied, err = back.backup(ctx, db, at, now()); err != nil {
			return err
		}
		return migrate(ctx, back, db)
	})
	return copied, err
}

// migrate brings the schema up to date. Several processes may do so at once:
// each step is one transaction, and one that finds its step taken looks again.
func migrate(ctx context.Context, back backend, db *sql.DB) error {
	var at int64
	for {
		m, err := migrator(back, db)
		if err != nil {
			return err
		}
		_, err = m.Up(ctx)
		if err == nil {
			return nil
		}
		now, _, look := schemaVersion(ctx, back, db)
		if look != nil || now <= at {
			return explain(back, "migrate the schema", err)
		}
		at = now
	}
}
