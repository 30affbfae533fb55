package vault

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/vault/api"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/pace"
	"github.com/keyrota/keyrota/rotation"
)

const provider = "vault"

// Store is one Vault server, or one namespace of it. It is safe for concurrent
// use. Writes to one secret take turns in it, so that accounts whose keys are
// fields of one secret do not stand in each other's way.
type Store struct {
	config   Config
	options  Options
	client   *api.Client
	insecure bool
	timeout  time.Duration
	now      func() time.Time

	session   session
	unwrapped unwrapped
	mounts    mounts
	sights    sights
	writing   *providers.Turns
}

var (
	_ providers.SecretStore = (*Store)(nil)
	_ providers.Reader      = (*Store)(nil)
	_ providers.Lister      = (*Store)(nil)
)

// New makes a store of its configuration. It makes no call: the login comes
// with the first one.
func New(c Config, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	c, err := c.complete(o)
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	client, insecure, err := c.client(o)
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	if o.Paces == nil {
		o.Paces = &pace.Paces{}
	}
	s := &Store{config: c, options: o, client: client, insecure: insecure, timeout: client.ClientTimeout(), now: o.Now}
	client.SetClientTimeout(0) // send bounds each request itself
	if s.timeout <= 0 {
		s.timeout = defaultTimeout
	}
	s.session = session{
		login: s.login, renew: s.renewToken, alive: s.living, now: o.Now, turn: providers.NewTurn(),
		again: c.Auth.AppRole != nil || c.Auth.Kubernetes != nil || c.Auth.JWT != nil,
	}
	s.mounts.known = map[string]bool{}
	s.sights.until = map[string]time.Time{}
	s.writing = providers.NewTurns()
	return s, nil
}

// Warnings says what of the connection a person should know at every start: a
// certificate that is not checked, a network without TLS.
func (s *Store) Warnings() []string { return warnings(s.client.Address(), s.insecure) }

// Check says what is wrong with a destination, without any call.
func (s *Store) Check(d rotation.Destination, p providers.Payload) error {
	invalid := func(hint, format string, a ...any) error {
		return problemf("check", d.String(), providers.Invalid, hint, format, a...)
	}
	mount, _, found := strings.Cut(d.Path, "/")
	switch {
	case !found || mount == "":
		return invalid("write MOUNT/PATH, such as secret/ci/wandb", "the path needs the engine's mount and a name below it")
	case s.config.Mount != "" && !strings.HasPrefix(d.Path, s.config.Mount+"/"):
		return invalid("write "+s.config.Mount+"/"+d.Path+", or leave the store's mount out", "the path does not begin with the store's mount %s/", s.config.Mount)
	case strings.IndexFunc(d.Path, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }) >= 0:
		return invalid("use printable characters", "the path holds characters that Vault refuses")
	}
	for part := range strings.SplitSeq(d.Path, "/") {
		if part == "" || part == "." || part == ".." || strings.TrimSpace(part) != part {
			return invalid("leave out leading, trailing and doubled slashes, and spaces around names", "the path has an empty or unusable part %q", part)
		}
	}
	if d.Field != "" && p.Object {
		return invalid("leave out the field: the members become fields", "a JSON object cannot be put into one field")
	}
	if !utf8.ValidString(p.Value.Expose()) || !utf8.ValidString(d.Field) {
		return invalid("encode it as text", "the field or its value is not UTF-8, which JSON needs")
	}
	if d.Field == "" && !p.Object {
		return invalid("name the field, such as "+d.String()+"#WANDB_API_KEY, or use a format that renders a JSON object",
			"a secret in Vault consists of fields, and a single value needs one")
	}
	if d.Field == "" && !p.Value.Empty() {
		if _, err := members(p.Value); err != nil {
			return invalid("the format must render one JSON object", "%v", err)
		}
	}
	return nil
}

// Identity is the server's address, the namespace and the path.
func (s *Store) Identity(d rotation.Destination) string {
	return identity(s.client.Address(), s.client.Namespace(), d.Path)
}

// Look reads the secret's metadata. Where that does not tell whether a field is
// there, it asks for the names of the fields, and reads the data only if the
// policy does not allow that.
func (s *Store) Look(ctx context.Context, d rotation.Destination) (rotation.Holding, error) {
	const op = "look"
	p, err := s.locate(ctx, op, d)
	if err != nil {
		return rotation.Holding{}, err
	}
	const rounds = 3 // someone may write between the two reads
	for range rounds {
		m, err := s.metadata(ctx, p)
		if err != nil {
			return rotation.Holding{}, problem(op, d.String(), err)
		}
		h, sure := m.holding(d.Field, s.now())
		h.Fresh = true
		if sure {
			return h, nil
		}
		v, _ := m.current(s.now())
		there, same, err := s.hasField(ctx, p, v, d.Field)
		if err != nil {
			return rotation.Holding{}, problem(op, d.String(), err)
		}
		if !same {
			continue
		}
		if !there {
			h.State, h.Mark, h.Owner = rotation.StateAbsent, rotation.Mark{}, ""
		}
		return h, nil
	}
	return rotation.Holding{}, problemf(op, d.String(), providers.Transient, "", "the secret changed each time it was looked at")
}

// hasField tells whether version v has a field; same is false if the secret has
// changed since.
func (s *Store) hasField(ctx context.Context, p place, v version, field string) (there, same bool, err error) {
	names, same, err := s.fieldNames(ctx, p, v)
	return names[field], same, err
}

// subkeys returns the fields of version v without their values.
func (s *Store) subkeys(ctx context.Context, p place, v version) (fields map[string]json.RawMessage, same bool, err error) {
	var a struct {
		Data struct {
			Subkeys  map[string]json.RawMessage `json:"subkeys"`
			Metadata versionAnswer              `json:"metadata"`
		} `json:"data"`
	}
	query := url.Values{"version": {strconv.Itoa(v.number)}, "depth": {"1"}}
	err = s.call(ctx, request{method: http.MethodGet, path: p.subkeys(), query: query}, &a)
	return a.Data.Subkeys, a.Data.Metadata.is(v), err
}
