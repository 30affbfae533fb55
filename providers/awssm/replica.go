package awssm

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// lacking returns the replicas that the configuration wants and the secret has
// not, as AWS takes them.
func (s *Store) lacking(x secret) []types.ReplicaRegionType {
	var all []types.ReplicaRegionType
	for _, want := range s.config.Replicas {
		if _, has := x.replica(want.Region); has {
			continue
		}
		r := types.ReplicaRegionType{Region: aws.String(want.Region)}
		if want.KMSKey != "" {
			r.KmsKeyId = aws.String(want.KMSKey)
		}
		all = append(all, r)
	}
	return all
}

func (x secret) replica(region string) (types.ReplicationStatusType, bool) {
	for _, r := range x.replicas {
		if aws.ToString(r.Region) == region {
			return r, true
		}
	}
	return types.ReplicationStatusType{}, false
}

// replicated holds what is seen of a delivered secret against its replicas. One
// that is missing makes it edited, so that it is put right; one that is not in
// step is an error: readers there may still have the value before.
func (s *Store) replicated(ctx context.Context, x secret, h *rotation.Holding) error {
	if h.State != rotation.StateMarked || len(s.config.Replicas) == 0 {
		return nil
	}
	if len(s.lacking(x)) > 0 {
		h.State = rotation.StateEdited
		return nil
	}
	for _, want := range s.config.Replicas {
		r, _ := x.replica(want.Region)
		if err := replicaError(x.name, r); err != nil {
			return err
		}
	}
	for _, want := range s.config.Replicas {
		there, err := s.describe(ctx, want.Region, x.name)
		if err != nil {
			return err
		}
		if there.token() != x.token() {
			return &failure{
				operation: opDescribe, region: want.Region, secret: x.name, kind: kindOf(providers.Transient),
				words: fmt.Sprintf("the replica in %s does not have the current version yet", want.Region),
			}
		}
	}
	return nil
}

func replicaError(name string, r types.ReplicationStatusType) error {
	region := aws.ToString(r.Region)
	f := &failure{operation: opDescribe, region: region, secret: name}
	switch r.Status {
	case types.StatusTypeInSync:
		return nil
	case types.StatusTypeFailed:
		f.kind = kindOf(providers.Denied)
		f.words = fmt.Sprintf("the replica in %s failed: %s", region, providers.OneLine(aws.ToString(r.StatusMessage)))
		f.hint = fmt.Sprintf("put right what it says, then `aws secretsmanager remove-regions-from-replication --secret-id %s --remove-replica-regions %s`: keyrota replicates it anew", name, region)
	default:
		f.kind = kindOf(providers.Transient)
		f.words = fmt.Sprintf("the replica in %s is not in sync yet", region)
	}
	return f
}

// replicate adds the replicas that are lacking.
func (s *Store) replicate(ctx context.Context, x secret) error {
	lacking := s.lacking(x)
	if len(lacking) == 0 {
		return nil
	}
	_, err := call(ctx, s, s.region, opReplicate, x.name, (*secretsmanager.Client).ReplicateSecretToRegions,
		&secretsmanager.ReplicateSecretToRegionsInput{SecretId: aws.String(x.arn), AddReplicaRegions: lacking})
	return err
}
