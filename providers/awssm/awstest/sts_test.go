package awstest_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/keyrota/keyrota/providers/awssm/awstest"
)

const role = "arn:aws:iam::210987654321:role/path/keyrota"

func security(s *awstest.Server, i awstest.Identity) *sts.Client {
	return sts.NewFromConfig(s.Config(i, awstest.DefaultRegion), func(o *sts.Options) { o.Retryer = aws.NopRetryer{} })
}

func assume(t *testing.T, s *awstest.Server, i awstest.Identity, external string) (awstest.Identity, error) {
	t.Helper()
	in := &sts.AssumeRoleInput{RoleArn: aws.String(role), RoleSessionName: aws.String("test")}
	if external != "" {
		in.ExternalId = aws.String(external)
	}
	out, err := security(s, i).AssumeRole(t.Context(), in)
	if err != nil {
		return awstest.Identity{}, err
	}
	return awstest.Identity{
		AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretAccessKey,
		SessionToken: *out.Credentials.SessionToken, Expires: *out.Credentials.Expiration, ARN: *out.AssumedRoleUser.Arn,
	}, nil
}

func TestASessionOfARoleActsInTheRolesAccount(t *testing.T) {
	clock := newClock()
	s := start(t, awstest.Options{Now: clock.Now})
	if err := s.AddRole(awstest.Role{ARN: role}); err != nil {
		t.Fatal(err)
	}
	session, err := assume(t, s, s.User, "")
	if err != nil {
		t.Fatal(err)
	}
	c := from(s).as(session)
	c.create(t, "a", canary1)
	if _, there := s.At("210987654321", awstest.DefaultRegion).Raw("a"); !there {
		t.Error("it is not in the account of the role")
	}
	if _, there := s.Raw("a"); there {
		t.Error("it is in the account of the caller")
	}
	who, err := security(s, session).GetCallerIdentity(t.Context(), nil)
	if err != nil || *who.Arn != "arn:aws:sts::210987654321:assumed-role/keyrota/test" || *who.Account != "210987654321" {
		t.Errorf("got %v, %v", who, err)
	}
	without := session
	without.SessionToken = ""
	c.as(without).refused(t, "UnrecognizedClientException", "DescribeSecret", params{"SecretId": "a"})
	clock.Add(time.Hour)
	c.refused(t, "ExpiredTokenException", "DescribeSecret", params{"SecretId": "a"})
}

func TestARoleIsAssumedByWhomItTrusts(t *testing.T) {
	s := start(t, awstest.Options{})
	stranger := s.AddUser("333333333333", "stranger")
	for name, x := range map[string]struct {
		role     awstest.Role
		who      awstest.Identity
		external string
		want     string
	}{
		"an account":              {awstest.Role{Trusts: []string{awstest.DefaultAccount}}, s.User, "", ""},
		"a user":                  {awstest.Role{Trusts: []string{s.User.ARN}}, s.User, "", ""},
		"another account":         {awstest.Role{Trusts: []string{awstest.DefaultAccount}}, stranger, "", "AccessDenied"},
		"the external ID":         {awstest.Role{ExternalID: "acme"}, s.User, "acme", ""},
		"no external ID":          {awstest.Role{ExternalID: "acme"}, s.User, "", "AccessDenied"},
		"another external ID":     {awstest.Role{ExternalID: "acme"}, s.User, "emca", "AccessDenied"},
		"an external ID too many": {awstest.Role{}, s.User, "acme", ""},
	} {
		x.role.ARN = role
		if err := s.AddRole(x.role); err != nil {
			t.Fatal(err)
		}
		if _, err := assume(t, s, x.who, x.external); code(err) != x.want {
			t.Errorf("%s: got %v, want %q", name, err, x.want)
		}
	}
	if s.AddRole(awstest.Role{ARN: "keyrota"}) == nil {
		t.Error("a role without an ARN is taken")
	}
	out := &sts.AssumeRoleInput{RoleArn: aws.String(role + "-none"), RoleSessionName: aws.String("test")}
	if _, err := security(s, s.User).AssumeRole(t.Context(), out); code(err) != "AccessDenied" {
		t.Errorf("an unknown role: %v", err)
	}
	wrong := s.User
	wrong.SecretAccessKey = canary1
	if _, err := assume(t, s, wrong, ""); code(err) != "SignatureDoesNotMatch" {
		t.Errorf("a wrong signature: %v", err)
	}
	wrong.AccessKeyID = "AKIANOBODY"
	if _, err := assume(t, s, wrong, ""); code(err) != "InvalidClientTokenId" {
		t.Errorf("an unknown key: %v", err)
	}
}

func TestAWebIdentityGetsASessionOfItsRole(t *testing.T) {
	s := start(t, awstest.Options{})
	policy := `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "secretsmanager:ListSecrets", "Resource": "*"}]}`
	if err := s.AddRole(awstest.Role{ARN: role, Policy: policy, WebIdentity: func(token string) (string, error) {
		if token != canary1 {
			return "", errors.New("another token")
		}
		return "system:serviceaccount:keyrota:keyrota", nil
	}}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "token")
	session := func(token string) (awstest.Identity, error) {
		if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
		provider := stscreds.NewWebIdentityRoleProvider(security(s, awstest.Identity{}), role, stscreds.IdentityTokenFile(file))
		got, err := provider.Retrieve(context.WithoutCancel(t.Context()))
		return awstest.Identity{AccessKeyID: got.AccessKeyID, SecretAccessKey: got.SecretAccessKey, SessionToken: got.SessionToken}, err
	}
	who, err := session(canary1)
	if err != nil {
		t.Fatal(err)
	}
	c := from(s).as(who)
	c.call(t, "ListSecrets", params{})
	c.refused(t, "AccessDeniedException", "CreateSecret", params{"Name": "a", "ClientRequestToken": token("1")})
	if _, err := session(canary2); code(err) != "InvalidIdentityToken" {
		t.Errorf("another token: %v", err)
	}
}

func TestFaultsMeetSTSToo(t *testing.T) {
	s := start(t, awstest.Options{})
	if err := s.AddRole(awstest.Role{ARN: role}); err != nil {
		t.Fatal(err)
	}
	s.Inject(awstest.Fault{Operation: "AssumeRole", Error: &awstest.Error{Code: "Throttling", Message: "Rate exceeded"}})
	if _, err := assume(t, s, s.User, ""); code(err) != "Throttling" {
		t.Error(err)
	}
	if _, err := assume(t, s, s.User, ""); err != nil {
		t.Error(err)
	}
	if got := s.Calls()["AssumeRole"]; got != 2 {
		t.Errorf("%d calls", got)
	}
}
