package awstest_test

import (
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/awssm/awstest"
)

func TestQuotasThrottleAnAccountInARegion(t *testing.T) {
	clock := newClock()
	s := start(t, awstest.Options{Now: clock.Now, Quotas: awstest.PublishedQuotas()})
	c := from(s)
	c.create(t, "a", canary1)
	passed := func(c caller, operation string, in params, most int) int {
		for n := range most {
			if _, failure := c.try(t, operation, in); failure == "ThrottlingException" {
				return n
			} else if failure != "" {
				t.Fatalf("%s: %s", operation, failure)
			}
		}
		return most
	}
	put := params{"SecretId": "a", "SecretString": canary1, "ClientRequestToken": token("1")}
	if got := passed(c, "PutSecretValue", put, 100); got != 50 {
		t.Errorf("%d puts passed, want 50", got)
	}
	if got := passed(c, "UpdateSecret", params{"SecretId": "a", "Description": "d"}, 10); got != 0 {
		t.Errorf("an update has a quota of its own: %d passed", got)
	}
	if got := passed(c, "ListSecrets", params{}, 200); got != 100 {
		t.Errorf("%d lists passed, want 100", got)
	}
	if got := passed(c, "DescribeSecret", params{"SecretId": "a"}, 200); got != 200 {
		t.Errorf("%d descriptions passed, want all", got)
	}
	other := c.as(s.AddUser("210987654321", "other"))
	if got := passed(other, "ListSecrets", params{}, 10); got != 10 {
		t.Errorf("another account is throttled after %d", got)
	}
	if got := passed(c.in("eu-west-1"), "ListSecrets", params{}, 10); got != 10 {
		t.Errorf("another Region is throttled after %d", got)
	}
	clock.Add(100 * time.Millisecond)
	if got := passed(c, "PutSecretValue", put, 100); got != 5 {
		t.Errorf("after a tenth of a second %d puts passed, want 5", got)
	}
	if got := s.Throttled(); got["PutSecretValue"] != 2 || got["UpdateSecret"] != 1 || got["ListSecrets"] != 1 {
		t.Errorf("throttled: %v", got)
	}
	s.SetQuotas()
	if got := passed(c, "PutSecretValue", put, 100); got != 100 {
		t.Errorf("without quotas %d puts passed", got)
	}
}
