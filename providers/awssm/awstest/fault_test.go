package awstest_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/awssm/awstest"
)

func TestFaultsBeforeAndAfterTheEffect(t *testing.T) {
	internal := &awstest.Error{Code: "InternalServiceError", Message: "told to fail"}
	for name, x := range map[string]struct {
		fault   awstest.Fault
		failure string
		effect  bool
	}{
		"an error before":            {awstest.Fault{Error: internal}, "InternalServiceError", false},
		"an error after":             {awstest.Fault{Late: internal}, "InternalServiceError", true},
		"503":                        {awstest.Fault{Error: &awstest.Error{Code: "ServiceUnavailable"}}, "ServiceUnavailable", false},
		"cut before":                 {awstest.Fault{Refuse: true}, "transport", false},
		"reset before":               {awstest.Fault{Refuse: true, Reset: true}, "transport", false},
		"cut after":                  {awstest.Fault{Drop: true}, "transport", true},
		"reset after":                {awstest.Fault{Drop: true, Reset: true}, "transport", true},
		"a hook before that fails":   {awstest.Fault{Before: func(awstest.Call) error { return errors.New("no") }}, "transport", false},
		"a hook after that fails":    {awstest.Fault{After: func(awstest.Call) error { return errors.New("no") }}, "transport", true},
		"a hook that does not fail":  {awstest.Fault{Before: func(awstest.Call) error { return nil }}, "", true},
		"nothing but a little delay": {awstest.Fault{Delay: time.Millisecond}, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, awstest.Options{})
			c := from(s)
			c.create(t, "a", canary1)
			x.fault.Operation, x.fault.Name = "PutSecretValue", "a"
			s.Inject(x.fault)
			in := params{"SecretId": "a", "SecretString": canary2, "ClientRequestToken": token("2")}
			if _, failure := c.try(t, "PutSecretValue", in); failure != x.failure {
				t.Errorf("got %q, want %q", failure, x.failure)
			}
			if got, _ := s.Raw("a"); (got == canary2) != x.effect {
				t.Errorf("effect: %v, want %v", got == canary2, x.effect)
			}
			c.call(t, "PutSecretValue", in) // the fault is used up, and repeating is harmless
		})
	}
}

func TestFaultsAreChosenByOperationNameRegionAndTimes(t *testing.T) {
	s := start(t, awstest.Options{})
	c := from(s)
	arn := c.create(t, "a", canary1)["ARN"]
	c.create(t, "b", canary1)
	c.in("eu-west-1").create(t, "a", canary1)
	refuse := &awstest.Error{Code: "InternalServiceError"}
	s.Inject(awstest.Fault{Operation: "GetSecretValue", Name: "a", Region: "us-east-1", Skip: 1, Times: 2, Error: refuse})
	failures := func(c caller, id any) int {
		n := 0
		for range 5 {
			if _, failure := c.try(t, "GetSecretValue", params{"SecretId": id}); failure != "" {
				n++
			}
		}
		return n
	}
	if failures(c, "b") != 0 || failures(c.in("eu-west-1"), "a") != 0 {
		t.Error("another secret failed")
	}
	c.call(t, "DescribeSecret", params{"SecretId": "a"})
	if got := failures(c, arn); got != 2 {
		t.Errorf("%d calls failed, want 2", got)
	}
	s.Inject(awstest.Fault{Name: "b", Times: -1, Error: refuse})
	c.refused(t, "InternalServiceError", "BatchGetSecretValue", params{"SecretIdList": []any{arn, "b"}})
	c.refused(t, "InternalServiceError", "DescribeSecret", params{"SecretId": "b"})
	s.Reset()
	c.call(t, "DescribeSecret", params{"SecretId": "b"})
}

func TestAHookSeesTheCallAndCanActMeanwhile(t *testing.T) {
	s := start(t, awstest.Options{})
	c := from(s)
	c.create(t, "a", canary1)
	var seen awstest.Call
	s.Inject(awstest.Fault{Operation: "PutSecretValue", Before: func(call awstest.Call) error {
		seen = call
		return s.Edit("a", canary3) // a person is faster
	}})
	c.put(t, "a", canary2, "2")
	if seen.Operation != "PutSecretValue" || len(seen.Names) != 1 || seen.Names[0] != "a" || seen.Key != s.User.AccessKeyID || seen.Region != "us-east-1" {
		t.Errorf("the hook saw %+v", seen)
	}
	d, _ := s.Describe("a")
	if v, _ := d.Labelled("AWSPREVIOUS"); v.Value != canary3 {
		t.Error("the person's value is not the previous one")
	}
}

func TestThrottlingSaysWhenToComeBack(t *testing.T) {
	s := start(t, awstest.Options{})
	ask := func() *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, bytes.NewReader([]byte("{}")))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Amz-Target", "secretsmanager.ListSecrets")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp
	}
	s.Throttle("ListSecrets", 1, 1500*time.Millisecond)
	s.Throttle("", 1, 0)
	if got := ask(); got.StatusCode != http.StatusBadRequest || got.Header.Get("Retry-After") != "2" {
		t.Errorf("got %s, Retry-After %q", got.Status, got.Header.Get("Retry-After"))
	}
	if got := ask(); got.StatusCode != http.StatusBadRequest || got.Header.Get("Retry-After") != "" {
		t.Errorf("got %s, Retry-After %q", got.Status, got.Header.Get("Retry-After"))
	}
	if got := s.Throttled()["ListSecrets"]; got != 2 {
		t.Errorf("%d calls were throttled", got)
	}
}

func TestLatencyIsARoundTripAndAClientCanGoAwayMeanwhile(t *testing.T) {
	s := start(t, awstest.Options{})
	c := from(s)
	c.create(t, "a", canary1)
	s.SetLatency(20 * time.Millisecond)
	began := time.Now()
	c.value(t, "a")
	if took := time.Since(began); took < 20*time.Millisecond {
		t.Errorf("it took %s", took)
	}
	s.SetLatency(time.Hour) // a client that gives up before the call arrives
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	api := client(s, s.User, "us-east-1")
	if _, err := api.ListSecrets(ctx, nil); err == nil {
		t.Error("the call came through")
	}
	s.Reset()
	c.value(t, "a")
}

func TestUnreachableUntilItIsNot(t *testing.T) {
	s := start(t, awstest.Options{})
	c := from(s)
	c.create(t, "a", canary1)
	s.SetUnreachable(true)
	c.refused(t, "transport", "GetSecretValue", params{"SecretId": "a"})
	if got := s.Calls()["GetSecretValue"]; got != 0 {
		t.Errorf("%d calls arrived", got)
	}
	s.SetUnreachable(false)
	c.value(t, "a")
}

func TestClosingTheServerEndsWhatWaits(t *testing.T) {
	s, err := awstest.Launch(awstest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.Inject(awstest.Fault{Delay: time.Hour})
	ended := make(chan string)
	go func() {
		_, failure := from(s).try(t, "ListSecrets", params{})
		ended <- failure
	}()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for len(s.Calls()) == 0 {
		select {
		case <-deadline:
			t.Fatal("the call does not arrive")
		case <-tick.C:
		}
	}
	s.Close()
	select {
	case failure := <-ended:
		if failure != "transport" {
			t.Errorf("got %q", failure)
		}
	case <-deadline:
		t.Fatal("the call does not end")
	}
}
