package awssm

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/keyrota/keyrota/providers"
)

var _ providers.Connector = (*Store)(nil)

// Endpoints returns Secrets Manager's address in each Region, and that of STS
// where a role is assumed.
func (s *Store) Endpoints(ctx context.Context) ([]providers.Endpoint, error) {
	found, err := s.connection.get(ctx)
	if err != nil {
		return nil, fmt.Errorf("aws: %w", err)
	}
	var all []providers.Endpoint
	for _, region := range slices.Sorted(maps.Keys(found.byRegion)) {
		o := found.byRegion[region].Options()
		at, err := o.EndpointResolverV2.ResolveEndpoint(ctx, secretsmanager.EndpointParameters{
			Region: aws.String(region), Endpoint: o.BaseEndpoint,
			UseFIPS:      aws.Bool(o.EndpointOptions.UseFIPSEndpoint == aws.FIPSEndpointStateEnabled),
			UseDualStack: aws.Bool(o.EndpointOptions.UseDualStackEndpoint == aws.DualStackEndpointStateEnabled),
		})
		if err != nil {
			return nil, fmt.Errorf("aws: the address of Secrets Manager in %s: %w", region, err)
		}
		all = append(all, providers.Endpoint{URL: at.URI.String(), For: "Secrets Manager in " + region})
	}
	if s.config.RoleARN != "" || os.Getenv("AWS_WEB_IDENTITY_TOKEN_FILE") != "" {
		at, err := sts.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, sts.EndpointParameters{
			Region: aws.String(found.region), UseGlobalEndpoint: aws.Bool(false), UseFIPS: aws.Bool(false), UseDualStack: aws.Bool(false),
		})
		if err != nil {
			return nil, fmt.Errorf("aws: the address of STS in %s: %w", found.region, err)
		}
		all = append(all, providers.Endpoint{URL: at.URI.String(), For: "STS, to assume a role"})
	}
	return all, nil
}
