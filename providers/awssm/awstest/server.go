package awstest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"
)

// Where the server's own methods and its first user are.
const (
	DefaultAccount = "123456789012"
	DefaultRegion  = "us-east-1"
)

const (
	service      = "secretsmanager"
	suffixLength = 7 // a hyphen and six characters
	alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	upper        = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	hexadecimal  = "0123456789abcdef"
)

// Options are what a server needs. The zero value works.
type Options struct {
	// Now is the clock of secrets, sessions and quotas. Default time.Now.
	Now func() time.Time
	// Seed decides the random part of ARNs and everything else that is made up.
	Seed uint64
	// ForceDeleteAfter is how long a secret is still there, marked as deleted, after a deletion without recovery, which AWS
	// performs "with an asynchronous background process". Default 100 ms; negative is at once.
	ForceDeleteAfter time.Duration
	// ReplicateAfter is how long a replica takes to follow. Default 0: the next call finds it in sync.
	ReplicateAfter time.Duration
	// FilterScan is how many secrets ListSecrets and BatchGetSecretValue look at for one page when there are filters: pages
	// can be short, or empty, and still have a NextToken, as AWS documents. Default: as many as it takes.
	FilterScan int
	// PutDropsLabels makes a put that moves AWSCURRENT take every other label off the version that had it. AWS takes
	// AWSPENDING off; whether it spares labels of one's own is not documented.
	PutDropsLabels bool
	// VersionQuota is how many versions a secret can have before a put fails with a LimitExceededException. AWS says that
	// it is about 100, and that one reaches it by writing more often than every 10 minutes. Default: no quota.
	VersionQuota int
	// Quotas are the calls per second of an account in a Region, by group; see PublishedQuotas. Default: none.
	Quotas []Quota
	// Latency is the round trip of each call. See Server.SetLatency.
	Latency time.Duration
	// Observe is called after each call, outside of all locks, before its answer is sent.
	Observe func(Exchange)
}

// Server is the emulator. It is an http.Handler, and safe for concurrent use.
// The methods of its Console act in DefaultAccount and DefaultRegion.
type Server struct {
	*Console
	// URL is where it listens, once Launch or Start started it.
	URL string
	// User is an identity of DefaultAccount who may do everything.
	User Identity

	options    Options
	operations map[string]*operation
	http       *http.Server
	done       chan struct{}
	stopped    sync.Once

	mu          sync.Mutex
	dice        *rand.Rand
	keys        map[string]*principal
	roles       map[string]Role
	regions     map[place]*region
	created     uint64
	changes     uint64
	call        uint64
	calls       map[string]int
	throttled   map[string]int
	doomed      []doom
	due         time.Time // no doom is nearer
	faults      []*Fault
	latency     time.Duration
	unreachable bool
	lags        Lags
	held        uint64
	quotas      quotas
	replication map[string]Replication
	copies      []replicaCopy
}

type place struct{ account, region string }

// New makes a server that listens nowhere: it is a handler.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.ForceDeleteAfter == 0 {
		o.ForceDeleteAfter = 100 * time.Millisecond
	}
	s := &Server{
		options: o, operations: operations(), latency: o.Latency, done: make(chan struct{}),
		dice: rand.New(rand.NewPCG(o.Seed, 1)),
		keys: map[string]*principal{}, roles: map[string]Role{}, regions: map[place]*region{},
		calls: map[string]int{}, throttled: map[string]int{}, replication: map[string]Replication{},
	}
	s.quotas = newQuotas(o.Quotas)
	s.Console = s.At(DefaultAccount, DefaultRegion)
	s.User = s.AddUser(DefaultAccount, "awstest")
	return s
}

// Launch starts a server on a free port of loopback.
func Launch(o Options) (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("awstest: %w", err)
	}
	s := New(o)
	s.URL = "http://" + listener.Addr().String()
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.http.Serve(listener) }()
	return s, nil
}

// Close ends the server and all its connections.
func (s *Server) Close() {
	s.stopped.Do(func() { close(s.done) })
	if s.http != nil {
		_ = s.http.Close()
	}
}

// Calls returns how many calls of each operation came since the last Reset, with
// those that were throttled or failed.
func (s *Server) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// Throttled returns how many calls of each operation were answered with a
// ThrottlingException since the last Reset.
func (s *Server) Throttled() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.throttled)
}

// Reset forgets calls and faults, and makes the server fast, reachable and up to date.
func (s *Server) Reset() {
	s.Release()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls, s.throttled = map[string]int{}, map[string]int{}
	s.faults, s.latency, s.unreachable = nil, s.options.Latency, false
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

func (s *Server) region(account, name string) *region {
	at := place{account, name}
	if s.regions[at] == nil {
		s.regions[at] = &region{account: account, name: name, byName: map[string]*entry{}, made: map[string]int{}}
	}
	return s.regions[at]
}

func (s *Server) random(alphabet string, n int) string {
	made := make([]byte, n)
	for i := range made {
		made[i] = alphabet[s.dice.IntN(len(alphabet))]
	}
	return string(made)
}

func (s *Server) uuid() string {
	x := s.random(hexadecimal, 32)
	return x[:8] + "-" + x[8:12] + "-4" + x[13:16] + "-a" + x[17:20] + "-" + x[20:]
}
