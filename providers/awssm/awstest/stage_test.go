package awstest_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/awssm/awstest"
)

func wantStages(t *testing.T, c caller, name string, want map[string]string) {
	t.Helper()
	if got := c.stages(t, name); !maps.Equal(got, want) {
		t.Errorf("labels of %s: got %v, want %v", name, got, want)
	}
}

func TestAPutMovesAWSCURRENTAndAWSPREVIOUSFollows(t *testing.T) {
	c := from(start(t, awstest.Options{}))
	c.create(t, "a", canary1)
	wantStages(t, c, "a", map[string]string{"1": "AWSCURRENT"})
	c.put(t, "a", canary2, "2")
	wantStages(t, c, "a", map[string]string{"1": "AWSPREVIOUS", "2": "AWSCURRENT"})
	c.put(t, "a", canary3, "3")
	wantStages(t, c, "a", map[string]string{"2": "AWSPREVIOUS", "3": "AWSCURRENT"})
	c.put(t, "a", canary1, "4", "MINE", "ALSO")
	wantStages(t, c, "a", map[string]string{"2": "AWSPREVIOUS", "3": "AWSCURRENT", "4": "ALSO MINE"})
	if c.value(t, "a") != canary3 {
		t.Error("a put with a label of our own changed the current value")
	}
}

// As recorded from AWS: the version that was current and pending is the previous one alone.
func TestAPutTakesAWSPENDINGOffTheVersionThatWasCurrent(t *testing.T) {
	for drops, left := range map[bool]string{false: "AWSPREVIOUS MINE", true: "AWSPREVIOUS"} {
		c := from(start(t, awstest.Options{PutDropsLabels: drops}))
		c.create(t, "a", canary1)
		c.put(t, "a", canary2, "2", "AWSPENDING", "MINE")
		c.call(t, "UpdateSecretVersionStage", params{
			"SecretId": "a", "VersionStage": "AWSCURRENT", "MoveToVersionId": token("2"), "RemoveFromVersionId": token("1"),
		})
		wantStages(t, c, "a", map[string]string{"1": "AWSPREVIOUS", "2": "AWSCURRENT AWSPENDING MINE"})
		c.put(t, "a", canary3, "3")
		wantStages(t, c, "a", map[string]string{"2": left, "3": "AWSCURRENT"})
	}
}

func TestThePutOfAnExistingVersion(t *testing.T) {
	c := from(start(t, awstest.Options{}))
	c.create(t, "a", canary1)
	c.put(t, "a", canary2, "2")
	before := fmt.Sprint(c.call(t, "DescribeSecret", params{"SecretId": "a"}))
	c.put(t, "a", canary2, "2")          // the same: no effect
	c.put(t, "a", canary1, "1", "OTHER") // the same, though labels differ: no effect
	c.refused(t, "ResourceExistsException", "PutSecretValue", params{"SecretId": "a", "SecretString": canary3, "ClientRequestToken": token("2")})
	c.refused(t, "ResourceExistsException", "PutSecretValue", params{"SecretId": "a", "SecretBinary": []byte(canary2), "ClientRequestToken": token("2")})
	c.refused(t, "ResourceExistsException", "UpdateSecret", params{"SecretId": "a", "SecretString": canary2, "ClientRequestToken": token("2")})
	if after := fmt.Sprint(c.call(t, "DescribeSecret", params{"SecretId": "a"})); after != before {
		t.Errorf("it changed from %s to %s", before, after)
	}
}

func TestMovingALabelIsCompareAndSet(t *testing.T) {
	c := from(start(t, awstest.Options{}))
	c.create(t, "a", canary1)
	c.put(t, "a", canary2, "2", "MINE")
	c.put(t, "a", canary3, "3", "OTHER")
	move := func(stage, from, to string) string {
		in := params{"SecretId": "a", "VersionStage": stage}
		if from != "" {
			in["RemoveFromVersionId"] = token(from)
		}
		if to != "" {
			in["MoveToVersionId"] = token(to)
		}
		_, failure := c.try(t, "UpdateSecretVersionStage", in)
		return failure
	}
	start := map[string]string{"1": "AWSCURRENT", "2": "MINE", "3": "OTHER"}
	for _, x := range []struct{ stage, from, to, want string }{
		{"MINE", "", "3", "InvalidParameterException"},       // attached, and not said where
		{"MINE", "1", "3", "InvalidParameterException"},      // attached to another one
		{"NEW", "2", "3", "InvalidParameterException"},       // attached to none
		{"MINE", "3", "", "InvalidParameterException"},       // attached to another one
		{"AWSCURRENT", "1", "", "InvalidParameterException"}, // cannot be without a version
		{"AWSCURRENT", "", "2", "InvalidParameterException"},
		{"AWSCURRENT", "3", "2", "InvalidParameterException"},
		{"MINE", "", "", "InvalidParameterException"},
		{"MINE", "2", "9", "ResourceNotFoundException"},
		{"MINE", "9", "2", "ResourceNotFoundException"},
		{"MINE", "", "2", ""}, // is there already
		{"MINE", "2", "2", ""},
	} {
		if got := move(x.stage, x.from, x.to); got != x.want {
			t.Errorf("moving %s from %q to %q: got %q, want %q", x.stage, x.from, x.to, got, x.want)
		}
		wantStages(t, c, "a", start)
	}
	for _, x := range []struct{ stage, from, to string }{{"MINE", "2", "3"}, {"OTHER", "3", ""}, {"NEW", "", "1"}, {"AWSCURRENT", "1", "2"}} {
		if got := move(x.stage, x.from, x.to); got != "" {
			t.Errorf("moving %s from %q to %q: got %q", x.stage, x.from, x.to, got)
		}
	}
	wantStages(t, c, "a", map[string]string{"1": "AWSPREVIOUS NEW", "2": "AWSCURRENT", "3": "MINE"})
	if got := move("AWSCURRENT", "2", "1"); got != "" { // and back: AWSPREVIOUS leaves what is current again
		t.Error(got)
	}
	wantStages(t, c, "a", map[string]string{"1": "AWSCURRENT NEW", "2": "AWSPREVIOUS", "3": "MINE"})
}

