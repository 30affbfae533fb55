package providers

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
)

// AnswerMax is the longest answer of a server that is read, in bytes: more than
// the longest listing page and the largest secret of any service that there is
// a provider for, and little enough to have in memory many times over.
const AnswerMax = 32 << 20

// ErrTooLong is what reading an answer ends in that is longer than AnswerMax.
var ErrTooLong = errors.New("the answer is longer than " + fmt.Sprint(AnswerMax>>20) + " MiB, which no answer to this should be")

// Transport returns a transport that goes through the proxies of the environment
// (HTTPS_PROXY, NO_PROXY), speaks TLS 1.2 or newer and checks certificates. It
// trusts the system's authorities and those of caFile, if that is not empty.
func Transport(caFile string) (*http.Transport, error) {
	base, ok := http.DefaultTransport.(*http.Transport)
	if !ok { // a program that imports this package has replaced it
		base = &http.Transport{Proxy: http.ProxyFromEnvironment}
	}
	base = base.Clone()
	base.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile == "" {
		return base, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	text, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("ca_file: %s holds no certificate in PEM", caFile)
	}
	base.TLSClientConfig.RootCAs = pool
	return base, nil
}

// NoRedirect is the CheckRedirect of every client that bears a credential: a
// redirect is an answer like any other and is not followed, since it could
// carry the credential, and what was posted, to another host.
func NoRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Bounded is a transport whose answers end in ErrTooLong after AnswerMax bytes,
// whoever reads them: an SDK reads an answer whole, however long it is.
type Bounded struct{ http.RoundTripper }

// RoundTrip makes one request.
func (b Bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		answer.Body = BoundedBody(answer.Body)
	}
	return answer, err
}

// BoundedBody returns a body that ends in ErrTooLong after AnswerMax bytes.
func BoundedBody(body io.ReadCloser) io.ReadCloser { return &bounded{body, AnswerMax} }

type bounded struct {
	io.ReadCloser
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, ErrTooLong
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left+1)])
	if b.left -= int64(n); b.left < 0 {
		return n - 1, ErrTooLong
	}
	return n, err
}
