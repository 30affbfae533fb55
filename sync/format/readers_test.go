package format_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
)

// secret is one secret as its store shows it to a reader.
type secret struct {
	text   string         // of AWS, Azure and files: the whole text
	fields map[string]any // of Vault: data.data
	tags   map[string]string
}

// shelf is what one store holds, by path.
type shelf map[string]secret

// put does what a store does with a payload.
func (s shelf) put(t *testing.T, kind string, d config.Destination, p providers.Payload) {
	t.Helper()
	put := secret{text: p.Value.Expose(), tags: p.Tags}
	switch {
	case kind == "vault" && p.Object:
		if err := json.Unmarshal([]byte(put.text), &put.fields); err != nil {
			t.Fatal(err)
		}
	case kind == "vault" && d.Field == "":
		t.Fatal("Vault takes no single value as a whole secret")
	case kind == "vault":
		put.fields = map[string]any{"another": "field", d.Field: put.text}
	case d.Field != "":
		whole, err := providers.WithField(`{"another":"field"}`, d.Field, p.Value)
		if err != nil {
			t.Fatal(err)
		}
		put.text = whole.Expose()
	}
	if kind == "vault" {
		put.text = ""
	}
	s[d.Path] = put
}

// airflow is a connection as Airflow's Connection has it.
type airflow struct {
	ConnType string `json:"conn_type"`
	Login    string `json:"login"`
	Password string `json:"password"`
	Host     string `json:"host"`
	Schema   string `json:"schema"`
	Port     int    `json:"port"`
	Extra    string `json:"extra"` // JSON
}

// fromKwargs is Connection(conn_id, **response): an unknown argument fails.
func fromKwargs(text []byte) (a airflow, err error) {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	return a, d.Decode(&a)
}

// fromURI follows Airflow's Connection.from_uri.
func fromURI(text string) (airflow, error) {
	if strings.Count(text, "://") != 1 {
		return airflow{}, errors.New("more than one scheme")
	}
	scheme, rest, _ := strings.Cut(text, "://")
	a := airflow{ConnType: strings.ReplaceAll(scheme, "-", "_")} // urlsplit takes no _ in a scheme
	if strings.ContainsAny(scheme, "_%") {
		return a, errors.New("no scheme")
	}
	rest, query, hasQuery := strings.Cut(rest, "?")
	netloc, path, _ := strings.Cut(rest, "/")
	unquote := func(s string) string {
		u, err := url.PathUnescape(s)
		if err != nil {
			return "not percent-encoded"
		}
		return u
	}
	a.Schema = unquote(path)
	user, host, _ := strings.Cut(netloc, "@")
	login, password, _ := strings.Cut(user, ":")
	a.Login, a.Password = unquote(login), unquote(password)
	if name, port, ok := strings.Cut(host, ":"); ok {
		n, err := strconv.Atoi(port)
		if err != nil {
			return a, err
		}
		host, a.Port = name, n
	}
	a.Host = unquote(host)
	if hasQuery {
		extra := map[string]string{}
		for pair := range strings.SplitSeq(query, "&") { // parse_qsl(…, keep_blank_values=True)
			name, value, _ := strings.Cut(pair, "=")
			name, err1 := url.QueryUnescape(name)
			value, err2 := url.QueryUnescape(value)
			if err := errors.Join(err1, err2); err != nil {
				return a, err
			}
			extra[name] = value
		}
		text, err := json.Marshal(extra)
		if err != nil {
			return a, err
		}
		a.Extra = string(text)
	}
	return a, nil
}

// airflowText is what an Airflow backend does with the text of a connection:
// JSON if it begins with a brace, else a URI (BaseSecretsBackend.deserialize_connection).
func airflowText(text string) (airflow, error) {
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		return fromKwargs([]byte(text))
	}
	return fromURI(text)
}

// airflowVault is VaultBackend.get_connection.
func airflowVault(s shelf, mount, connections, id string) (airflow, error) {
	response, ok := s[mount+"/"+connections+"/"+id]
	if !ok {
		return airflow{}, errors.New("no such secret")
	}
	if uri, ok := response.fields["conn_uri"].(string); ok {
		return fromURI(uri)
	}
	text, err := json.Marshal(response.fields)
	if err != nil {
		return airflow{}, err
	}
	return fromKwargs(text)
}

