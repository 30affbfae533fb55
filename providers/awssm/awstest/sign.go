package awstest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	algorithm = "AWS4-HMAC-SHA256"
	skew      = 5 * time.Minute
	longDate  = "20060102T150405Z"
)

// signature is the Authorization header of a request.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
type signature struct {
	key     string
	date    string
	region  string
	service string
	headers string
	value   string
}

func parseSignature(header string) (signature, *Error) {
	if header == "" {
		return signature{}, fail("MissingAuthenticationTokenException", "Missing Authentication Token")
	}
	rest, ok := strings.CutPrefix(header, algorithm+" ")
	if !ok {
		return signature{}, fail("IncompleteSignatureException", "The Authorization header is not of %s.", algorithm)
	}
	var g signature
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			scope := strings.Split(value, "/")
			if len(scope) == 5 && scope[4] == "aws4_request" {
				g.key, g.date, g.region, g.service = scope[0], scope[1], scope[2], scope[3]
			}
		case "SignedHeaders":
			g.headers = value
		case "Signature":
			g.value = value
		}
	}
	if g.key == "" || g.region == "" || g.headers == "" || g.value == "" {
		return signature{}, fail("IncompleteSignatureException", "Authorization header requires 'Credential', 'Signature' and 'SignedHeaders' parameters.")
	}
	return g, nil
}

// authenticate says who signed a request, and for which Region. The time of the
// signature is checked against the clock of the machine, which is what clients sign with.
func (s *Server) authenticate(r *http.Request, body []byte, service string) (*principal, string, *Error) {
	g, failure := parseSignature(r.Header.Get("Authorization"))
	if failure != nil {
		return nil, "", failure
	}
	s.mu.Lock()
	p := s.keys[g.key]
	now := s.options.Now()
	s.mu.Unlock()
	if p == nil || p.SessionToken != r.Header.Get("X-Amz-Security-Token") {
		return nil, g.region, fail("UnrecognizedClientException", "The security token included in the request is invalid.")
	}
	if g.service != service {
		return nil, g.region, fail("InvalidSignatureException", "Credential should be scoped to correct service: '%s'.", service)
	}
	signed, err := time.Parse(longDate, r.Header.Get("X-Amz-Date"))
	if err != nil || signed.Format("20060102") != g.date {
		return nil, g.region, fail("InvalidSignatureException", "Date in Credential scope does not match the date of the request.")
	}
	if age := time.Since(signed); age > skew || age < -skew {
		return nil, g.region, fail("InvalidSignatureException", "Signature expired or not yet current: %s is more than 5 minutes away.", signed.Format(longDate))
	}
	if !verify(r, body, g, p, signed) {
		return nil, g.region, fail("InvalidSignatureException", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	if !p.Expires.IsZero() && !now.Before(p.Expires) {
		return nil, g.region, fail("ExpiredTokenException", "The security token included in the request is expired")
	}
	return p, g.region, nil
}

// verify signs what the client signed with the secret key that the server knows,
// and compares.
func verify(r *http.Request, body []byte, g signature, p *principal, signed time.Time) bool {
	again, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+r.Host+r.URL.RequestURI(), nil)
	if err != nil {
		return false
	}
	for name := range strings.SplitSeq(g.headers, ";") {
		switch name {
		case "host":
		case "content-length":
			again.ContentLength = r.ContentLength
		default:
			again.Header[http.CanonicalHeaderKey(name)] = r.Header.Values(name)
		}
	}
	sum := sha256.Sum256(body)
	credentials := aws.Credentials{AccessKeyID: p.AccessKeyID, SecretAccessKey: p.SecretAccessKey, SessionToken: p.SessionToken}
	if v4.NewSigner().SignHTTP(r.Context(), credentials, again, hex.EncodeToString(sum[:]), g.service, g.region, signed) != nil {
		return false
	}
	ours, failure := parseSignature(again.Header.Get("Authorization"))
	return failure == nil && hmac.Equal([]byte(ours.value), []byte(g.value)) && ours.headers == g.headers
}
