package format

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
)

// The key is the password of an Airflow connection. The login is api, which is
// what W&B takes beside a key in basic authentication; host, port and schema
// are those of the server, and the extra is the account's environment. (Airflow
// docs, Managing Connections: Connection's constructor, from_json, the URI
// format; and the Vault backend, which takes the members of the secret as the
// arguments of that constructor, so that there must be no others.)

const airflowLogin = "api"

// airflowPassword and airflowValue are the members with the key in them.
const (
	airflowPassword = "password"
	airflowValue    = "value"
)

// connection is the server's address in an Airflow connection's terms.
type connection struct {
	host, schema string
	port         int
	extra        map[string]string
}

func (f *Format) connection() connection {
	c := connection{extra: f.env}
	if u, err := url.Parse(f.env["WANDB_BASE_URL"]); err == nil {
		c.host, c.schema = u.Hostname(), u.Scheme
		c.port, _ = strconv.Atoi(u.Port())
	}
	return c
}

func (f *Format) airflowConnection(key providers.Secret) (providers.Payload, error) {
	c := f.connection()
	if f.dest.Style == config.StyleURI {
		return providers.Payload{Value: providers.NewSecret(c.uri(f.dest.ConnType, key.Expose()))}, nil
	}
	extra, err := encode(c.extra) // its names are sorted
	if err != nil {
		return providers.Payload{}, fmt.Errorf("rendering %s: the extra: %w", f.dest, err)
	}
	members := []member{
		{"conn_type", f.dest.ConnType}, {"login", airflowLogin}, {airflowPassword, key.Expose()},
		{"host", c.host}, {"schema", c.schema},
	}
	if c.port != 0 {
		members = append(members, member{"port", c.port})
	}
	return f.members(append(members, member{"extra", string(extra)}), f.dest.Style == config.StyleObject)
}

func (f *Format) airflowVariable(key providers.Secret) (providers.Payload, error) {
	if f.dest.Style == config.StyleObject {
		return f.members([]member{{airflowValue, key.Expose()}}, true)
	}
	return providers.Payload{Value: key}, nil
}

// uri writes type://login:password@host:port/schema?extra. A type's _ becomes
// -, since RFC 3986 allows none in a scheme; Airflow turns it back.
func (c connection) uri(connType, key string) string {
	var b strings.Builder
	b.WriteString(strings.ReplaceAll(connType, "_", "-") + "://")
	b.WriteString(percent(airflowLogin) + ":" + percent(key) + "@" + percent(c.host))
	if c.port != 0 {
		b.WriteString(":" + strconv.Itoa(c.port))
	}
	b.WriteString("/" + percent(c.schema))
	for i, name := range slices.Sorted(maps.Keys(c.extra)) {
		b.WriteByte("?&"[min(i, 1)])
		b.WriteString(url.QueryEscape(name) + "=" + url.QueryEscape(c.extra[name]))
	}
	return b.String()
}

// percent encodes everything but letters, digits and _.-~, as Python's quote
// does without safe characters.
func percent(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
