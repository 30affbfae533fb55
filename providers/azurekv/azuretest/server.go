package azuretest

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Options are what a Server needs. The zero value works.
type Options struct {
	// Now is the clock of versions, tokens and limits. Default time.Now.
	Now func() time.Time
	// Step is how far apart the creation times of a secret's versions are at
	// least. Key Vault tells them in whole seconds, so with 0, versions that are
	// made in quick succession share one.
	Step time.Duration
	// Latency is the round trip of each call. See Server.SetLatency.
	Latency time.Duration
	// Limits are the calls per 10 seconds of each vault; see PublishedLimits.
	// The zero value limits nothing.
	Limits Limits
	// EmptyForMissing has the listing of versions of a secret that is not there
	// answer with an empty page, instead of SecretNotFound.
	EmptyForMissing bool
	// TokenLife is how long an access token works. Default one hour.
	TokenLife time.Duration
	// Wrap, if not nil, is put before the handler of every address.
	Wrap func(http.Handler) http.Handler
	// Front stands a proxy before each address, and returns the one that
	// clients are told; nil: none.
	Front func(address string) string
}

// Server is a tenant with its vaults. It is safe for concurrent use.
type Server struct {
	// Vault is the first vault, named "vault".
	*Vault
	// Authority is the Entra stand-in's address, for AZURE_AUTHORITY_HOST.
	Authority string
	// CA is the certificate authority of all addresses, in PEM.
	CA []byte
	// Admin is an application that may do everything in every vault.
	Admin App

	options Options
	trust   trust
	key     []byte // signs the assertions of workloads
	done    chan struct{}
	stopped sync.Once

	mu          sync.Mutex
	vaults      []*Vault
	servers     []*http.Server
	grants      map[grant]map[string]bool
	tokens      map[string]token
	calls       map[string]int
	throttled   int
	call        uint64
	changes     uint64
	held        uint64
	lags        Lags
	faults      []*Fault
	latency     time.Duration
	unreachable bool
	recovery    int
}

// Launch starts a server on free ports of loopback.
func Launch(o Options) (*Server, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.TokenLife == 0 {
		o.TokenLife = time.Hour
	}
	made, err := newTrust()
	if err != nil {
		return nil, fmt.Errorf("azuretest: %w", err)
	}
	s := &Server{
		options: o, trust: made, CA: made.pem, latency: o.Latency, key: random(32), done: make(chan struct{}),
		grants: map[grant]map[string]bool{}, tokens: map[string]token{}, calls: map[string]int{},
	}
	s.Authority, err = s.listen(http.HandlerFunc(s.entra))
	if err == nil {
		s.Admin = s.AddApp("admin", AllActions()...)
		s.Vault, err = s.NewVault("vault", VaultOptions{})
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Start starts a server that ends with the test.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := Launch(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// listen serves HTTPS on a free port and returns its address.
func (s *Server) listen(h http.Handler) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("azuretest: %w", err)
	}
	if s.options.Wrap != nil {
		h = s.options.Wrap(h)
	}
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{s.trust.leaf}, MinVersion: tls.VersionTLS12},
	}
	s.mu.Lock()
	s.servers = append(s.servers, server)
	s.mu.Unlock()
	go func() { _ = server.ServeTLS(listener, "", "") }()
	address := "https://" + listener.Addr().String()
	if s.options.Front != nil {
		address = s.options.Front(address)
	}
	return address, nil
}

// Close ends the server and all its connections.
func (s *Server) Close() {
	s.stopped.Do(func() { close(s.done) })
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, server := range s.servers {
		_ = server.Close()
	}
}

// Client returns an HTTP client that trusts the server. It holds connections
// enough for a benchmark.
func (s *Server) Client() *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: s.trust.pool, MinVersion: tls.VersionTLS12},
		MaxIdleConnsPerHost: 64, ForceAttemptHTTP2: true,
	}}
}

// CAFile writes the certificate authority into a directory and returns the
// file's path.
func (s *Server) CAFile(dir string) (string, error) {
	path := filepath.Join(dir, "ca.pem")
	return path, os.WriteFile(path, s.CA, 0o600)
}

// Calls returns how many calls of each operation came since the last Reset,
// with those that failed. The operations are the SDK's methods in short:
// SetSecret, GetSecret, UpdateSecret, DeleteSecret, ListSecrets, ListVersions,
// GetDeletedSecret, ListDeletedSecrets, RecoverDeletedSecret and
// PurgeDeletedSecret; Challenge is a call that came without a token, Token one
// for a token.
func (s *Server) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// Throttled returns how many calls were answered with 429 since the last Reset,
// by a limit or a fault.
func (s *Server) Throttled() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.throttled
}

// Reset forgets calls and faults, and makes the server fast, reachable and up
// to date.
func (s *Server) Reset() {
	s.Release()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls, s.throttled = map[string]int{}, 0
	s.faults, s.latency, s.unreachable, s.recovery = nil, s.options.Latency, false, 0
}

// SetLatency makes each call take a round trip of so long.
func (s *Server) SetLatency(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latency = d
}

// SetUnreachable makes the server cut each connection before it reads a call,
// or stop doing so.
func (s *Server) SetUnreachable(yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unreachable = yes
}

// SetRecovery makes a recovery take as long as so many reads of the secret:
// they do not find it yet, and a write meets a conflict.
func (s *Server) SetRecovery(reads int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recovery = reads
}

func (s *Server) count(operation string) {
	s.calls[operation]++
	s.call++
}

// random returns so many random bytes.
func random(n int) []byte {
	made := make([]byte, n)
	_, _ = rand.Read(made) // never fails (crypto/rand documentation)
	return made
}

func randomHex(n int) string { return hex.EncodeToString(random(n)) }
