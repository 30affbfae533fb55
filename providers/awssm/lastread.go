package awssm

import (
	"context"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

var _ providers.AccessReporter = (*Store)(nil)

// Precision is a day: AWS says on which one a secret was last read, and by no
// means by whom (AWS Secrets Manager API Reference, "LastAccessedDate").
func (s *Store) Precision() time.Duration { return 24 * time.Hour }

// LastRead lists the secrets that bear a mark, a page for a hundred of them; in
// each Region of a replica too, since readers there leave their trace there.
// Reading one field of a secret is reading it whole. What is not listed with its
// replicas is not yielded: a listing may lag minutes behind.
func (s *Store) LastRead(ctx context.Context, ds []rotation.Destination, yield func(d rotation.Destination, at time.Time) error) error {
	wanted := map[string][]rotation.Destination{}
	for _, d := range ds {
		wanted[d.Path] = append(wanted[d.Path], d)
	}
	if len(wanted) == 0 {
		return nil
	}
	type access struct {
		at      time.Time
		regions int // in which the secret was seen
	}
	last := map[string]access{}
	regions := []string{s.region}
	for _, r := range s.config.Replicas {
		regions = append(regions, r.Region)
	}
	for _, region := range regions {
		seen := 0
		err := s.list(ctx, region, marked(), func(x secret) error {
			if wanted[x.name] == nil || !x.deleted.IsZero() {
				return nil
			}
			a := last[x.name]
			a.regions++
			if x.read.After(a.at) {
				a.at = x.read
			}
			last[x.name] = a
			if seen++; seen == len(wanted) {
				return errEnough
			}
			return nil
		})
		if err := listing("look when secrets were read", err); err != nil {
			return err
		}
	}
	for _, d := range ds {
		if a := last[d.Path]; a.regions == len(regions) {
			if err := yield(d, a.at.UTC()); err != nil {
				return err
			}
		}
	}
	return nil
}
