package awssm

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// List yields the secrets of the store's own Region, a page of a hundred a
// call. What was made or deleted in the last five minutes may be missing or
// still be there (AWS Secrets Manager API Reference, "ListSecrets").
func (s *Store) List(ctx context.Context, prefix string, yield func(providers.Listed) error) error {
	var filter *types.Filter
	if prefix != "" {
		filter = &types.Filter{Key: types.FilterNameStringTypeName, Values: []string{prefix}}
	}
	return listing("list", s.list(ctx, s.region, filter, func(x secret) error {
		if !strings.HasPrefix(x.name, prefix) || !x.deleted.IsZero() {
			return nil
		}
		if err := yield(providers.Listed{Path: x.name, Mark: x.anyMark(), Owner: x.owner(), LastRead: x.read, Changed: x.changed}); err != nil {
			return &yieldError{err}
		}
		return nil
	}))
}

// anyMark returns the mark of the whole secret, or of its first field that has one.
func (x secret) anyMark() rotation.Mark {
	for _, key := range slices.Sorted(maps.Keys(x.tags)) {
		if n, ok := x.noteAt(key); ok && providers.IsNoteKey(key) {
			return n.mark
		}
	}
	return rotation.Mark{}
}

// yieldError is an error of whoever is yielded to: it goes back unchanged.
type yieldError struct{ err error }

func (e *yieldError) Error() string { return e.err.Error() }

// errEnough ends a listing whose rest is not needed.
var errEnough = errors.New("enough")

// listing is how the error of a listing is returned.
func listing(op string, err error) error {
	var stopped *yieldError
	switch {
	case err == nil, errors.Is(err, errEnough):
		return nil
	case errors.As(err, &stopped):
		return stopped.err
	}
	return problem(op, "", err)
}

// list shows each secret that passes a filter, until an error.
func (s *Store) list(ctx context.Context, region string, filter *types.Filter, each func(secret) error) error {
	in := &secretsmanager.ListSecretsInput{MaxResults: aws.Int32(pageSize)}
	if filter != nil {
		in.Filters = []types.Filter{*filter}
	}
	for {
		page, err := call(ctx, s, region, opList, "", (*secretsmanager.Client).ListSecrets, in)
		if err != nil {
			return err
		}
		for _, e := range page.SecretList {
			if err := each(listed(e)); err != nil {
				return err
			}
		}
		if aws.ToString(page.NextToken) == "" {
			return nil
		}
		in.NextToken = page.NextToken
	}
}
