package awssm

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/keyrota/keyrota/providers/pace"
)

// Config is the block of one store of type aws. Its zero value is complete
// where the environment or the AWS profile names a Region. Credentials are
// found as AWS's own tools find them: environment, profile, SSO, web identity
// (IRSA), EKS Pod Identity, ECS, instance metadata. None stands here.
type Config struct {
	Region string `yaml:"region"` // AWS_REGION, AWS_DEFAULT_REGION or the profile's, if empty
	// Profile of the shared configuration and credentials files; AWS_PROFILE if empty.
	Profile string `yaml:"profile"`
	// RoleARN is a role to assume with those credentials, such as one of
	// another account.
	RoleARN string `yaml:"role_arn"`
	// ExternalID is what the role's trust policy may ask for.
	ExternalID string `yaml:"external_id"`
	// Endpoint replaces AWS's own: an interface VPC endpoint, or an emulator.
	Endpoint string `yaml:"endpoint"`
	// KMSKey encrypts the secrets: a key's id or ARN, or "alias/NAME". If empty,
	// new secrets get the account's key aws/secretsmanager, and others keep theirs.
	KMSKey string `yaml:"kms_key"`
	// Replicas are further Regions that must have each secret.
	Replicas []Replica `yaml:"replicas"`
}

// Replica is one Region that secrets are replicated to.
type Replica struct {
	Region string `yaml:"region" keyrota:"required"`
	// KMSKey is a key of that Region; aws/secretsmanager there if empty.
	KMSKey string `yaml:"kms_key"`
	// Endpoint of that Region. The store's own if empty, which suits an emulator.
	Endpoint string `yaml:"endpoint"`
}

// Options is what a Store is given besides its configuration.
type Options struct {
	// Paces are shared by the stores of a process, so that those of one account
	// and Region share its quotas. Nil: the store keeps to them alone.
	Paces *pace.Paces
	// HTTPClient replaces the client that the environment would make.
	HTTPClient *http.Client
	// Now is the clock by which Retry-After dates are read; time.Now if nil.
	Now func() time.Time
}

var (
	regionForm = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-[0-9]+$`)
	roleForm   = regexp.MustCompile(`^arn:(aws[a-z-]*):iam::([0-9]{12}):role/[\w+=,.@/-]+$`)
	// externalForm and externalMax: AWS STS API, AssumeRole, "ExternalId".
	externalForm = regexp.MustCompile(`^[\w+=,.@:/-]{2,}$`)
)

const externalMax = 1224

// Check reports all that is wrong with c: where, what, and what to write instead.
func (c Config) Check(report func(path, message, hint string)) {
	const likeRegion = "write a Region's code, like eu-central-1"
	if c.Region != "" && !regionForm.MatchString(c.Region) {
		report("region", "is not the code of a Region", likeRegion)
	}
	if c.RoleARN != "" && !roleForm.MatchString(c.RoleARN) {
		report("role_arn", "is not the ARN of a role", "write arn:aws:iam::ACCOUNT:role/NAME")
	}
	if c.ExternalID != "" && (!externalForm.MatchString(c.ExternalID) || len(c.ExternalID) > externalMax) {
		report("external_id", "is not an external id", "write 2 to 1224 letters, digits and _+=,.@:/-")
	}
	if c.ExternalID != "" && c.RoleARN == "" {
		report("external_id", "there is no role that could ask for it", "write role_arn too, or leave it out")
	}
	if c.Endpoint != "" && !isEndpoint(c.Endpoint) {
		report("endpoint", "is not the URL of a server", "write https://HOST, or leave it out for AWS's own")
	}
	if strings.ContainsAny(c.KMSKey, " \t\n") {
		report("kms_key", "is not a KMS key", "write a key's id, its ARN, or alias/NAME")
	}
	seen := map[string]bool{c.Region: c.Region != ""}
	for i, r := range c.Replicas {
		at := fmt.Sprintf("replicas[%d].", i)
		switch {
		case r.Region == "":
			report(at+"region", "is missing", likeRegion)
		case !regionForm.MatchString(r.Region):
			report(at+"region", "is not the code of a Region", likeRegion)
		case seen[r.Region]:
			report(at+"region", "is named already, here or as the store's own", "name each Region once")
		}
		seen[r.Region] = true
		if r.Endpoint != "" && !isEndpoint(r.Endpoint) {
			report(at+"endpoint", "is not the URL of a server", "write https://HOST, or leave it out")
		}
		if strings.ContainsAny(r.KMSKey, " \t\n") {
			report(at+"kms_key", "is not a KMS key", "write the id or ARN of a key of that Region, or alias/NAME")
		}
	}
}

func isEndpoint(endpoint string) bool {
	u, err := url.Parse(endpoint)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
}

func (c Config) check() error {
	var wrong []error
	c.Check(func(path, message, hint string) {
		wrong = append(wrong, fmt.Errorf("%s: %s (%s)", path, message, hint))
	})
	return errors.Join(wrong...)
}

// Override sets what a destination may have of its own: "region", "role_arn".
// It reports false for every other setting.
func (c *Config) Override(setting, value string) bool {
	switch setting {
	case "region":
		c.Region = value
	case "role_arn":
		c.RoleARN = value
	default:
		return false
	}
	return true
}

// Identity returns what tells physical secrets apart, of a path in a store of
// this configuration: see Store.Identity. It asks nobody and reads no file, so
// an account is known by the role's ARN, else by the profile's name.
func (c Config) Identity(path string) string {
	region := cmp.Or(c.Region, os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"), "default")
	endpoint := cmp.Or(c.Endpoint, os.Getenv("AWS_ENDPOINT_URL_SECRETS_MANAGER"), os.Getenv("AWS_ENDPOINT_URL"))
	return identity(endpoint, c.account(), region, path)
}

func identity(endpoint, account, region, path string) string {
	if u, err := url.Parse(endpoint); err == nil && u.Host != "" {
		endpoint = strings.ToLower(u.Host) + strings.TrimRight(u.Path, "/")
	}
	return "aws://" + endpoint + "/" + account + "/" + region + "/" + path
}

// roleAccount returns the number of the account of the role to assume, if there is one.
func (c Config) roleAccount() string {
	if m := roleForm.FindStringSubmatch(c.RoleARN); m != nil {
		return m[2]
	}
	return ""
}

// account names the account as well as it is known without asking.
func (c Config) account() string {
	if account := c.roleAccount(); account != "" {
		return account
	}
	return cmp.Or(c.Profile, os.Getenv("AWS_PROFILE"), os.Getenv("AWS_DEFAULT_PROFILE"), "default")
}
