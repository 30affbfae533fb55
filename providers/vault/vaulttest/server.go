// Package vaulttest starts real Vault servers for tests, on loopback and in
// memory, sets them up, and stands between them and a client: a Proxy counts
// calls by kind and makes some of them fail.
//
// The binary is the one that .ci/vault builds. A test that misses it skips with
// a word, and fails where CI=true.
//
//	server := vaulttest.Start(t)
//	server.Mount(t, "kv/ml", 2)
//	proxy := vaulttest.NewProxy(t, server)
package vaulttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Root is the root token of every server.
const Root = "root"

const (
	release     = "1.21.2"
	readyWithin = 60 * time.Second
	pollEvery   = 10 * time.Millisecond
)

// Server is a running Vault in development mode: unsealed, in memory, with a
// KV version 2 engine at secret/. Its methods set it up with the root token;
// they are safe for concurrent use.
type Server struct {
	Address string // such as http://127.0.0.1:8200
	CAFile  string // of a server with TLS: whom to trust

	http    *http.Client
	command []string
	cmd     *exec.Cmd
	ended   chan struct{}
	output  *output
	dir     string
}

// Start starts a server that stops when the test ends. Flags are those of
// `vault server`, such as "-dev-tls".
func Start(t testing.TB, flags ...string) *Server {
	t.Helper()
	s, err := Launch(flags...)
	if errors.Is(err, ErrMissing) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// ErrMissing says that there is no binary of Vault on this machine.
var ErrMissing = errors.New("vaulttest: no Vault server to test against: run .ci/vault, or set KEYROTA_VAULT_BIN")

// Launch starts a server that runs until Stop, for a TestMain.
func Launch(flags ...string) (*Server, error) {
	binary, err := find()
	if err != nil {
		return nil, err
	}
	// The port is free when we ask and may be taken when Vault does.
	for try := 0; ; try++ {
		s, err := launch(binary, flags)
		if err == nil || try == 2 {
			return s, err
		}
	}
}

func launch(binary string, flags []string) (*Server, error) {
	dir, err := os.MkdirTemp("", "vaulttest-")
	if err != nil {
		return nil, err
	}
	port, err := freePort("127.0.0.1")
	if err != nil {
		return nil, err
	}
	s := &Server{
		Address: "http://" + port, output: &output{}, dir: dir,
		http: &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second},
	}
	s.command = []string{
		binary, "server", "-dev", "-dev-no-store-token", "-dev-root-token-id=" + Root, "-dev-listen-address=" + port,
	}
	for _, f := range flags {
		if f == "-dev-tls" {
			s.Address = "https://" + port
			s.CAFile = filepath.Join(dir, "vault-ca.pem")
			s.command = append(s.command, "-dev-tls-cert-dir="+dir)
		}
	}
	s.command = append(s.command, flags...)
	err = s.start()
	if err == nil {
		err = s.ready()
	}
	if err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// start runs the server's process, again if that was killed.
func (s *Server) start() error {
	s.cmd = exec.Command(s.command[0], s.command[1:]...)
	s.cmd.Dir = s.dir
	s.cmd.Env = []string{"HOME=" + s.dir, "PATH=" + os.Getenv("PATH")} // nothing of VAULT_*
	s.cmd.Stdout, s.cmd.Stderr = s.output, s.output
	s.ended = make(chan struct{})
	endWithParent(s.cmd)
	if err := s.cmd.Start(); err != nil {
		close(s.ended)
		return fmt.Errorf("vaulttest: %w", err)
	}
	cmd, ended := s.cmd, s.ended
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	return nil
}

// kill ends the server's process at once.
func (s *Server) kill() {
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Kill() // it may be gone already
		<-s.ended
	}
}

// Stop kills the server, and with it all that it holds.
func (s *Server) Stop() {
	s.kill()
	_ = os.RemoveAll(s.dir)
}

// ready waits until the server answers and its first engine is there.
func (s *Server) ready() error {
	return s.poll("to be ready", func() error {
		if s.CAFile != "" {
			if err := s.trust(); err != nil {
				return err
			}
		}
		status, _, err := s.request(http.MethodGet, "secret/config", nil)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("status %d", status)
		}
		return err
	})
}

func (s *Server) poll(what string, try func() error) error {
	deadline := time.NewTimer(readyWithin)
	defer deadline.Stop()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
			return fmt.Errorf("vaulttest: waiting for Vault %s: it ended:\n%s", what, s.output.text())
		case <-deadline.C:
			return fmt.Errorf("vaulttest: waited %s for Vault %s: %w", readyWithin, what, err)
		case <-tick.C:
		}
	}
}

// Seal seals the server: it answers 503 until Unseal.
func (s *Server) Seal(t testing.TB) {
	t.Helper()
	s.Call(t, http.MethodPut, "sys/seal", nil)
}

var unsealKey = regexp.MustCompile(`Unseal Key: (\S+)`)

// Unseal undoes Seal.
func (s *Server) Unseal(t testing.TB) {
	t.Helper()
	var key []string
	err := s.poll("to print its unseal key", func() error { // it does when it is ready already
		if key = unsealKey.FindStringSubmatch(s.output.text()); key == nil {
			return errors.New("not yet")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Call(t, http.MethodPut, "sys/unseal", map[string]any{"key": key[1]})
	err = s.poll("to be unsealed", func() error {
		status, _, err := s.request(http.MethodGet, "secret/config", nil)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("status %d", status)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Call makes a request with the root token and returns the "data" of the
// answer, or its "auth". It fails the test unless the status is 2xx.
func (s *Server) Call(t testing.TB, method, path string, body any) map[string]any {
	t.Helper()
	status, raw, err := s.request(method, path, body)
	if err != nil {
		t.Fatalf("vaulttest: %s %s: %v", method, path, err)
	}
	if status < 200 || status >= 300 {
		t.Fatalf("vaulttest: %s %s: status %d: %s", method, path, status, raw)
	}
	var answer struct{ Data, Auth map[string]any }
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &answer); err != nil {
			t.Fatalf("vaulttest: %s %s: %v", method, path, err)
		}
	}
	if answer.Auth != nil {
		return answer.Auth
	}
	return answer.Data
}

func (s *Server) request(method, path string, body any, headers ...string) (int, []byte, error) {
	var content io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		content = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, s.Address+"/v1/"+path, content)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("X-Vault-Token", Root)
	if method == http.MethodPatch {
		req.Header.Set("Content-Type", "application/merge-patch+json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	return resp.StatusCode, raw, err
}

// find looks for the binary: KEYROTA_VAULT_BIN, .bin/vault of this clone, the
// cache of .ci/vault, the PATH.
func find() (string, error) {
	if named := os.Getenv("KEYROTA_VAULT_BIN"); named != "" {
		return named, nil
	}
	var candidates []string
	if dir, err := os.Getwd(); err == nil {
		for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
			candidates = append(candidates, filepath.Join(dir, ".bin", "vault"))
		}
	}
	cache := os.Getenv("XDG_CACHE_HOME")
	if home, err := os.UserHomeDir(); cache == "" && err == nil {
		cache = filepath.Join(home, ".cache")
	}
	candidates = append(candidates, filepath.Join(cache, "keyrota", strings.Join([]string{"vault", release, runtime.GOOS, runtime.GOARCH}, "-")))
	for _, c := range candidates {
		if info, err := os.Stat(c); err == nil && !info.IsDir() {
			return c, nil
		}
	}
	if path, err := exec.LookPath("vault"); err == nil {
		return path, nil
	}
	return "", ErrMissing
}

func freePort(host string) (string, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
