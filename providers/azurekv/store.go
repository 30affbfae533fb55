package azurekv

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// Store is one vault. It is safe for concurrent use. Writes to one secret take
// turns in it.
type Store struct {
	config  Config
	client  *azsecrets.Client
	paces   paces
	now     func() time.Time
	recent  recent
	writing *providers.Turns
}

var (
	_ providers.SecretStore = (*Store)(nil)
	_ providers.Reader      = (*Store)(nil)
	_ providers.Describer   = (*Store)(nil)
	_ providers.Disabler    = (*Store)(nil)
	_ providers.Lister      = (*Store)(nil)
)

// New makes a store of its configuration. It makes no call: signing in comes
// with the first one.
func New(c Config, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	var wrong []error
	c.Check(func(path, message, hint string) {
		wrong = append(wrong, fmt.Errorf("%s: %s (%s)", path, message, hint))
	})
	if err := errors.Join(wrong...); err != nil {
		return nil, fmt.Errorf("azure: %w", err)
	}
	client, err := c.client(o)
	if err != nil {
		return nil, fmt.Errorf("azure: %w", err)
	}
	host, _ := c.host()
	s := &Store{config: c, client: client, paces: newPaces(o.Paces, host), now: o.Now}
	s.recent.by = map[string]written{}
	s.writing = providers.NewTurns()
	return s, nil
}

// Warnings says what of the configuration a person should know at every start.
func (s *Store) Warnings() []string { return s.config.Warnings() }

// Identity is the vault's host and the secret's name in lower case.
func (s *Store) Identity(d rotation.Destination) string { return s.config.Identity(d.Path) }

// Check says what is wrong with a destination, without any call.
func (s *Store) Check(d rotation.Destination, p providers.Payload) error {
	const op = "check"
	invalid := func(hint, format string, a ...any) error {
		return problemf(op, d.String(), providers.Invalid, hint, format, a...)
	}
	if _, err := named(op, d.String(), d.Path); err != nil {
		return err
	}
	if d.Field != "" && p.Object {
		return invalid("leave out the field: the whole secret is the object", "a JSON object cannot be put into one field")
	}
	if d.Field != "" && !p.Exclusive {
		return invalid("write exclusive: true beside it if nobody else writes this secret, or give the key a secret of its own",
			"Key Vault cannot write on condition, so one field could undo what another writer does to the others")
	}
	value := p.Value.Expose()
	if !utf8.ValidString(value) || !utf8.ValidString(d.Field) {
		return invalid("encode it as text", "the field or its value is not UTF-8")
	}
	if len(value) > valueMax {
		return invalid(fmt.Sprintf("Key Vault keeps %d bytes", valueMax), "the value has %d bytes", len(value))
	}
	if p.Object && !p.Value.Empty() {
		if _, _, err := providers.Field(value, ""); errors.Is(err, providers.ErrNotObject) {
			return invalid("the format must render one JSON object", "the value is not a JSON object")
		}
	}
	return nil
}

// Look lists the versions of a secret, and reads a value only where nothing
// else can tell: whether an unmarked secret has a field, and which of versions
// made within seconds is the current one.
func (s *Store) Look(ctx context.Context, d rotation.Destination) (rotation.Holding, error) {
	const op = "look"
	name, err := named(op, d.String(), d.Path)
	if err != nil {
		return rotation.Holding{}, err
	}
	_, h, err := s.look(ctx, name, d)
	if err != nil {
		return rotation.Holding{}, problem(op, d.String(), err)
	}
	return h, nil
}

// look returns a holding and what it was taken from.
func (s *Store) look(ctx context.Context, name string, d rotation.Destination) (sight, rotation.Holding, error) {
	const rounds = 3 // someone may write between the two reads
	for range rounds {
		seen, err := s.see(ctx, name, nil)
		if err != nil {
			return sight{}, rotation.Holding{}, err
		}
		h, sure := seen.holding(d.Field)
		h.Fresh = true
		if sure {
			return seen, h, nil
		}
		text, err := s.value(ctx, name, seen.current.id)
		if is(err, http.StatusNotFound) || told(err, innerDisabled) {
			continue
		}
		if err != nil {
			return sight{}, rotation.Holding{}, err
		}
		_, there, err := providers.Field(text, d.Field)
		switch {
		case err != nil && !errors.Is(err, providers.ErrFieldNoText):
			return sight{}, rotation.Holding{}, problemf("look", d.String(), providers.Invalid, "make it a JSON object, or deliver to the whole secret", "%w", err)
		case !there:
			h.State, h.Mark, h.Owner = rotation.StateAbsent, rotation.Mark{}, ""
		}
		return seen, h, nil
	}
	return sight{}, rotation.Holding{}, problemf("look", d.String(), providers.Transient, "", "the secret changed each time it was looked at")
}

// turn guards writes to a secret, whose name is one in any case of letters.
func (s *Store) turn(name string) providers.Turn { return s.writing.Of(strings.ToLower(name)) }
