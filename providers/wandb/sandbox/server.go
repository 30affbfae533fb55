package sandbox

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/graph-gophers/graphql-go"
)

// Options are what a server needs beside its seed. The zero value works.
type Options struct {
	// Now is the server's clock: of the Date header, of keys' validity, of tokens and of the audit log. Default time.Now.
	Now func() time.Time
	// Rand is where keys and tokens come from. Default crypto/rand.
	Rand io.Reader
	// StatePath is a file that always holds the current state, as a seed without keys. Empty keeps no state.
	StatePath string
	// KeyMarker is put inside the secret part of every new key, so that a test can hunt for keys where none may be.
	// Letters, digits, "_" and "-". It is no part of the state.
	KeyMarker string
	// Logger gets one line for each request, without anything of its body. Default: none.
	Logger *slog.Logger
	// HTTPClient fetches the keys of JWT issuers. Default: a client with a timeout of 10 seconds.
	HTTPClient *http.Client
}

// Server is a W&B-compatible server. It is an http.Handler, and safe for concurrent use.
type Server struct {
	options Options
	schema  *graphql.Schema
	routes  *http.ServeMux

	mu        sync.Mutex
	world     *world
	faults    []Fault
	calls     map[call]int
	windows   map[*account]window
	uses      []Use
	generated map[string]string // values of generated keys of the seed, by key id
	stopping  chan struct{}
	stopOnce  sync.Once
}

// New makes a server from a seed. With Options.StatePath, the state is saved there at once and after every change
// that must not be lost; an existing file is overwritten: to go on from it, use Open.
func New(seed Seed, options Options) (*Server, error) {
	if options.Now == nil {
		options.Now = time.Now
	}
	options.Rand = cmp.Or[io.Reader](options.Rand, rand.Reader)
	options.Logger = cmp.Or(options.Logger, slog.New(slog.DiscardHandler))
	options.HTTPClient = cmp.Or(options.HTTPClient, &http.Client{Timeout: 10 * time.Second})
	s := &Server{
		options: options, faults: slices.Clone(seed.Faults), calls: map[call]int{}, windows: map[*account]window{},
		generated: map[string]string{}, stopping: make(chan struct{}),
	}
	var err error
	if s.schema, err = parseSchema(); err != nil {
		return nil, err
	}
	if s.world, err = s.build(seed, options.Now()); err != nil {
		return nil, err
	}
	s.routes = http.NewServeMux()
	s.routes.HandleFunc("POST /graphql", s.serveGraphQL)
	s.routes.HandleFunc("POST /files/{entity}/{project}/{run}/file_stream", s.serveFileStream)
	s.routes.HandleFunc("GET /audit_logs", s.serveAuditLogs)
	s.routes.HandleFunc("GET /admin/audit_logs", s.serveAdminAuditLogs)
	s.routes.HandleFunc("POST /oidc/token", s.serveTokenExchange)
	s.routes.HandleFunc("GET /sandbox/faults", s.listFaults)
	s.routes.HandleFunc("POST /sandbox/faults", s.addFault)
	s.routes.HandleFunc("DELETE /sandbox/faults", s.clearFaults)
	s.routes.HandleFunc("POST /sandbox/service_accounts", s.createServiceAccount)
	s.routes.HandleFunc("POST /sandbox/service_accounts/{username}/keys", s.createKey)
	return s, s.saveNow()
}

// Open is New with the state file that options.StatePath names, where there is one, and else with the seed file. Once
// there is a state, changes of the seed file have no effect.
func Open(seedPath string, options Options) (*Server, error) {
	path := seedPath
	if options.StatePath != "" {
		_, err := os.Stat(options.StatePath)
		switch {
		case err == nil:
			path = options.StatePath
		case !errors.Is(err, os.ErrNotExist):
			return nil, fmt.Errorf("looking for the sandbox's state: %w", err)
		}
	}
	seed, err := LoadSeed(path)
	if err != nil {
		return nil, err
	}
	return New(seed, options)
}

// ServeHTTP answers one request. A fault that drops the connection panics with http.ErrAbortHandler, as net/http asks.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := s.options.Now()
	w.Header().Set("Date", started.UTC().Format(http.TimeFormat))
	s.options.Logger.Info("request", "method", r.Method, "path", r.URL.Path, "remote", r.RemoteAddr)
	s.routes.ServeHTTP(w, r)
}

// Serve answers on the listener until ctx ends; then it finishes the requests under way, saves the state, and
// returns nil.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler: s, ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served:
		return fmt.Errorf("serving the sandbox: %w", err)
	case <-ctx.Done():
	}
	s.stopOnce.Do(func() { close(s.stopping) })
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		// Requests that outlast the grace are cut off; the state is consistent between any two of them.
		_ = server.Close()
	}
	<-served // http.ErrServerClosed, after a shutdown
	return s.saveNow()
}