// azureName is AzureKeyVaultBackend.build_path.
func azureName(prefix, id string) string {
	if prefix != "" {
		id = prefix + "-" + id
	}
	return strings.ReplaceAll(id, "_", "-")
}

func password(a airflow, err error) string {
	switch {
	case err != nil:
		return err.Error()
	case a.Host != "wandb.acme.example" || a.Schema != "https" || a.Port != 8443 || a.Login != "api":
		return fmt.Sprintf("the connection is %+v", a)
	}
	var extra map[string]string
	if json.Unmarshal([]byte(a.Extra), &extra) != nil || extra["WANDB_ENTITY"] != "ml" || extra["NOTE"] != "a b&c=d/é://?" {
		return "the extra is " + a.Extra
	}
	return a.Password
}

// property is one member of a JSON text, as External Secrets, CSI's jmesPath
// and GitLab's field take it.
func property(text, name string) string {
	var members map[string]string
	if json.Unmarshal([]byte(text), &members) != nil {
		return "not JSON"
	}
	return members[name]
}

// envFile is what a shell, python-dotenv and docker make of a file without
// quotes: the value of a variable.
func envFile(text, name string) string {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), name+"="); ok {
			return value
		}
	}
	return ""
}

// Each reader finds the key with nothing but what its documentation says: the
// connection's id, the variable, the name and field that a person gives it.
func TestReadersFindTheKey(t *testing.T) {
	covered := map[string]bool{}
	field := func(path, field string) func(shelf) string {
		return func(s shelf) string { value, _ := s[path].fields[field].(string); return value }
	}
	whole := func(path string) func(shelf) string { return func(s shelf) string { return s[path].text } }
	member := func(path, name string) func(shelf) string {
		return func(s shelf) string { return property(s[path].text, name) }
	}
	for _, c := range []struct {
		kind, reader string
		settings     string
		read         func(shelf) string
	}{
		{"vault", "airflow", "connection: ml_wandb", func(s shelf) string { return password(airflowVault(s, "secret", "connections", "ml_wandb")) }},
		{"vault", "airflow", "connection: ml_wandb, mount: airflow, prefix: conns", func(s shelf) string { return password(airflowVault(s, "airflow", "conns", "ml_wandb")) }},
		{"vault", "airflow", "connection: ml_wandb, style: uri, field: conn_uri", func(s shelf) string { return password(airflowVault(s, "secret", "connections", "ml_wandb")) }},
		{"vault", "airflow", "variable: wandb_key", field("secret/variables/wandb_key", "value")},
		{"vault", "airflow", "variable: wandb_key, field: value", field("secret/variables/wandb_key", "value")},
		{"aws", "airflow", "connection: ml_wandb", func(s shelf) string { return password(airflowText(s["airflow/connections/ml_wandb"].text)) }},
		{"aws", "airflow", "connection: ml_wandb, style: uri, conn_type: google_cloud", func(s shelf) string { return password(airflowText(s["airflow/connections/ml_wandb"].text)) }},
		{"aws", "airflow", "variable: wandb_key", whole("airflow/variables/wandb_key")},
		{"azure", "airflow", "connection: ml_wandb", func(s shelf) string {
			return password(airflowText(s[azureName("airflow-connections", "ml_wandb")].text))
		}},
		{"azure", "airflow", "connection: ml_wandb, style: uri, prefix: team_a", func(s shelf) string { return password(airflowText(s[azureName("team_a", "ml_wandb")].text)) }},
		{"azure", "airflow", "variable: wandb_key", func(s shelf) string { return s[azureName("airflow-variables", "wandb_key")].text }},
		{"aws", "dagster", "", func(s shelf) string { return dagster(s, "dagster")["WANDB_API_KEY"] }},
		{"aws", "dagster", "variable: WANDB_EVAL, tag: eval", func(s shelf) string { return dagster(s, "eval")["WANDB_EVAL"] }},
		{"aws", "jenkins", "path: ci-wandb", func(s shelf) string {
			if s["ci-wandb"].tags["jenkins:credentials:type"] != "string" {
				return "not a credential"
			}
			return s["ci-wandb"].text
		}},
		{"vault", "jenkins", "path: secret/ci, field: key", field("secret/ci", "key")},
		{"aws", "external-secrets", "path: ci, field: key", member("ci", "key")},
		{"azure", "external-secrets", "path: ci, field: key, exclusive: true", member("ci", "key")},
		{"vault", "external-secrets", "path: secret/ci, field: key", field("secret/ci", "key")},
		{"aws", "secrets-store-csi", "path: ci", whole("ci")},
		{"azure", "secrets-store-csi", "path: ci", whole("ci")},
		{"vault", "secrets-store-csi", "path: secret/ci, field: key", field("secret/ci", "key")},
		{"vault", "vault-agent", "path: secret/ci, field: key", field("secret/ci", "key")},
		{"aws", "github-actions", "path: ci, format: json", member("ci", "WANDB_API_KEY")},
		{"azure", "github-actions", "path: ci", whole("ci")},
		{"vault", "github-actions", "path: secret/ci, field: key", field("secret/ci", "key")},
		{"aws", "gitlab", "path: ci, field: key", member("ci", "key")},
		{"azure", "gitlab", "path: ci", whole("ci")},
		{"vault", "gitlab", "path: secret/ci, format: json, fields: [WANDB_API_KEY]", field("secret/ci", "WANDB_API_KEY")},
		{"file", "environment", "path: job.env, format: env", func(s shelf) string { return envFile(s["job.env"].text, "WANDB_API_KEY") }},
		{"vault", "environment", "path: secret/ci, field: key", field("secret/ci", "key")},
		{"aws", "environment", "path: ci", whole("ci")},
		{"azure", "environment", "path: ci", whole("ci")},
		{"aws", "aws-cache", "path: ci", whole("ci")},
	} {
		t.Run(c.reader+" from "+c.kind+" "+c.settings, func(t *testing.T) {
			account, problems := read(c.kind, c.reader, c.settings)
			if problems.Err() != nil {
				t.Fatal(problems)
			}
			d := account.Deliver[0]
			f, err := newFormat(d, account.Env)
			if err != nil {
				t.Fatal(err)
			}
			p, err := f.Render(providers.NewSecret(canary))
			if err != nil {
				t.Fatal(err)
			}
			s := shelf{}
			s.put(t, c.kind, d, p)
			if got := c.read(s); got != canary {
				t.Errorf("read %q", got)
			}
			if keys := f.Keys(p.Value); len(keys) != 1 || keys[0].Expose() != canary {
				t.Errorf("keyrota finds %d keys", len(keys))
			}
			covered[c.reader+" "+c.kind] = true
		})
	}
	for _, reader := range config.Reader("").Values() {
		for _, kind := range []string{"aws", "azure", "vault", "file"} {
			for _, settings := range []string{"connection: a", "path: a/b, field: c", "path: a", ""} {
				if _, problems := read(kind, reader, settings); problems.Err() == nil && !covered[reader+" "+kind] {
					t.Errorf("nobody tries %s on %s", reader, kind)
				}
			}
		}
	}
}

// dagster is get_tagged_secrets: all secrets with the tag, as variables.
func dagster(s shelf, tag string) map[string]string {
	env := map[string]string{}
	for name, secret := range s {
		if _, ok := secret.tags[tag]; ok {
			env[name] = secret.text
		}
	}
	return env
}

func read(kind, reader, settings string) (config.Account, config.Problems) {
	c, problems := config.Parse("k.yaml", fmt.Appendf(nil, `
instance: prod
ledger: l
wandb: {url: "https://wandb.acme.example:8443"}
stores: {%s: {}}
accounts:
  - name: eval
    team: ml
    longest_job: 1h
    env: {NOTE: "a b&c=d/é://?"}
    deliver: {store: %[1]s, reader: %s, %s}
`, kind, reader, settings), config.Options{})
	if c == nil {
		return config.Account{}, problems
	}
	return c.Accounts[0], problems
}