func TestTheVersionsOfASecretHaveTwentyLabelsTogether(t *testing.T) {
	c := from(start(t, awstest.Options{}))
	c.create(t, "a", canary1)
	var labels []string
	for i := range 18 {
		labels = append(labels, fmt.Sprint("L", i))
	}
	c.put(t, "a", canary2, "2", labels...)
	c.put(t, "a", canary3, "3") // AWSPREVIOUS is the twentieth
	c.refused(t, "LimitExceededException", "UpdateSecretVersionStage", params{"SecretId": "a", "VersionStage": "ONE MORE", "MoveToVersionId": token("1")})
	c.refused(t, "LimitExceededException", "PutSecretValue", params{
		"SecretId": "a", "SecretString": canary1, "ClientRequestToken": token("4"), "VersionStages": []string{"ONE MORE"},
	})
}

func TestVersionsWithoutLabelsArePrunedAboveAHundredOnceTheyAreADayOld(t *testing.T) {
	clock := newClock()
	s := start(t, awstest.Options{Now: clock.Now})
	c := from(s)
	c.create(t, "a", canary1)
	for i := range 130 {
		c.put(t, "a", fmt.Sprint(canary2, i), fmt.Sprint(i+1000))
		if i == 64 {
			clock.Add(12 * time.Hour)
		}
	}
	versions := func() int {
		d, _ := s.Describe("a")
		return len(d.Versions)
	}
	if got := versions(); got != 131 {
		t.Errorf("young versions are pruned: %d are left", got)
	}
	clock.Add(12 * time.Hour)
	c.put(t, "a", canary2, "2")
	if got := versions(); got != 100 {
		t.Errorf("%d versions are left", got)
	}
	d, _ := s.Describe("a")
	if got := d.Versions[0].Value; got != fmt.Sprint(canary2, 31) {
		t.Error("it was not the oldest ones that went")
	}
	c.refused(t, "ResourceNotFoundException", "GetSecretValue", params{"SecretId": "a", "VersionId": token("1")})
}

func TestTheQuotaOfVersions(t *testing.T) {
	c := from(start(t, awstest.Options{VersionQuota: 3}))
	c.create(t, "a", canary1)
	c.put(t, "a", canary2, "2")
	c.put(t, "a", canary3, "3")
	c.refused(t, "LimitExceededException", "PutSecretValue", params{"SecretId": "a", "SecretString": canary1, "ClientRequestToken": token("4")})
	c.refused(t, "LimitExceededException", "UpdateSecret", params{"SecretId": "a", "SecretString": canary1, "ClientRequestToken": token("4")})
	if c.value(t, "a") != canary3 {
		t.Error("what was refused had an effect")
	}
}

func TestAValueIsReadByVersionAndLabel(t *testing.T) {
	clock := newClock()
	c := from(start(t, awstest.Options{Now: clock.Now}))
	c.create(t, "a", canary1)
	c.put(t, "a", canary2, "2")
	get := func(id, stage string) (string, string) {
		in := params{"SecretId": "a"}
		if id != "" {
			in["VersionId"] = token(id)
		}
		if stage != "" {
			in["VersionStage"] = stage
		}
		answer, failure := c.try(t, "GetSecretValue", in)
		value, _ := answer["SecretString"].(string)
		return value, failure
	}
	for _, x := range []struct{ id, stage, value, failure string }{
		{"", "", canary2, ""}, {"1", "", canary1, ""}, {"", "AWSPREVIOUS", canary1, ""}, {"1", "AWSPREVIOUS", canary1, ""},
		{"1", "AWSCURRENT", "", "InvalidRequestException"}, {"9", "", "", "ResourceNotFoundException"},
		{"9", "AWSCURRENT", "", "ResourceNotFoundException"}, {"", "NONE", "", "ResourceNotFoundException"},
	} {
		if value, failure := get(x.id, x.stage); value != x.value || failure != x.failure {
			t.Errorf("version %q with label %q: another value, or %q, want %q", x.id, x.stage, failure, x.failure)
		}
	}
}

func TestTheDayOfTheLastReadIsKept(t *testing.T) {
	clock := newClock()
	c := from(start(t, awstest.Options{Now: clock.Now}))
	c.create(t, "a", canary1)
	accessed := func() any { return c.call(t, "DescribeSecret", params{"SecretId": "a"})["LastAccessedDate"] }
	if got := accessed(); got != nil {
		t.Errorf("a secret that nobody read was read on %v", got)
	}
	changed := c.call(t, "DescribeSecret", params{"SecretId": "a"})["LastChangedDate"]
	clock.Add(time.Hour)
	c.value(t, "a")
	midnight := func() float64 { return float64(clock.Now().Truncate(24 * time.Hour).Unix()) }
	if got := accessed(); got != midnight() {
		t.Errorf("read on %v, want %v", got, midnight())
	}
	clock.Add(48 * time.Hour)
	c.call(t, "BatchGetSecretValue", params{"SecretIdList": []string{"a"}})
	if got := accessed(); got != midnight() {
		t.Errorf("read on %v, want %v", got, midnight())
	}
	if got := c.call(t, "DescribeSecret", params{"SecretId": "a"})["LastChangedDate"]; got != changed {
		t.Error("reading changed the secret")
	}
}
