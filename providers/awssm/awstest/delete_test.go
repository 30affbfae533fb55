package awstest_test

import (
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/awssm/awstest"
)

func TestADeletedSecretCanBeRestoredUntilItsWindowEnds(t *testing.T) {
	clock := newClock()
	s := start(t, awstest.Options{Now: clock.Now})
	c := from(s)
	c.create(t, "a", canary1)
	arn := c.call(t, "DescribeSecret", params{"SecretId": "a"})["ARN"]
	answer := c.call(t, "DeleteSecret", params{"SecretId": "a", "RecoveryWindowInDays": 7})
	if got, want := answer["DeletionDate"], float64(clock.Now().AddDate(0, 0, 7).Unix()); got != want {
		t.Errorf("deletion on %v, want %v", got, want)
	}
	clock.Add(7*24*time.Hour - time.Second)
	for operation, in := range map[string]params{
		"GetSecretValue":               {},
		"PutSecretValue":               {"SecretString": canary2, "ClientRequestToken": token("2")},
		"UpdateSecret":                 {"Description": "d"},
		"UpdateSecretVersionStage":     {"VersionStage": "MINE", "MoveToVersionId": token("1")},
		"DeleteSecret":                 {},
		"TagResource":                  {"Tags": []params{{"Key": "k", "Value": "v"}}},
		"UntagResource":                {"TagKeys": []string{"k"}},
		"ReplicateSecretToRegions":     {"AddReplicaRegions": []params{{"Region": "eu-west-1"}}},
		"RemoveRegionsFromReplication": {"RemoveReplicaRegions": []string{"eu-west-1"}},
		"RotateSecret":                 {"ClientRequestToken": token("3")},
	} {
		in["SecretId"] = "a"
		c.refused(t, "InvalidRequestException", operation, in)
	}
	c.refused(t, "InvalidRequestException", "CreateSecret", params{"Name": "a", "SecretString": canary1, "ClientRequestToken": token("1")})
	if c.call(t, "DescribeSecret", params{"SecretId": "a"})["DeletedDate"] == nil {
		t.Error("a description says nothing of the deletion")
	}
	if got := c.call(t, "ListSecretVersionIds", params{"SecretId": "a"})["Versions"].([]any); len(got) != 1 {
		t.Errorf("versions: %v", got)
	}
	listed := func(all bool) int {
		return len(c.call(t, "ListSecrets", params{"IncludePlannedDeletion": all})["SecretList"].([]any))
	}
	if listed(false) != 0 || listed(true) != 1 {
		t.Error("the list has it where it should not, or the other way round")
	}
	c.call(t, "RestoreSecret", params{"SecretId": "a"})
	if c.value(t, "a") != canary1 || listed(false) != 1 {
		t.Error("it is not back")
	}
	c.call(t, "RestoreSecret", params{"SecretId": "a"}) // does no harm

	c.call(t, "DeleteSecret", params{"SecretId": "a"})
	clock.Add(30 * 24 * time.Hour)
	c.refused(t, "ResourceNotFoundException", "RestoreSecret", params{"SecretId": "a"})
	c.refused(t, "ResourceNotFoundException", "DescribeSecret", params{"SecretId": "a"})
	if listed(true) != 0 || len(s.Names()) != 0 {
		t.Error("it is still there")
	}
	if c.create(t, "a", canary2)["ARN"] == arn {
		t.Error("the new secret of the name has the ARN of the old one")
	}
	c.refused(t, "ResourceNotFoundException", "GetSecretValue", params{"SecretId": arn})
}

func TestADeletionWithoutRecoveryTakesAMoment(t *testing.T) {
	clock := newClock()
	s := start(t, awstest.Options{Now: clock.Now, ForceDeleteAfter: 5 * time.Second})
	c := from(s)
	c.create(t, "a", canary1)
	c.call(t, "DeleteSecret", params{"SecretId": "a", "ForceDeleteWithoutRecovery": true})
	c.refused(t, "InvalidRequestException", "GetSecretValue", params{"SecretId": "a"})
	c.refused(t, "InvalidRequestException", "CreateSecret", params{"Name": "a", "SecretString": canary1, "ClientRequestToken": token("1")})
	c.refused(t, "InvalidRequestException", "RestoreSecret", params{"SecretId": "a"})
	clock.Add(5 * time.Second)
	c.refused(t, "ResourceNotFoundException", "DescribeSecret", params{"SecretId": "a"})
	c.call(t, "DeleteSecret", params{"SecretId": "a", "ForceDeleteWithoutRecovery": true}) // what is not there is no error
	c.create(t, "a", canary2)

	c.call(t, "DeleteSecret", params{"SecretId": "a"})
	c.call(t, "DeleteSecret", params{"SecretId": "a", "ForceDeleteWithoutRecovery": true}) // also what is scheduled
	clock.Add(5 * time.Second)
	c.create(t, "a", canary2)
}

func TestTheWindowOfADeletion(t *testing.T) {
	c := from(start(t, awstest.Options{}))
	c.create(t, "a", canary1)
	for _, days := range []int{0, 6, 31} {
		c.refused(t, "InvalidParameterException", "DeleteSecret", params{"SecretId": "a", "RecoveryWindowInDays": days})
	}
	c.refused(t, "InvalidParameterException", "DeleteSecret", params{
		"SecretId": "a", "RecoveryWindowInDays": 7, "ForceDeleteWithoutRecovery": true,
	})
	c.refused(t, "ResourceNotFoundException", "DeleteSecret", params{"SecretId": "none"})
	c.call(t, "DeleteSecret", params{"SecretId": "a", "RecoveryWindowInDays": 30})
}
