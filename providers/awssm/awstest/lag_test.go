package awstest_test

import (
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/awssm/awstest"
)

// currentSeen is the short name of the version that each kind of read takes for the current one.
func currentSeen(t *testing.T, c caller) (get, describe, list string) {
	t.Helper()
	find := func(versions any) string {
		all, _ := versions.(map[string]any)
		for id, labels := range all {
			for _, label := range labels.([]any) {
				if label == "AWSCURRENT" {
					return id[31:]
				}
			}
		}
		return ""
	}
	if answer, failure := c.try(t, "GetSecretValue", params{"SecretId": "a"}); failure == "" {
		get = answer["VersionId"].(string)[31:]
	}
	if answer, failure := c.try(t, "DescribeSecret", params{"SecretId": "a"}); failure == "" {
		describe = find(answer["VersionIdsToStages"])
	}
	for _, one := range c.call(t, "ListSecrets", params{})["SecretList"].([]any) {
		list = find(one.(map[string]any)["SecretVersionsToStages"])
	}
	return get, describe, list
}

func wantSeen(t *testing.T, c caller, get, describe, list string) {
	t.Helper()
	if g, d, l := currentSeen(t, c); g != get || d != describe || l != list {
		t.Errorf("get, describe and list see the versions %q, %q, %q, want %q, %q, %q", g, d, l, get, describe, list)
	}
}

func TestReadsLagBehindInTimeEachByItsOwn(t *testing.T) {
	clock := newClock()
	s := start(t, awstest.Options{Now: clock.Now, ForceDeleteAfter: -1})
	c := from(s)
	s.SetLags(awstest.Lags{Describe: awstest.Lag{Time: time.Second}, List: awstest.Lag{Time: 5 * time.Minute}})
	c.create(t, "a", canary1)
	wantSeen(t, c, "1", "", "")
	clock.Add(time.Second)
	wantSeen(t, c, "1", "1", "")
	c.put(t, "a", canary2, "2")
	wantSeen(t, c, "2", "1", "")
	clock.Add(299 * time.Second)
	wantSeen(t, c, "2", "2", "1")
	clock.Add(time.Second)
	wantSeen(t, c, "2", "2", "2")
	c.call(t, "DeleteSecret", params{"SecretId": "a", "ForceDeleteWithoutRecovery": true})
	wantSeen(t, c, "", "2", "2")
	c.put(t, c.create(t, "a", canary3)["Name"].(string), canary1, "7")
	wantSeen(t, c, "7", "2", "2")
	clock.Add(time.Second)
	wantSeen(t, c, "7", "7", "2")
	s.Release()
	wantSeen(t, c, "7", "7", "7")
}

func TestReadsLagBehindByCalls(t *testing.T) {
	s := start(t, awstest.Options{})
	c := from(s)
	c.create(t, "a", canary1)
	s.SetLags(awstest.Lags{Get: awstest.Lag{Calls: 2}})
	c.put(t, "a", canary2, "2")
	for i, want := range []string{canary1, canary1, canary2} {
		if got := c.value(t, "a"); got != want {
			t.Errorf("call %d sees another value", i)
		}
	}
	if err := s.Edit("a", canary3); err != nil { // what a person does lags too
		t.Fatal(err)
	}
	for i, want := range []string{canary2, canary2, canary3} {
		if got := c.value(t, "a"); got != want {
			t.Errorf("call %d after the edit sees another value", i)
		}
	}
}

func TestReadsLagBehindUntilTheyAreReleased(t *testing.T) {
	s := start(t, awstest.Options{})
	c := from(s)
	c.create(t, "a", canary1)
	s.SetLags(awstest.Lags{List: awstest.Lag{Hold: true}, Describe: awstest.Lag{Hold: true}})
	c.put(t, "a", canary2, "2")
	c.put(t, "a", canary2, "3")
	wantSeen(t, c, "3", "1", "1")
	s.Release()
	wantSeen(t, c, "3", "3", "3")
	c.put(t, "a", canary2, "4")
	wantSeen(t, c, "4", "4", "4")
}

func TestWritesSeeThePresentHoweverFarReadsLag(t *testing.T) {
	s := start(t, awstest.Options{})
	c := from(s)
	hold := awstest.Lag{Hold: true}
	s.SetLags(awstest.Lags{Get: hold, Describe: hold, List: hold})
	c.create(t, "a", canary1)
	c.refused(t, "ResourceNotFoundException", "DescribeSecret", params{"SecretId": "a"})
	c.refused(t, "ResourceNotFoundException", "GetSecretValue", params{"SecretId": "a"})
	c.refused(t, "ResourceNotFoundException", "ListSecretVersionIds", params{"SecretId": "a"})
	c.refused(t, "ResourceExistsException", "CreateSecret", params{"Name": "a", "SecretString": canary2, "ClientRequestToken": token("2")})
	c.put(t, "a", canary2, "2")
	if got, _ := s.Raw("a"); got != canary2 {
		t.Error("a person sees another value")
	}
}
