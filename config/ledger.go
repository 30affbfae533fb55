package config

import (
	"net/url"
	"reflect"
	"regexp"
	"strings"
)

// ledger is written as a place, or as a mapping with one.
type ledger struct {
	// Path of the ledger's file, a relative one beside the configuration file; or the URL of a PostgreSQL database, without a password.
	Path string `yaml:"path" keyrota:"required"`
}

const (
	ledgerHint    = "write ledger: /var/lib/keyrota/ledger.db, or ledger: postgres://keyrota@db.example/keyrota?sslmode=verify-full"
	ledgerURLHint = "write ledger: postgres://keyrota@db.example/keyrota?sslmode=verify-full"
)

func (l *ledger) decodeNode(d *decoder, n *node) {
	at := n
	switch n.kind {
	case kindMapping:
		d.decodeStruct(n, reflect.ValueOf(l).Elem())
		if at = n.entry("path"); at == nil {
			return
		}
	default:
		if !d.wants(n, kindScalar, ledgerHint) {
			return
		}
		l.Path = n.text
	}
	switch scheme, _, ok := strings.Cut(l.Path, "://"); {
	case ok && (scheme == "postgres" || scheme == "postgresql"):
		checkLedgerURL(d, at, l.Path)
	case ok || l.Path == "" || !printable(l.Path):
		d.errorAt(at.path, "neither the path of a file nor the URL of a PostgreSQL database", ledgerHint)
	default:
		l.Path = d.besideFile(l.Path)
	}
}

// passwordInURL finds one in front of the host, or among the parameters.
var passwordInURL = regexp.MustCompile(`://[^/?#@:]*:[^/?#@]+@|[?&](ssl)?password=[^&#]`)

// checkLedgerURL refuses a password that stands in the file: it would be in
// version control, and in every copy. PostgreSQL has its own ways to be given
// one, and a variable of the environment is one more.
func checkLedgerURL(d *decoder, at *node, text string) {
	u, err := url.Parse(text)
	switch {
	case passwordInURL.MatchString(at.literal):
		d.errorAt(at.path, "a password is never written into the configuration",
			"give it by PGPASSWORD, PGPASSFILE or PGSERVICE (libpq, Environment Variables), or by a variable of yours: postgres://keyrota:${NAME}@…")
	case err != nil || !printable(text):
		d.errorAt(at.path, "not a URL", also("percent-encode what is special in user and password", ledgerURLHint))
	case strings.Trim(u.Path, "/") == "" && u.Query().Get("dbname") == "" && u.Query().Get("service") == "":
		d.errorAt(at.path, "no database is named", ledgerURLHint)
	case u.Query().Get("sslmode") == "" && u.Query().Get("service") == "" && u.Hostname() != "" && !loopback(u.Hostname()):
		d.warnAt(at.path, "without sslmode=verify-full, whoever is between can pose as the database", "add ?sslmode=verify-full, and sslrootcert= where the server's certificate is of an authority of your own")
	}
}
