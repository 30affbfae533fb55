package ledger

import (
	"context"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// swallower passes connections on to a server, until it is told to swallow what
// comes over those that there are: they stay open, and nothing answers.
type swallower struct {
	net.Listener
	to    string
	era   atomic.Int64
	conns sync.WaitGroup
}

func (s *swallower) serve() {
	for {
		from, err := s.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", s.to)
		if err != nil {
			_ = from.Close()
			continue
		}
		born := s.era.Load()
		for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
			s.conns.Go(func() {
				defer way[1].Close()
				part := make([]byte, 4<<10)
				for {
					n, err := way[0].Read(part)
					if s.era.Load() == born {
						_, _ = way[1].Write(part[:n])
					}
					if err != nil {
						return
					}
				}
			})
		}
	}
}

// A network that swallows connections leaves a pool full of dead ones. Whoever
// asks next gets a live one before their time is over, so that a queue which is
// told to end need not wait for the end of every one of them.
func TestAPoolOfSwallowedConnections(t *testing.T) {
	server := SharedServer(t)
	at, err := url.Parse(server.Fresh(t))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	between := &swallower{Listener: listener, to: at.Host}
	go between.serve()
	t.Cleanup(func() { _ = between.Close() })
	at.Host = listener.Addr().String()
	l, err := Open(t.Context(), at.String(), Options{Instance: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	pool, err := l.Pool(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	var all []*pgxpool.Conn
	for range pool.Config().MaxConns {
		c, err := pool.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	for _, c := range all {
		c.Release()
	}
	between.era.Add(1)

	ask := func(within time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		_, err := pool.Exec(ctx, `SELECT 1`)
		return err
	}
	// A connection is asked whether it lives only once it was idle for a second:
	// the first may be believed.
	if first := ask(2 * time.Second); first != nil {
		if second := ask(14 * time.Second); second != nil {
			t.Fatalf("no live connection: %v, then %v", first, second)
		}
	}
}
