package awssm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"
)

// sessionName is how an assumed role's calls show in CloudTrail.
const sessionName = "keyrota"

// connection is the clients of one store, one a Region, which share their
// credentials.
type connection struct {
	config  Config
	options Options

	mu  sync.Mutex
	now *clients // nil: to be made anew
}

// clients never change once they are made.
type clients struct {
	region      string // the store's own
	endpoint    string // of the store's own Region; empty: AWS's
	credentials aws.CredentialsProvider
	byRegion    map[string]*secretsmanager.Client
}

// get returns the clients. They are made of environment and files, without any
// call.
func (c *connection) get(ctx context.Context) (*clients, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now != nil {
		return c.now, nil
	}
	made, err := c.config.clients(ctx, c.options)
	if err == nil {
		c.now = made
	}
	return made, err
}

// forget has the next call look for credentials anew: those of a file are read
// once, and may have been replaced there since.
func (c *connection) forget(refused *clients) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now == refused {
		c.now = nil
	}
}

func (c Config) clients(ctx context.Context, o Options) (*clients, error) {
	load := []func(*awsconfig.LoadOptions) error{
		// The caller of a provider tries again; nothing here does.
		awsconfig.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }),
		awsconfig.WithAppID("keyrota"),
		// Nothing is logged below keyrota: what the SDK would say may hold values.
		awsconfig.WithLogger(logging.Nop{}),
		awsconfig.WithHTTPClient(httpClient()),
		awsconfig.WithEndpointCredentialOptions(func(to *endpointcreds.Options) { to.HTTPClient = httpClient() }),
		awsconfig.WithAPIOptions([]func(*middleware.Stack) error{bounded}),
	}
	if c.Region != "" {
		load = append(load, awsconfig.WithRegion(c.Region))
	}
	if c.Profile != "" {
		load = append(load, awsconfig.WithSharedConfigProfile(c.Profile))
	}
	if o.HTTPClient != nil {
		load = append(load, awsconfig.WithHTTPClient(o.HTTPClient))
	}
	loaded, err := awsconfig.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, loadError(err)
	}
	if loaded.Region == "" {
		return nil, errors.New("no Region: write region, or set AWS_REGION")
	}
	if c.RoleARN != "" {
		loaded.Credentials = c.assuming(loaded)
	}
	made := &clients{region: loaded.Region, credentials: loaded.Credentials, byRegion: map[string]*secretsmanager.Client{}}
	add := func(region, endpoint string) *secretsmanager.Client {
		client := secretsmanager.NewFromConfig(loaded, func(to *secretsmanager.Options) {
			to.Region = region
			to.HTTPClient = quietBodies{to.HTTPClient}
			if endpoint != "" {
				to.BaseEndpoint = aws.String(endpoint)
			}
		})
		made.byRegion[region] = client
		return client
	}
	for _, r := range c.Replicas {
		if r.Region == made.region {
			return nil, fmt.Errorf("replicas: %s is the store's own Region: leave it out", r.Region)
		}
		add(r.Region, cmp.Or(r.Endpoint, c.Endpoint))
	}
	made.endpoint = aws.ToString(add(made.region, c.Endpoint).Options().BaseEndpoint)
	return made, nil
}

func (c Config) assuming(loaded aws.Config) aws.CredentialsProvider {
	role := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(loaded, func(to *sts.Options) {
		to.HTTPClient = quietBodies{to.HTTPClient}
	}), c.RoleARN, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = sessionName
		if c.ExternalID != "" {
			o.ExternalID = aws.String(c.ExternalID)
		}
	})
	return aws.NewCredentialsCache(role, func(o *aws.CredentialsCacheOptions) {
		o.ExpiryWindow = time.Minute // so that none ends on its way
	})
}

// quietBodies hides how the SDK's request bodies write themselves: one that was
// closed meanwhile, because the answer has come already, says so as an error
// (smithy-go v1.28.9, safeWriteToReadCloser), for which net/http ends the
// connection that the answer is being read from.
type quietBodies struct{ aws.HTTPClient }

func (c quietBodies) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return c.HTTPClient.Do(r)
}

// loadError tells what is wrong with environment or files without their words:
// a line of a credentials file may be among them.
func loadError(err error) error {
	var noProfile awsconfig.SharedConfigProfileNotExistError
	var noFile awsconfig.SharedConfigLoadError
	switch {
	case errors.As(err, &noProfile):
		return fmt.Errorf("there is no AWS profile %q: `aws configure list-profiles` shows those there are", noProfile.Profile)
	case errors.As(err, &noFile):
		return fmt.Errorf("%s cannot be read as a shared configuration file of AWS: `aws configure list` says more", noFile.Filename)
	}
	return errors.New("the AWS environment or profile is not complete: `aws configure list` shows what is found")
}

// warnings says what of the connection a person should not be silent about.
func (c *clients) warnings() []string {
	hosts := map[string]bool{}
	for _, client := range c.byRegion {
		u, err := url.Parse(aws.ToString(client.Options().BaseEndpoint))
		if err == nil && u.Scheme == "http" && !loopback(u.Hostname()) {
			hosts[u.Host] = true
		}
	}
	var all []string
	for _, host := range slices.Sorted(maps.Keys(hosts)) {
		all = append(all, host+" is reached without TLS: whoever listens in gets the keys")
	}
	return all
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
