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
	text, from, err := s.value(ctx, d.Path, d.Path, id)
	switch {
	case err != nil:
		return providers.Secret{}, problem(op, d.String(), err)
	case from == "" || wanted != "" && wanted != incarnation(from):
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

// value reads a version by its id, or the current one, of a secret by its name
// or ARN, and returns the ARN of the secret it is from: "" if there is no such
// value, or the secret is in its recovery window.
func (s *Store) value(ctx context.Context, name, secretID, version string) (text providers.Secret, from string, err error) {
	in := &secretsmanager.GetSecretValueInput{SecretId: aws.String(secretID)}
	if version != "" {
		in.VersionId = aws.String(version)
	} else {
		in.VersionStage = aws.String(labelCurrent) // the default, but policies may ask that it is named
	}
	out, err := call(ctx, s, s.region, opGet, name, (*secretsmanager.Client).GetSecretValue, in)
	var f *failure
	if errors.As(err, &f) && (f.code == codeNotFound || f.scheduled()) {
		return providers.Secret{}, "", nil
	}
	if err != nil {
		return providers.Secret{}, "", err
	}
	if out.SecretString == nil {
		return providers.Secret{}, "", &failure{
			operation: opGet, kind: kindOf(providers.Invalid), words: "the value is binary",
			hint: "keyrota delivers text: deliver to another secret, or replace this one",
		}
	}
	return providers.NewSecret(*out.SecretString), aws.ToString(out.ARN), nil
}
