package azurekv

import (
	"fmt"
	"net/http"
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"github.com/keyrota/keyrota/providers"
)

// client makes the SDK's own client. It never tries again by itself: the caller
// of a provider does.
func (c Config) client(o Options) (*azsecrets.Client, error) {
	base, err := c.httpClient(o)
	if err != nil {
		return nil, err
	}
	options := azcore.ClientOptions{
		Transport: base, Cloud: c.authority(),
		Retry:     policy.RetryOptions{MaxRetries: -1},
		Telemetry: policy.TelemetryOptions{Disabled: true},
	}
	credential := o.Credential
	if credential == nil {
		if credential, err = c.credential(options); err != nil {
			return nil, err
		}
	}
	return azsecrets.NewClient(c.URL, login{credential, c.Auth, o.Now}, &azsecrets.ClientOptions{ClientOptions: options})
}

func (c Config) httpClient(o Options) (*http.Client, error) {
	var client http.Client
	if o.HTTPClient != nil {
		client = *o.HTTPClient
	} else {
		base, err := providers.Transport(c.CAFile)
		if err != nil {
			return nil, err
		}
		client.Transport = base
	}
	if client.Transport == nil {
		client.Transport = http.DefaultTransport
	}
	client.Transport, client.CheckRedirect = transport{providers.Bounded{RoundTripper: client.Transport}}, providers.NoRedirect
	return &client, nil
}

// authority is where tokens come from: the configured cloud's, else what
// AZURE_AUTHORITY_HOST says (which the SDK reads itself), else that of the cloud
// which the URL names.
func (c Config) authority() cloud.Configuration {
	name := c.Cloud
	if name == "" && os.Getenv("AZURE_AUTHORITY_HOST") == "" {
		host, _ := c.host()
		name = cloudOf(hostname(host))
	}
	switch name {
	case "public":
		return cloud.AzurePublic
	case "china":
		return cloud.AzureChina
	case "government":
		return cloud.AzureGovernment
	}
	return cloud.Configuration{}
}

// credential makes a credential. Nothing is asked yet.
func (c Config) credential(o azcore.ClientOptions) (azcore.TokenCredential, error) {
	// A vault outside of Azure's clouds has an authority that Azure's own
	// directory of authorities does not list.
	host, _ := c.host()
	private := cloudOf(hostname(host)) == ""
	var made azcore.TokenCredential
	var err error
	switch c.Auth {
	case AuthWorkloadIdentity:
		made, err = azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
			ClientOptions: o, ClientID: c.ClientID, TenantID: c.Tenant, DisableInstanceDiscovery: private,
		})
	case AuthManagedIdentity:
		managed := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: o}
		if id := c.clientID(); id != "" {
			managed.ID = azidentity.ClientID(id)
		}
		made, err = azidentity.NewManagedIdentityCredential(managed)
	case AuthEnvironment:
		made, err = azidentity.NewEnvironmentCredential(&azidentity.EnvironmentCredentialOptions{ClientOptions: o, DisableInstanceDiscovery: private})
	case AuthCLI:
		made, err = azidentity.NewAzureCLICredential(&azidentity.AzureCLICredentialOptions{TenantID: c.Tenant})
	default:
		made, err = azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{
			ClientOptions: o, TenantID: c.Tenant, DisableInstanceDiscovery: private,
		})
	}
	if err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	return made, nil
}

func (c Config) clientID() string {
	if c.ClientID != "" {
		return c.ClientID
	}
	return os.Getenv("AZURE_CLIENT_ID")
}
