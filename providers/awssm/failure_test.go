package awssm_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/awssm"
	"github.com/keyrota/keyrota/providers/awssm/awstest"
	"github.com/keyrota/keyrota/providers/pace"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
)

// Every code of AWS is told as what a caller can do about it.
func TestKindsOfErrors(t *testing.T) {
	const name = "arn:aws:secretsmanager:us-east-1:*:secret:ci/wandb*"
	w := newWorld(t)
	s, d := w.open(t, awssm.Config{}), dest("ci/wandb")
	providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	for _, c := range []struct {
		code, message string
		status        int
		kind          providers.Kind
		words         string
	}{
		{"AccessDeniedException", "not authorized", 0, providers.Denied, "the policy needs: secretsmanager:DescribeSecret on " + name},
		{"UnrecognizedClientException", "", 0, providers.Denied, "aws sts get-caller-identity"},
		{"ExpiredTokenException", "", 0, providers.Denied, "renew the credentials"},
		{"InvalidSignatureException", "", 0, providers.Denied, "this machine's clock"},
		{"SomethingNew", "", http.StatusForbidden, providers.Denied, "SomethingNew"},
		{"ThrottlingException", "Rate exceeded", 0, providers.Limited, "Rate exceeded"},
		{"TooManyRequestsException", "", http.StatusTooManyRequests, providers.Limited, ""},
		{"LimitExceededException", "", 0, providers.Limited, "a quota that waiting does not change"},
		{"InternalServiceError", "", 0, providers.Transient, ""},
		{"ServiceUnavailable", "", http.StatusServiceUnavailable, providers.Transient, ""},
		{"SomethingNew", "", http.StatusBadGateway, providers.Transient, ""},
		{"InvalidParameterException", "", 0, providers.Invalid, ""},
		{"ValidationException", "", 0, providers.Invalid, ""},
		{"InvalidRequestException", "it is scheduled for deletion", 0, providers.Conflict, ""},
		{"InvalidRequestException", "something else", 0, providers.Invalid, "something else"},
		{"InvalidRequestException", "it is managed by rds", 0, providers.Denied, "another AWS service"},
		{"SomethingNew", "", 0, providers.Invalid, "SomethingNew"},
	} {
		t.Run(c.code+" "+c.message, func(t *testing.T) {
			w.Inject(awstest.Fault{Operation: "DescribeSecret", Error: &awstest.Error{Code: c.code, Message: c.message, Status: c.status}})
			h, err := s.Look(t.Context(), d)
			providertest.WantKind(t, err, c.kind, c.words, "look aws:ci/wandb")
			if h.State != rotation.StateUnknown {
				t.Errorf("shows %s beside its error", h.State)
			}
		})
	}
	for _, c := range []struct{ operation, code, words string }{
		{"GetSecretValue", "DecryptionFailure", "kms:Decrypt"},
		{"GetSecretValue", "AccessDeniedException", "secretsmanager:GetSecretValue on " + name},
		{"PutSecretValue", "EncryptionFailure", "kms:GenerateDataKey and kms:Decrypt"},
		{"PutSecretValue", "AccessDeniedException", "secretsmanager:PutSecretValue on " + name},
		{"UpdateSecretVersionStage", "AccessDeniedException", "secretsmanager:UpdateSecretVersionStage on " + name},
	} {
		w.Inject(awstest.Fault{Operation: c.operation, Error: &awstest.Error{Code: c.code}})
		_, err := s.Read(t.Context(), d, "")
		if c.operation != "GetSecretValue" {
			must(t, err)
			_, err = s.Put(t.Context(), d, providertest.Value(keyTwo), providertest.MarkOf("a", 2), providertest.Look(t, s, d))
		}
		providertest.WantKind(t, err, providers.Denied, c.words)
	}
	w.Inject(awstest.Fault{Operation: "ListSecrets", Error: &awstest.Error{Code: "AccessDeniedException"}})
	providertest.WantKind(t, s.List(t.Context(), "", nil), providers.Denied, "secretsmanager:ListSecrets on *")
}

// Whatever the other side says about a call that bears values, none of it is
// repeated.
func TestNoValueInAnyError(t *testing.T) {
	w := newWorld(t)
	s := w.open(t, awssm.Config{})
	for n, code := range []string{
		"AccessDeniedException", "InvalidParameterException", "InvalidRequestException", "EncryptionFailure", "LimitExceededException",
		"InternalServiceError", "ResourceExistsException", "ResourceNotFoundException", "SomethingNew",
	} {
		d := dest(fmt.Sprintf("ci/secret/%d", n))
		echo := &awstest.Error{Code: code, Message: "you sent " + keyOne + " and " + keyTwo}
		w.Inject(awstest.Fault{Operation: "CreateSecret", Error: echo})
		_, err := s.Put(t.Context(), d, providertest.Value(keyOne), providertest.MarkOf("a", 1), providertest.Look(t, s, d))
		providertest.WantKind(t, err, providers.KindOf(err))
		providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
		w.Inject(awstest.Fault{Operation: "PutSecretValue", Error: echo})
		_, err = s.Put(t.Context(), d, providertest.Value(keyTwo), providertest.MarkOf("a", 2), providertest.Look(t, s, d))
		providertest.WantKind(t, err, providers.KindOf(err))
		w.Inject(awstest.Fault{Operation: "GetSecretValue", Error: echo})
		_, err = s.Read(t.Context(), d, "")
		providertest.WantKind(t, err, providers.KindOf(err))
	}
}

