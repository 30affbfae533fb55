package awssm

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// Read returns the secret's text, or one of its fields. For AWS it is a use of
// the secret like a reader's.
func (s *Store) Read(ctx context.Context, d rotation.Destination, at rotation.Version) (providers.Secret, error) {
	const op = "read"
	if err := s.Check(d, providers.Payload{}); err != nil {
		return providers.Secret{}, err
	}
	gone := func() (providers.Secret, error) {
		return providers.Secret{}, problemf(op, d.String(), providers.NotFound, "", "there is no value at this version")
	}
	id, wanted := "", ""
	if at != "" {
		var ok bool
		if id, wanted, ok = parseVersion(at); !ok {
			return gone() // also of a secret that has no version
		}
	}
	text, found, err := s.valueOf(ctx, d.Path, id, wanted)
	switch {
	case err != nil:
		return providers.Secret{}, problem(op, d.String(), err)
	case !found:
		return gone()
	case d.Field == "":
		return text, nil
	}
	value, there, err := providers.Field(text.Expose(), d.Field)
	switch {
	case err != nil:
		return providers.Secret{}, problemf(op, d.String(), providers.Invalid, notFields, "%w", err)
	case !there:
		return gone()
	}
	return value, nil
}

func (s *Store) value(ctx context.Context, of secret, id string) (text providers.Secret, found bool, err error) {
	return s.valueOf(ctx, of.name, id, incarnation(of.arn))
}

// valueOf reads a version by its id, or the current one. found is false if
// there is none, if the secret is in its recovery window, or if it is another
// incarnation than the one wanted.
func (s *Store) valueOf(ctx context.Context, name, id, wanted string) (text providers.Secret, found bool, err error) {
	in := &secretsmanager.GetSecretValueInput{SecretId: aws.String(name)}
	if id != "" {
		in.VersionId = aws.String(id)
	}
	out, err := call(ctx, s, s.region, opGet, name, (*secretsmanager.Client).GetSecretValue, in)
	var f *failure
	if errors.As(err, &f) && (f.code == codeNotFound || f.scheduled()) {
		return providers.Secret{}, false, nil
	}
	if err != nil {
		return providers.Secret{}, false, err
	}
	if wanted != "" && incarnation(aws.ToString(out.ARN)) != wanted {
		return providers.Secret{}, false, nil
	}
	if out.SecretString == nil {
		return providers.Secret{}, false, &failure{
			operation: opGet, kind: kindOf(providers.Invalid), words: "the value is binary",
			hint: "keyrota delivers text: deliver to another secret, or replace this one",
		}
	}
	return providers.NewSecret(*out.SecretString), true, nil
}
