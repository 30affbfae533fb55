package awstest_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/keyrota/keyrota/providers/awssm/awstest"
)

func TestWhatASignatureCovers(t *testing.T) {
	s := start(t, awstest.Options{})
	from(s).create(t, "a", canary1)
	body := []byte(`{"SecretId": "a"}`)
	for name, x := range map[string]struct {
		service string
		at      time.Time
		tamper  func(*http.Request)
		want    string
	}{
		"nothing wrong":   {"secretsmanager", time.Now(), func(*http.Request) {}, ""},
		"no signature":    {"secretsmanager", time.Now(), func(r *http.Request) { r.Header.Del("Authorization") }, "MissingAuthenticationTokenException"},
		"half of one":     {"secretsmanager", time.Now(), func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=a") }, "IncompleteSignatureException"},
		"another scheme":  {"secretsmanager", time.Now(), func(r *http.Request) { r.SetBasicAuth("a", "b") }, "IncompleteSignatureException"},
		"another body":    {"secretsmanager", time.Now(), func(r *http.Request) { r.Body = http.NoBody; r.ContentLength = 0 }, "InvalidSignatureException"},
		"another target":  {"secretsmanager", time.Now(), func(r *http.Request) { r.Header.Set("X-Amz-Target", "secretsmanager.DescribeSecret") }, "InvalidSignatureException"},
		"another service": {"sts", time.Now(), func(*http.Request) {}, "InvalidSignatureException"},
		"an old one":      {"secretsmanager", time.Now().Add(-10 * time.Minute), func(*http.Request) {}, "InvalidSignatureException"},
		"a future one":    {"secretsmanager", time.Now().Add(10 * time.Minute), func(*http.Request) {}, "InvalidSignatureException"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-amz-json-1.1")
		req.Header.Set("X-Amz-Target", "secretsmanager.GetSecretValue")
		sum := sha256.Sum256(body)
		credentials, _ := s.User.Retrieve(t.Context())
		if err := v4.NewSigner().SignHTTP(t.Context(), credentials, req, hex.EncodeToString(sum[:]), x.service, "us-east-1", x.at); err != nil {
			t.Fatal(err)
		}
		x.tamper(req)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			Type string `json:"__type"`
		}
		_ = json.NewDecoder(resp.Body).Decode(&answer)
		_ = resp.Body.Close()
		if answer.Type != x.want {
			t.Errorf("%s: got %q, want %q", name, answer.Type, x.want)
		}
	}
}
