package ledger

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"
)

// there: a schema alone is no ledger yet. One that has records and no id has
// lost it.
func (v *server) there(ctx context.Context) (there bool, err error) {
	db, err := v.connect(readOnly)
	if err != nil {
		return false, explain(v, "look for it", err)
	}
	defer db.Close()
	there, err = v.holds(ctx, db)
	return there, explain(v, "look for it", err)
}

func (v *server) holds(ctx context.Context, db *sql.DB) (bool, error) {
	ctx, cancel := v.within(ctx)
	defer cancel()
	s := session{db, v}
	for _, table := range []string{schemaTable, "ledger_meta", "ledger_record"} {
		var known bool
		if err := s.row(ctx, v.hasTable(), table).Scan(&known); err != nil || !known {
			return false, err
		}
	}
	var there bool
	err := s.row(ctx, `SELECT EXISTS (SELECT 1 FROM ledger_meta) OR EXISTS (SELECT 1 FROM ledger_record)`).Scan(&there)
	return there, err
}

func (v *server) create(ctx context.Context, fill func(context.Context, session) error) (made bool, err error) {
	if there, err := v.there(ctx); err != nil || there {
		return false, err
	}
	db, err := v.connect(readWrite)
	if err != nil {
		return false, explain(v, "create it", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := v.check(ctx, db); err != nil {
		return false, err
	}
	err = v.alone(ctx, db, func(ctx context.Context) error {
		if there, err := v.holds(ctx, db); err != nil || there {
			return explain(v, "look for it", err)
		}
		if err := migrate(ctx, v, db); err != nil {
			return err
		}
		made = true
		return explain(v, "create it", v.fill(ctx, db, fill))
	})
	return made && err == nil, err
}

// fill puts something into an empty ledger, however long that takes.
func (v *server) fill(ctx context.Context, db *sql.DB, fill func(context.Context, session) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, `SET LOCAL idle_in_transaction_session_timeout = 0`); err != nil {
		return err
	}
	if err := fill(ctx, session{tx, v}); err != nil {
		return err
	}
	return tx.Commit()
}

const (
	// migrationLock is the advisory lock of whoever changes the schema:
	// "keyrota" in ASCII.
	migrationLock = 0x6b6579726f7461
	// migrateWithin is how long one waits for another who migrates.
	migrateWithin = 5 * time.Minute
)

func (v *server) alone(ctx context.Context, db *sql.DB, f func(context.Context) error) error {
	waiting, cancel := context.WithTimeout(ctx, migrateWithin)
	defer cancel()
	conn, err := db.Conn(waiting)
	if err != nil {
		return explain(v, "lock its schema", err)
	}
	// The lock ends with the connection, and so does what is set here.
	defer conn.Raw(func(any) error { return driver.ErrBadConn }) //nolint:errcheck // it is given up
	if _, err := conn.ExecContext(waiting, `SET statement_timeout = 0`); err != nil {
		return explain(v, "lock its schema", err)
	}
	if _, err := conn.ExecContext(waiting, `SET lock_timeout = 0`); err != nil {
		return explain(v, "lock its schema", err)
	}
	if _, err := conn.ExecContext(waiting, `SELECT pg_advisory_lock($1)`, int64(migrationLock)); err != nil {
		return explain(v, "lock its schema", err)
	}
	return f(ctx)
}

// backup copies the ledger's tables within the database, keys and indexes with
// them, so that renaming is all that it takes to go back: nobody has to give
// keyrota another place to write to.
func (v *server) backup(ctx context.Context, db *sql.DB, version int64, now time.Time) (string, error) {
	prefix := fmt.Sprintf("ledger_copy_%d_%s_", version, strings.ToLower(now.UTC().Format("20060102T150405Z")))
	err := v.copyTables(ctx, db, prefix)
	return "tables " + prefix + "… of the database", explain(v, "copy it before its schema changes", err)
}

func (v *server) copyTables(ctx context.Context, db *sql.DB, prefix string) error {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, `SET LOCAL statement_timeout = 0`); err != nil {
		return err
	}
	var tables []string
	err = session{tx, v}.each(ctx, func(scan func(...any) error) error {
		var table string
		err := scan(&table)
		tables = append(tables, table)
		return err
	}, `SELECT tablename FROM pg_tables WHERE schemaname = current_schema()
		AND tablename LIKE 'ledger\_%' AND tablename NOT LIKE 'ledger\_copy\_%' AND tablename <> ? ORDER BY tablename`, schemaTable)
	if err != nil {
		return err
	}
	for _, table := range tables {
		to := prefix + strings.TrimPrefix(table, "ledger_")
		for _, statement := range []string{
			`CREATE TABLE ` + to + ` (LIKE ` + table + ` INCLUDING ALL)`,
			`INSERT INTO ` + to + ` SELECT * FROM ` + table,
		} {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
	}
	return tx.Commit()
}
