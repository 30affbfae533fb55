package awssm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/pace"
	"github.com/keyrota/keyrota/rotation"
)

const provider = "aws"

// Store is the secrets of one AWS account in one Region, with replicas in
// others. It is safe for concurrent use. Writes to one secret take turns in it,
// so that accounts whose keys are fields of one secret do not stand in each
// other's way.
type Store struct {
	config     Config
	options    Options
	region     string
	endpoint   string
	warned     []string
	connection connection
	writing    *providers.Turns
}

var (
	_ providers.SecretStore = (*Store)(nil)
	_ providers.Reader      = (*Store)(nil)
	_ providers.Describer   = (*Store)(nil)
	_ providers.Lister      = (*Store)(nil)
)

// New makes a store of its configuration. It reads the environment and AWS's
// own files and makes no call: credentials are got with the first one.
func New(c Config, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Paces == nil {
		o.Paces = &pace.Paces{}
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("aws: %w", err)
	}
	s := &Store{config: c, options: o, connection: connection{config: c, options: o}}
	found, err := s.connection.get(context.Background())
	if err != nil {
		return nil, fmt.Errorf("aws: %w", err)
	}
	s.region, s.endpoint, s.warned = found.region, found.endpoint, found.warnings()
	s.writing = providers.NewTurns()
	return s, nil
}

// Warnings says what of the connection a person should know at every start: a
// network without TLS.
func (s *Store) Warnings() []string { return append([]string(nil), s.warned...) }

// Identity is the endpoint where it is not AWS's own, the account as well as it
// is known without asking, the Region and the name.
func (s *Store) Identity(d rotation.Destination) string {
	return identity(s.endpoint, s.config.account(), s.region, d.Path)
}

// Look describes the secret, and each replica of one that is as delivered.
// Where that does not tell whether a field is there, it reads the value.
func (s *Store) Look(ctx context.Context, d rotation.Destination) (rotation.Holding, error) {
	const op = "look"
	if err := s.Check(d, providers.Payload{}); err != nil {
		return rotation.Holding{}, err
	}
	const rounds = 3 // someone may write between the two reads
	for range rounds {
		seen, err := s.describe(ctx, s.region, d.Path)
		if err != nil {
			return rotation.Holding{}, problem(op, d.String(), err)
		}
		h, sure := seen.holding(d.Field)
		h.Fresh = true
		if sure {
			if err := s.replicated(ctx, seen, &h); err != nil {
				return rotation.Holding{}, problem(op, d.String(), err)
			}
			return h, nil
		}
		text, from, err := s.value(ctx, d.Path, seen.arn, seen.current())
		if err != nil {
			return rotation.Holding{}, problem(op, d.String(), err)
		}
		if from == "" {
			continue
		}
		_, there, err := providers.Field(text.Expose(), d.Field)
		if err != nil && !errors.Is(err, providers.ErrFieldNoText) {
			return rotation.Holding{}, problemf(op, d.String(), providers.Invalid, notFields, "%w", err)
		}
		if !there {
			h.State, h.Mark, h.Owner = rotation.StateAbsent, rotation.Mark{}, ""
		}
		return h, nil
	}
	return rotation.Holding{}, problemf(op, d.String(), providers.Transient, "", "the secret changed each time it was looked at")
}

const notFields = "a field needs a secret that is one JSON object: repair it, or deliver the whole secret"
