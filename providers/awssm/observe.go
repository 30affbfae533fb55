package awssm

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// pageSize is the most secrets that one call of ListSecrets shows.
const pageSize = 100

// Observe lists the secrets that bear a mark, a page for a hundred of them,
// until all that are wanted were seen; in each Region of a replica too. What is
// not listed is not yielded: a listing may lag minutes behind. Neither is a
// secret whose replicas are not in step, nor a field without a mark: whether
// it is there, only the value could tell.
func (s *Store) Observe(ctx context.Context, ds []rotation.Destination, yield func(rotation.Destination, rotation.Holding) error) error {
	wanted := map[string][]rotation.Destination{}
	for _, d := range ds {
		wanted[d.Path] = append(wanted[d.Path], d)
	}
	if len(wanted) == 0 {
		return nil
	}
	replicas, err := s.observeReplicas(ctx, wanted)
	if err != nil {
		return problem("observe", "", err)
	}
	err = s.list(ctx, s.region, marked(), func(x secret) error {
		at := wanted[x.name]
		delete(wanted, x.name)
		for _, r := range replicas {
			if r[x.name] != x.token() {
				at = nil
			}
		}
		for _, d := range at {
			h, sure := x.holding(d.Field)
			if !sure && h.State == rotation.StateBare {
				continue
			}
			if err := yield(d, h); err != nil {
				return &yieldError{err}
			}
		}
		if len(wanted) == 0 {
			return errEnough
		}
		return nil
	})
	return listing("observe", err)
}

// observeReplicas returns, for each Region of a replica, the versions there.
func (s *Store) observeReplicas(ctx context.Context, wanted map[string][]rotation.Destination) ([]map[string]rotation.Version, error) {
	var all []map[string]rotation.Version
	for _, r := range s.config.Replicas {
		versions := map[string]rotation.Version{}
		err := s.list(ctx, r.Region, marked(), func(x secret) error {
			if wanted[x.name] != nil {
				versions[x.name] = x.token()
			}
			if len(versions) == len(wanted) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			return nil, err
		}
		all = append(all, versions)
	}
	return all, nil
}

// marked is what bears a mark of ours: values of filters are prefixes (AWS
// Secrets Manager API Reference, "Filter").
func marked() *types.Filter {
	return &types.Filter{Key: types.FilterNameStringTypeTagKey, Values: []string{providers.ManagedBy}}
}