// An answer that is none of AWS's, such as a proxy's, is told without its text.
func TestAnswerOfSomeoneElse(t *testing.T) {
	for _, status := range []int{http.StatusOK, http.StatusBadGateway, http.StatusBadRequest} {
		w := newWorld(t)
		s := w.open(t, awssm.Config{Endpoint: serve(t, func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(status)
			_, _ = rw.Write([]byte("<html>" + keyOne + "</html>"))
		})})
		_, err := s.Look(t.Context(), dest("ci/wandb"))
		kind := providers.Transient
		if status == http.StatusBadRequest {
			kind = providers.Invalid
		}
		providertest.WantKind(t, err, kind)
	}
	s := newWorld(t).open(t, awssm.Config{Endpoint: serve(t, func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		c, _, err := http.NewResponseController(rw).Hijack()
		if err == nil {
			_, _ = c.Write([]byte(keyOne + "\r\n\r\n"))
			_ = c.Close()
		}
	})})
	_, err := s.Look(t.Context(), dest("ci/wandb"))
	providertest.WantKind(t, err, providers.Transient, "the connection failed")
}

func TestRetryAfterAsADate(t *testing.T) {
	now := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		t.Setenv(name, "x")
	}
	s, err := awssm.New(awssm.Config{Region: west, Endpoint: serve(t, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Retry-After", now.Add(time.Minute).Format(http.TimeFormat))
		rw.WriteHeader(http.StatusServiceUnavailable)
	})}, awssm.Options{Now: func() time.Time { return now }})
	must(t, err)
	_, err = s.Look(t.Context(), dest("ci/wandb"))
	providertest.WantKind(t, err, providers.Transient)
	if after := providers.RetryAfterOf(err); after != time.Minute {
		t.Errorf("come back after %s", after)
	}
}

// No call is made more often than AWS allows: a call whose turn comes after the
// deadline is not sent.
func TestPace(t *testing.T) {
	w := newWorld(t)
	s := w.open(t, awssm.Config{})
	w.Throttle("DescribeSecret", 1, time.Minute)
	_, err := s.Look(t.Context(), dest("ci/wandb"))
	providertest.WantKind(t, err, providers.Limited)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	w.only(t, calls{}, func() {
		_, err := s.Look(ctx, dest("ci/wandb"))
		providertest.WantKind(t, err, providers.Limited, "held back until")
		if after := providers.RetryAfterOf(err); after < 30*time.Second {
			t.Errorf("come back after %s", after)
		}
	})
}

// The same in the middle of a put: a write whose turn comes too late is not sent.
func TestPaceWithinAPut(t *testing.T) {
	w := newWorld(t)
	d := dest("ci/wandb")
	seen := providertest.Put(t, w.open(t, awssm.Config{}), d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	paces := unpaced(awssm.Config{})
	write := paces.Get("aws/default/"+awstest.DefaultRegion+"/write", pace.Quota{})
	s, err := awssm.New(awssm.Config{}, awssm.Options{Paces: paces})
	must(t, err)
	w.Inject(awstest.Fault{Operation: "PutSecretValue", After: func(awstest.Call) error { write.Pause(time.Hour); return nil }})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	w.only(t, calls{"DescribeSecret": 1, "PutSecretValue": 1}, func() {
		_, err := s.Put(ctx, d, providertest.Value(keyTwo), providertest.MarkOf("a", 2), seen)
		providertest.WantKind(t, err, providers.Limited, "held back until")
	})
	wantRaw(t, w.Console, d.Path, keyOne)
}

// A secret that is over a quota of its own is no reason to slow down for others.
func TestQuotaOfOneSecret(t *testing.T) {
	w := newWorld(t)
	w.open(t, awssm.Config{})
	for code, slower := range map[string]bool{"LimitExceededException": false, "ThrottlingException": true} {
		paces := unpaced(awssm.Config{})
		s, err := awssm.New(awssm.Config{}, awssm.Options{Paces: paces})
		must(t, err)
		w.Inject(awstest.Fault{Operation: "DescribeSecret", Error: &awstest.Error{Code: code}})
		_, err = s.Look(t.Context(), dest("ci/wandb"))
		providertest.WantKind(t, err, providers.Limited)
		if is := paces.Get("aws/default/"+awstest.DefaultRegion+"/describe", pace.Quota{}).Rate() > 0; is != slower {
			t.Errorf("%s: slower %v, want %v", code, is, slower)
		}
	}
}
