package azurekv

import (
	"cmp"
	"context"
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"

	"github.com/keyrota/keyrota/providers"
)

var _ providers.Connector = (*Store)(nil)

// Endpoints returns the vault, and the authority that tokens come from, except
// for a managed identity: the machine gives those.
func (s *Store) Endpoints(context.Context) ([]providers.Endpoint, error) {
	all := []providers.Endpoint{{URL: s.config.URL, For: "Key Vault", CAFile: s.config.CAFile}}
	if s.config.Auth != AuthManagedIdentity {
		authority := cmp.Or(s.config.authority().ActiveDirectoryAuthorityHost, os.Getenv("AZURE_AUTHORITY_HOST"), cloud.AzurePublic.ActiveDirectoryAuthorityHost)
		all = append(all, providers.Endpoint{URL: authority, For: "Microsoft Entra", CAFile: s.config.CAFile})
	}
	return all, nil
}
