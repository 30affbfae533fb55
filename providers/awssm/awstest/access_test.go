package awstest_test

import (
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers/awssm/awstest"
)

func TestWhoIsNotKnownOrSignsWronglyIsRefused(t *testing.T) {
	s := start(t, awstest.Options{})
	c := from(s)
	c.create(t, "a", canary1)
	in := params{"SecretId": "a"}
	wrong := s.User
	wrong.SecretAccessKey = canary2
	c.as(wrong).refused(t, "InvalidSignatureException", "GetSecretValue", in)
	wrong.AccessKeyID = "AKIANOBODY"
	c.as(wrong).refused(t, "UnrecognizedClientException", "GetSecretValue", in)
	token := s.User
	token.SessionToken = canary2
	c.as(token).refused(t, "UnrecognizedClientException", "GetSecretValue", in)
	other := s.AddUser(awstest.DefaultAccount, "other")
	c.as(other).call(t, "GetSecretValue", in)
	s.Revoke(other)
	c.as(other).refused(t, "UnrecognizedClientException", "GetSecretValue", in)
}

func TestAccountsAndRegionsAreSeparate(t *testing.T) {
	s := start(t, awstest.Options{})
	c := from(s)
	c.create(t, "a", canary1)
	other := c.as(s.AddUser("210987654321", "other"))
	other.refused(t, "ResourceNotFoundException", "GetSecretValue", params{"SecretId": "a"})
	c.in("eu-central-1").refused(t, "ResourceNotFoundException", "GetSecretValue", params{"SecretId": "a"})
	arn := other.create(t, "a", canary2)["ARN"].(string)
	if !strings.HasPrefix(arn, "arn:aws:secretsmanager:us-east-1:210987654321:secret:a-") {
		t.Error(arn)
	}
	if c.value(t, "a") != canary1 {
		t.Error("another account's secret is ours")
	}
}

func TestDenials(t *testing.T) {
	s := start(t, awstest.Options{})
	c := from(s)
	c.create(t, "ml/a", canary1)
	c.create(t, "web/a", canary1)
	s.Deny(s.User, awstest.Denial{Action: "GetSecretValue", Name: "ml/"}, awstest.Denial{Action: "ListSecrets"})
	c.refused(t, "AccessDeniedException", "GetSecretValue", params{"SecretId": "ml/a"})
	c.refused(t, "AccessDeniedException", "GetSecretValue", params{"SecretId": "ml/none"}) // nor may one know that it is not there
	c.refused(t, "AccessDeniedException", "ListSecrets", params{})
	c.value(t, "web/a")
	c.put(t, "ml/a", canary2, "2")
	answer := c.call(t, "BatchGetSecretValue", params{"SecretIdList": []string{"ml/a", "web/a"}})
	if len(answer["SecretValues"].([]any)) != 1 || answer["Errors"].([]any)[0].(map[string]any)["ErrorCode"] != "AccessDeniedException" {
		t.Errorf("errors: %v", answer["Errors"])
	}
	c.refused(t, "AccessDeniedException", "BatchGetSecretValue", params{"Filters": []params{{"Key": "name", "Values": []string{"web"}}}})
	refusal, _ := c.try(t, "ListSecrets", params{})
	if message := refusal["Message"].(string); !strings.Contains(message, "secretsmanager:ListSecrets") || !strings.Contains(message, s.User.ARN) {
		t.Error(message)
	}
	s.Allow(s.User)
	c.value(t, "ml/a")
	s.Deny(s.User, awstest.Denial{})
	c.refused(t, "AccessDeniedException", "DescribeSecret", params{"SecretId": "web/a"})
}

func TestAPolicyAllowsWhatItSays(t *testing.T) {
	s := start(t, awstest.Options{})
	c := from(s)
	c.create(t, "ml/a", canary1)
	c.create(t, "web/a", canary1)
	if err := s.SetPolicy(s.User, `{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Action": "secretsmanager:ListSecrets", "Resource": "*"},
		{"Effect": "Allow", "Action": ["secretsmanager:CreateSecret", "secretsmanager:Put*", "secretsmanager:describesecret"],
		 "Resource": "arn:aws:secretsmanager:*:123456789012:secret:ml/*"},
		{"Effect": "Deny", "NotAction": "secretsmanager:List*", "Resource": "arn:aws:secretsmanager:us-east-1:123456789012:secret:ml/no-??????"}
	]}`); err != nil {
		t.Fatal(err)
	}
	c.call(t, "ListSecrets", params{})
	c.call(t, "DescribeSecret", params{"SecretId": "ml/a"})
	c.put(t, "ml/a", canary2, "2")
	c.create(t, "ml/b", canary1)
	for operation, in := range map[string]params{
		"GetSecretValue": {"SecretId": "ml/a"}, "DescribeSecret": {"SecretId": "web/a"}, "DeleteSecret": {"SecretId": "ml/a"},
		"CreateSecret":   {"Name": "ml/no", "ClientRequestToken": token("1")},
		"PutSecretValue": {"SecretId": "web/none", "SecretString": canary1, "ClientRequestToken": token("1")},
	} {
		c.refused(t, "AccessDeniedException", operation, in)
	}
	// "Tags at creation also need TagResource."
	c.refused(t, "AccessDeniedException", "CreateSecret", params{
		"Name": "ml/c", "ClientRequestToken": token("1"), "Tags": []params{{"Key": "k", "Value": "v"}},
	})
	c.refused(t, "AccessDeniedException", "CreateSecret", params{
		"Name": "ml/c", "ClientRequestToken": token("1"), "AddReplicaRegions": replicateTo("eu-west-1"),
	})
	if _, there := s.Describe("ml/c"); there {
		t.Error("what was denied had an effect")
	}
	for _, bad := range []string{
		``, `{}`, `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*"}]}`,
		`{"Version": "2012-10-17", "Statement": [{"Effect": "Maybe", "Action": "*", "Resource": "*"}]}`,
		`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {}}]}`,
	} {
		if s.SetPolicy(s.User, bad) == nil {
			t.Errorf("%s is taken for a policy", bad)
		}
	}
}
