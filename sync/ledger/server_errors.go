package ledger

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	hintServerDenied = "check user, password (PGPASSWORD, PGPASSFILE or PGSERVICE) and pg_hba.conf; the user must own the ledger's tables, " +
		"or the schema that they are made in, and the server must be one that can be written to"
	hintServerMissing = "make it: CREATE DATABASE keyrota OWNER keyrota ENCODING 'UTF8' TEMPLATE template0"
	hintServerFull    = "nothing of this was saved. Free some space, or connections, on the server; keyrota goes on from what was saved last"
	hintServerBusy    = "look in pg_stat_activity for who holds the tables named ledger_…, and try again"
	hintServerDamaged = "nothing was changed. Stop keyrota and restore a backup of the database; without one, name an empty database: the " +
		"ledger is filled again from the labels of keys and the marks on secrets"
	hintUnreachable = "check that the server runs and can be reached from here; readers go on with the keys they have"
)

// classify goes by the SQLSTATE (PostgreSQL 15, Appendix A).
func (v *server) classify(err error) (kind error, hint string) {
	var refused *pgconn.PgError
	switch {
	case errors.Is(err, ErrUnclear):
		return nil, ""
	case errors.As(err, &refused):
		return meaning(refused.Code)
	case unreached(err):
		return ErrUnreachable, hintUnreachable
	}
	return nil, ""
}

func meaning(code string) (kind error, hint string) {
	switch {
	case code == "42501", code == "25006", strings.HasPrefix(code, "28"):
		return ErrDenied, hintServerDenied
	case code == "3D000", code == "3F000":
		return ErrMissing, hintServerMissing
	case code == "55P03", code == "57014", code == "40001", code == "40P01":
		return ErrBusy, hintServerBusy
	case code == "53100", code == "53200", code == "53300":
		return ErrFull, hintServerFull
	case strings.HasPrefix(code, "08"), strings.HasPrefix(code, "57P"), code == "25P03":
		return ErrUnreachable, hintUnreachable
	case strings.HasPrefix(code, "XX"), strings.HasPrefix(code, "58"):
		return ErrDamaged, hintServerDamaged
	}
	return nil, ""
}

func (v *server) passing(err error) bool {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return unreached(err)
	}
	kind, _ := meaning(refused.Code)
	return errors.Is(kind, ErrUnreachable) || errors.Is(kind, ErrBusy) || refused.Code == "53300"
}

// unreached reports whether an error is of the way to the server.
func unreached(err error) bool {
	for _, of := range []error{
		driver.ErrBadConn, sql.ErrConnDone, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, context.DeadlineExceeded, ErrUnreachable,
	} {
		if errors.Is(err, of) {
			return true
		}
	}
	var network net.Error
	var connecting *pgconn.ConnectError
	return errors.As(err, &network) || errors.As(err, &connecting) || pgconn.SafeToRetry(err)
}
