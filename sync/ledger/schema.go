package ledger

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// schemaTable is where goose notes which migrations were made.
const schemaTable = "ledger_schema"

// embedded returns the migrations of this program.
func embedded() (fs.FS, error) { return fs.Sub(migrations, "migrations") }

func migrator(db *sql.DB, steps fs.FS) (*goose.Provider, error) {
	return goose.NewProvider(goose.DialectSQLite3, db, steps,
		goose.WithTableName(schemaTable), goose.WithDisableGlobalRegistry(true))
}

// checkSchema refuses what this program cannot read, and reports whether
// migrations are to be made. It writes nothing.
func checkSchema(ctx context.Context, db *sql.DB, path string, steps fs.FS) (older bool, err error) {
	at, known, err := schemaVersion(ctx, db)
	if err != nil {
		return false, explain(path, "read the schema", err)
	}
	if !known {
		return false, refuse(path, ErrDamaged, "a database of something else", hintDamaged)
	}
	m, err := migrator(db, steps)
	if err != nil {
		return false, fmt.Errorf("ledger %s: read the migrations: %w", path, err)
	}
	sources := m.ListSources()
	newest := sources[len(sources)-1].Version
	if at > newest {
		return false, refuse(path, ErrNewer, fmt.Sprintf("its schema is version %d, this program knows %d", at, newest), hintNewer)
	}
	return at < newest, nil
}

func schemaVersion(ctx context.Context, db *sql.DB) (version int64, known bool, err error) {
	err = db.QueryRowContext(ctx,
		`SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?)`, schemaTable).Scan(&known)
	if err != nil || !known {
		return 0, false, err
	}
	err = db.QueryRowContext(ctx, `SELECT coalesce(max(version_id), 0) FROM `+schemaTable+` WHERE is_applied`).Scan(&version)
	return version, true, err
}

// migrate brings the schema up to date. Several processes may do so at once:
// each step is one transaction, and one that finds its step taken looks again.
func migrate(ctx context.Context, db *sql.DB, path string, steps fs.FS) error {
	var at int64
	for {
		m, err := migrator(db, steps)
		if err != nil {
			return fmt.Errorf("ledger %s: read the migrations: %w", path, err)
		}
		_, err = m.Up(ctx)
		if err == nil {
			return nil
		}
		now, _, look := schemaVersion(ctx, db)
		if look != nil || now <= at {
			return explain(path, "migrate the schema", err)
		}
		at = now
	}
}
