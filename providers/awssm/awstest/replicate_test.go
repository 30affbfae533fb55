package awstest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/awssm/awstest"
)

func replicateTo(region string) []params { return []params{{"Region": region}} }

// statusOf is how a replica is doing, as its primary says.
func statusOf(t *testing.T, c caller, region string) string {
	t.Helper()
	list, _ := c.call(t, "DescribeSecret", params{"SecretId": "a"})["ReplicationStatus"].([]any)
	for _, one := range list {
		if r := one.(map[string]any); r["Region"] == region {
			return r["Status"].(string)
		}
	}
	return ""
}

func TestAReplicaFollowsItsPrimary(t *testing.T) {
	clock := newClock()
	s := start(t, awstest.Options{Now: clock.Now, ReplicateAfter: time.Second})
	c, there := from(s), from(s).in("eu-west-1")
	answer := c.call(t, "CreateSecret", params{
		"Name": "a", "SecretString": canary1, "ClientRequestToken": token("1"), "AddReplicaRegions": replicateTo("eu-west-1"),
	})
	if got := fmt.Sprint(answer["ReplicationStatus"]); !strings.Contains(got, "InProgress") {
		t.Errorf("got %s", got)
	}
	there.refused(t, "ResourceNotFoundException", "GetSecretValue", params{"SecretId": "a"})
	clock.Add(time.Second)
	if there.value(t, "a") != canary1 || statusOf(t, c, "eu-west-1") != "InSync" {
		t.Error("the replica did not follow")
	}
	replica := there.call(t, "DescribeSecret", params{"SecretId": "a"})
	if replica["PrimaryRegion"] != "us-east-1" || replica["ARN"] != strings.Replace(answer["ARN"].(string), "us-east-1", "eu-west-1", 1) {
		t.Errorf("the replica is %v", replica)
	}
	c.put(t, "a", canary2, "2")
	c.call(t, "TagResource", params{"SecretId": "a", "Tags": []params{{"Key": "k", "Value": "v"}}})
	if there.value(t, "a") != canary1 || statusOf(t, c, "eu-west-1") != "InProgress" {
		t.Error("the replica is ahead of its time")
	}
	clock.Add(time.Second)
	if replica, _ := s.At(awstest.DefaultAccount, "eu-west-1").Describe("a"); there.value(t, "a") != canary2 || replica.Tags["k"] != "v" || !replica.Replica {
		t.Error("the replica did not follow")
	}
	if list := there.call(t, "ListSecrets", params{"Filters": []params{{"Key": "primary-region", "Values": []string{"us-east-1"}}}})["SecretList"].([]any); len(list) != 1 {
		t.Errorf("the list of the replica's Region has %d", len(list))
	}
}

func TestAReplicaIsNotWrittenTo(t *testing.T) {
	s := start(t, awstest.Options{})
	c, there := from(s), from(s).in("eu-west-1")
	c.create(t, "a", canary1)
	c.call(t, "ReplicateSecretToRegions", params{"SecretId": "a", "AddReplicaRegions": replicateTo("eu-west-1")})
	for operation, in := range map[string]params{
		"PutSecretValue":               {"SecretString": canary2, "ClientRequestToken": token("2")},
		"UpdateSecret":                 {"Description": "d"},
		"UpdateSecretVersionStage":     {"VersionStage": "MINE", "MoveToVersionId": token("1")},
		"DeleteSecret":                 {},
		"TagResource":                  {"Tags": []params{{"Key": "k", "Value": "v"}}},
		"UntagResource":                {"TagKeys": []string{"k"}},
		"ReplicateSecretToRegions":     {"AddReplicaRegions": replicateTo("eu-west-2")},
		"RemoveRegionsFromReplication": {"RemoveReplicaRegions": []string{"us-east-1"}},
	} {
		in["SecretId"] = "a"
		there.refused(t, "InvalidParameterException", operation, in)
	}
	if err := s.At(awstest.DefaultAccount, "eu-west-1").Edit("a", canary2); err == nil {
		t.Error("a person could edit the replica")
	}
	c.refused(t, "InvalidParameterException", "DeleteSecret", params{"SecretId": "a"}) // as long as there is a replica
	c.refused(t, "InvalidParameterException", "ReplicateSecretToRegions", params{"SecretId": "a", "AddReplicaRegions": replicateTo("us-east-1")})
	c.call(t, "RemoveRegionsFromReplication", params{"SecretId": "a", "RemoveReplicaRegions": []string{"eu-west-1"}})
	there.refused(t, "ResourceNotFoundException", "DescribeSecret", params{"SecretId": "a"})
	c.call(t, "DeleteSecret", params{"SecretId": "a"})
}

func TestAReplicaBecomesASecretOfItsOwn(t *testing.T) {
	s := start(t, awstest.Options{})
	c, there := from(s), from(s).in("eu-west-1")
	arn := c.create(t, "a", canary1)["ARN"]
	c.call(t, "ReplicateSecretToRegions", params{"SecretId": "a", "AddReplicaRegions": replicateTo("eu-west-1")})
	c.refused(t, "InvalidRequestException", "StopReplicationToReplica", params{"SecretId": "a"})
	there.call(t, "StopReplicationToReplica", params{"SecretId": arn})
	there.put(t, "a", canary2, "2")
	if c.value(t, "a") != canary1 || statusOf(t, c, "eu-west-1") != "" || there.call(t, "DescribeSecret", params{"SecretId": "a"})["PrimaryRegion"] != nil {
		t.Error("the two still belong together")
	}
}

func TestReplicasLagFailAndAreOverwritten(t *testing.T) {
	s := start(t, awstest.Options{})
	c, there := from(s), from(s).in("eu-west-1")
	c.create(t, "a", canary1)
	there.create(t, "a", canary3)
	add := params{"SecretId": "a", "AddReplicaRegions": replicateTo("eu-west-1")}
	c.call(t, "ReplicateSecretToRegions", add)
	if there.value(t, "a") != canary3 || statusOf(t, c, "eu-west-1") != "Failed" {
		t.Error("a secret that was there before is gone")
	}
	add["ForceOverwriteReplicaSecret"] = true
	c.call(t, "ReplicateSecretToRegions", add)
	if there.value(t, "a") != canary1 || statusOf(t, c, "eu-west-1") != "InSync" {
		t.Error("the secret was not overwritten")
	}
	s.SetReplication("eu-west-1", awstest.Replication{Hold: true})
	c.put(t, "a", canary2, "2")
	if there.value(t, "a") != canary1 || statusOf(t, c, "eu-west-1") != "InProgress" {
		t.Error("the replica did not wait")
	}
	s.SetReplication("eu-west-1", awstest.Replication{Fail: "the key is disabled"})
	if there.value(t, "a") != canary1 || statusOf(t, c, "eu-west-1") != "Failed" {
		t.Error("the replica did not fail")
	}
	s.SetReplication("eu-west-1", awstest.Replication{})
	c.put(t, "a", canary3, "3")
	if there.value(t, "a") != canary3 || statusOf(t, c, "eu-west-1") != "InSync" {
		t.Error("the replica did not recover")
	}
	s.SetReplication("eu-west-2", awstest.Replication{Fail: "the key is disabled"})
	c.call(t, "ReplicateSecretToRegions", params{"SecretId": "a", "AddReplicaRegions": replicateTo("eu-west-2")})
	c.in("eu-west-2").refused(t, "ResourceNotFoundException", "DescribeSecret", params{"SecretId": "a"})
	if d, _ := s.Describe("a"); d.Replicas["eu-west-2"] != "Failed" {
		t.Errorf("replicas: %v", d.Replicas)
	}
}
