package awstest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Identity is who can call the server: a user with its access key, or a session
// of a role. It is an aws.CredentialsProvider.
type Identity struct {
	Account         string
	ARN             string
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string    // of a session
	Expires         time.Time // of a session
}

// Retrieve returns the credentials, as the SDK asks for them.
func (i Identity) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{
		AccessKeyID: i.AccessKeyID, SecretAccessKey: i.SecretAccessKey, SessionToken: i.SessionToken,
		AccountID: i.Account, CanExpire: !i.Expires.IsZero(), Expires: i.Expires, Source: "awstest",
	}, nil
}

// principal is what the server keeps of an identity.
type principal struct {
	Identity
	policies []statement
}

// AddUser makes a user of an account, with an access key of its own, who may do
// everything there until a policy says otherwise.
func (s *Server) AddUser(account, name string) Identity {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addPrincipal(Identity{
		Account: account, ARN: fmt.Sprintf("arn:aws:iam::%s:user/%s", account, name), AccessKeyID: "AKIA" + s.random(upper, 16),
	}).Identity
}

func (s *Server) addPrincipal(i Identity) *principal {
	i.SecretAccessKey = "CANARY" + s.random(alphanumeric, 40)
	p := &principal{Identity: i}
	s.keys[i.AccessKeyID] = p
	return p
}

// Revoke makes an access key one that the server does not know.
func (s *Server) Revoke(i Identity) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.keys, i.AccessKeyID)
}

// Config is a configuration of the SDK that calls the server as an identity. It
// leaves retries as the SDK has them.
func (s *Server) Config(i Identity, region string) aws.Config {
	return aws.Config{Region: region, Credentials: i, BaseEndpoint: aws.String(s.URL)}
}

// Environment is what makes a program that uses an AWS SDK or the AWS CLI call
// the server as an identity, as "NAME=value".
func (s *Server) Environment(i Identity, region string) []string {
	all := []string{
		"AWS_ACCESS_KEY_ID=" + i.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + i.SecretAccessKey, "AWS_REGION=" + region,
		"AWS_DEFAULT_REGION=" + region, "AWS_ENDPOINT_URL_SECRETS_MANAGER=" + s.URL, "AWS_ENDPOINT_URL_STS=" + s.URL,
		"AWS_EC2_METADATA_DISABLED=true",
	}
	if i.SessionToken != "" {
		all = append(all, "AWS_SESSION_TOKEN="+i.SessionToken)
	}
	return all
}

func accountOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[4]
	}
	return ""
}
