package awstest_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/keyrota/keyrota/providers/awssm/awstest"
)

func TestTheSDKCreatesReadsAndChangesASecret(t *testing.T) {
	s := start(t, awstest.Options{})
	c := client(s, s.User, awstest.DefaultRegion)
	ctx := t.Context()
	made, err := c.CreateSecret(ctx, &secretsmanager.CreateSecretInput{
		Name: aws.String("ml/key"), SecretString: aws.String(canary1), Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("ml")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	put, err := c.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: made.ARN, SecretString: aws.String(canary2)})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("ml/key")})
	if err != nil || *got.SecretString != canary2 || *got.VersionId != *put.VersionId {
		t.Fatalf("got another value, or %v", err)
	}
	before, err := c.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("ml/key"), VersionStage: aws.String("AWSPREVIOUS")})
	if err != nil || *before.SecretString != canary1 {
		t.Fatalf("got another value, or %v", err)
	}
	d, err := c.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String("ml/key")})
	if err != nil || len(d.VersionIdsToStages) != 2 || len(d.Tags) != 1 {
		t.Fatalf("got %+v, %v", d, err)
	}
	l, err := c.ListSecrets(ctx, &secretsmanager.ListSecretsInput{})
	if err != nil || len(l.SecretList) != 1 || l.SecretList[0].LastAccessedDate == nil || len(l.SecretList[0].SecretVersionsToStages) != 2 {
		t.Fatalf("got %+v, %v", l, err)
	}
	if _, err := c.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("none")}); code(err) != "ResourceNotFoundException" {
		t.Fatal(err)
	}
	if value, ok := s.Raw("ml/key"); !ok || value != canary2 {
		t.Fatal("a person sees another value")
	}
}

func TestCallsAreCountedByOperationAndPeopleAreNot(t *testing.T) {
	s := start(t, awstest.Options{})
	from(s).create(t, "a", canary1)
	from(s).value(t, "a")
	from(s).value(t, "a")
	s.Throttle("GetSecretValue", 1, 0)
	from(s).refused(t, "ThrottlingException", "GetSecretValue", params{"SecretId": "a"})
	if err := s.Edit("a", canary2); err != nil {
		t.Fatal(err)
	}
	s.Describe("a")
	if got := s.Calls(); len(got) != 2 || got["CreateSecret"] != 1 || got["GetSecretValue"] != 3 {
		t.Errorf("calls: %v", got)
	}
	if got := s.Throttled(); len(got) != 1 || got["GetSecretValue"] != 1 {
		t.Errorf("throttled: %v", got)
	}
	s.Reset()
	if len(s.Calls()) != 0 || len(s.Throttled()) != 0 {
		t.Error("Reset did not forget the calls")
	}
}

func TestWhatIsNotEmulatedSaysSo(t *testing.T) {
	s := start(t, awstest.Options{})
	c := from(s)
	c.create(t, "a", canary1)
	c.refused(t, "UnknownOperationException", "GetRandomPassword", params{})
	c.refused(t, "UnknownOperationException", "PutResourcePolicy", params{"SecretId": "a", "ResourcePolicy": "{}"})
	c.refused(t, "InvalidRequestException", "RotateSecret", params{"SecretId": "a", "ClientRequestToken": token("2")})
	c.refused(t, "InvalidRequestException", "CancelRotateSecret", params{"SecretId": "a"})
}

func TestTheSameSeedMakesTheSameARNs(t *testing.T) {
	arn := func(seed uint64) any {
		return from(start(t, awstest.Options{Seed: seed})).create(t, "a", canary1)["ARN"]
	}
	if arn(1) != arn(1) || arn(1) == arn(2) {
		t.Error("the seed does not decide the ARN")
	}
}
