package ledger

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

// anywhere runs a test on each database.
func anywhere(t *testing.T, f func(t *testing.T, at string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, filepath.Join(t.TempDir(), "keyrota.db")) })
	t.Run("postgres", func(t *testing.T) { f(t, SharedServer(t).FreshSchema(t)) })
}

func openedAt(t *testing.T, at string) *Ledger {
	t.Helper()
	l, err := Open(t.Context(), at, Options{Instance: "prod", Now: nowOfTest})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

var errLost = errors.New("the connection was lost")

// lossy is a database whose commits do as told.
type lossy struct {
	driver.Connector
	commit func(driver.Tx) error
}

type lossyConn struct {
	driver.Conn
	commit func(driver.Tx) error
}

type lossyTx struct {
	driver.Tx
	commit func(driver.Tx) error
}

func (c lossy) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	return lossyConn{conn, c.commit}, err
}

func (c lossyConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
	return lossyTx{tx, c.commit}, err
}

func (t lossyTx) Commit() error { return t.commit(t.Tx) }

// losing has the commits of a ledger do as told.
func losing(t *testing.T, l *Ledger, commit func(driver.Tx) error) {
	t.Helper()
	whole := l.db
	l.db = sql.OpenDB(lossy{connectorOf{whole}, commit})
	t.Cleanup(func() { whole.Close() })
}

// connectorOf makes connections as a database does.
type connectorOf struct{ db *sql.DB }

func (c connectorOf) Driver() driver.Driver { return c.db.Driver() }

func (c connectorOf) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	var raw driver.Conn
	err = conn.Raw(func(of any) error { raw = of.(driver.Conn); return nil })
	return raw, err // conn stays checked out
}

var stages = map[string]rotation.Event{
	"with events":    {Kind: rotation.EventOffered},
	"without events": {},
}

func saveStaged(ctx context.Context, l *Ledger, e rotation.Event, prev Revision, r rotation.Record) (Revision, error) {
	if e.Kind == "" {
		return l.Save(ctx, "a/one", r, prev)
	}
	return l.Save(ctx, "a/one", r, prev, e)
}

// TestACommitThatWasNotAnswered: what is saved is not reported as a failure,
// which would cost a new key its only copy; what is not is no success.
func TestACommitThatWasNotAnswered(t *testing.T) {
	anywhere(t, func(t *testing.T, at string) {
		beside := openedAt(t, at)
		for name, events := range stages {
			t.Run(name, func(t *testing.T) {
				_, rev, err := beside.Load(t.Context(), "a/one")
				if err != nil {
					t.Fatal(err)
				}

				l := openedAt(t, at)
				losing(t, l, func(tx driver.Tx) error { return errors.Join(tx.Commit(), errLost) })
				next, err := saveStaged(t.Context(), l, events, rev, rotation.Record{Seq: 1, Parked: name})
				if err != nil || next != rev+1 {
					t.Fatalf("committed: %d, %v", next, err)
				}

				l = openedAt(t, at)
				losing(t, l, func(tx driver.Tx) error { return errors.Join(tx.Rollback(), errLost) })
				_, err = saveStaged(t.Context(), l, events, next, rotation.Record{Seq: 2})
				if !errors.Is(err, errLost) || errors.Is(err, ErrUnclear) || errors.Is(err, ErrConflict) {
					t.Fatalf("rolled back: %v", err)
				}

				// Rolled back, and another saved the same meanwhile.
				l = openedAt(t, at)
				losing(t, l, func(tx driver.Tx) error {
					err := tx.Rollback()
					if _, e := saveStaged(t.Context(), beside, events, next, rotation.Record{Seq: 2}); e != nil {
						t.Error(e)
					}
					return errors.Join(err, errLost)
				})
				_, err = saveStaged(t.Context(), l, events, next, rotation.Record{Seq: 2})
				if !errors.Is(err, errLost) || errors.Is(err, ErrUnclear) {
					t.Fatalf("saved by another: %v", err)
				}
			})
		}
		if _, err := beside.Verify(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestACommitThatOthersWentOnFrom: they saved again before it was asked for.
func TestACommitThatOthersWentOnFrom(t *testing.T) {
	anywhere(t, func(t *testing.T, at string) {
		for name, events := range stages {
			beside := openedAt(t, at)
			_, rev, err := beside.Load(t.Context(), "a/one")
			if err != nil {
				t.Fatal(err)
			}
			l := openedAt(t, at)
			losing(t, l, func(tx driver.Tx) error {
				err := tx.Commit()
				if _, e := beside.Save(t.Context(), "a/one", rotation.Record{Seq: 7}, rev+1); e != nil {
					t.Error(e)
				}
				return errors.Join(err, errLost)
			})
			next, err := saveStaged(t.Context(), l, events, rev, rotation.Record{Seq: 1})
			switch {
			case events.Kind != "" && (err != nil || next != rev+1):
				t.Errorf("%s: %d, %v", name, next, err)
			case events.Kind == "" && !errors.Is(err, ErrUnclear):
				t.Errorf("%s: %v; nothing tells whether it was saved", name, err)
			}
		}
	})
}

// wire stands between a ledger and its server.
type wire struct {
	to   string
	here net.Listener
	// cutOn ends a connection once the client sends this: before it is passed
	// on, or after.
	cutOn    string
	before   bool
	deaf     atomic.Bool // passes nothing on, and closes nothing
	lock     sync.Mutex
	cuts     int // left
	accepted atomic.Int64
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{to: to, here: l}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			w.accepted.Add(1)
			go w.carry(c)
		}
	}()
	return w
}

func (w *wire) carry(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", w.to)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(heard{client, w}, server)
		client.Close()
	}()
	b := make([]byte, 64<<10)
	for {
		n, err := client.Read(b)
		if err != nil {
			return
		}
		if w.deaf.Load() {
			continue
		}
		cut := strings.Contains(string(b[:n]), w.cutOn) && w.cut()
		if cut && w.before {
			return
		}
		if cut {
			client.Close() // the answer has nowhere to go
		}
		if _, err := server.Write(b[:n]); err != nil {
			return
		}
		if cut {
			_, _ = io.Copy(io.Discard, server)
			return
		}
	}
}

// heard is the client's side, while anybody listens.
type heard struct {
	net.Conn
	w *wire
}

func (h heard) Write(b []byte) (int, error) {
	if h.w.deaf.Load() {
		return len(b), nil
	}
	return h.Conn.Write(b)
}

func (w *wire) cut() bool {
	w.lock.Lock()
	defer w.lock.Unlock()
	w.cuts--
	return w.cuts >= 0
}

// through returns the URL of a database by way of the wire.
func (w *wire) through(t *testing.T, at string) string {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = w.here.Addr().String()
	return u.String()
}

// TestTheConnectionBreaksAtACommit: before the server has it, and after.
func TestTheConnectionBreaksAtACommit(t *testing.T) {
	for name, before := range map[string]bool{"before": true, "after": false} {
		t.Run(name, func(t *testing.T) {
			shared := SharedServer(t)
			at := shared.Fresh(t)
			w := newWire(t, shared.Addr())
			w.cutOn, w.before = "commit", before
			l := openedAt(t, w.through(t, at))
			rev := Revision(0)
			for range 5 {
				w.lock.Lock()
				w.cuts = 1
				w.lock.Unlock()
				next, err := l.Save(t.Context(), "a/one", rotation.Record{Seq: rotation.Edition(rev)}, rev, rotation.Event{Kind: rotation.EventOffered})
				if err != nil || next != rev+1 {
					t.Fatalf("%d, %v", next, err)
				}
				rev = next
			}
			if n := w.accepted.Load(); n < 5 {
				t.Errorf("%d connections: nothing was cut", n)
			}
			if head, err := l.Verify(t.Context()); err != nil || head.Seq != 5 {
				t.Errorf("%v, %v", head, err)
			}
		})
	}
}

// TestAConnectionOfWhichOneEndIsGone: nothing is answered any more, and nothing
// says that it never will be.
func TestAConnectionOfWhichOneEndIsGone(t *testing.T) {
	shared := SharedServer(t)
	w := newWire(t, shared.Addr())
	l := openedAt(t, w.through(t, shared.Fresh(t)))
	l.back.(*server).answer = 300 * time.Millisecond
	if _, err := l.Save(t.Context(), "a/one", rotation.Record{Seq: 1}, 0); err != nil {
		t.Fatal(err)
	}
	w.deaf.Store(true)
	if _, _, err := l.Load(t.Context(), "a/one"); !errors.Is(err, ErrUnreachable) {
		t.Errorf("loading: %v", err)
	}
	answered := make(chan error, 1)
	go func() {
		_, err := l.Save(t.Context(), "a/one", rotation.Record{Seq: 2}, 1)
		answered <- err
	}()
	was := w.accepted.Load()
	for w.accepted.Load() < was+2 { // it has tried again
		select {
		case err := <-answered:
			t.Fatalf("it gave up: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	w.deaf.Store(false)
	if err := <-answered; err != nil {
		t.Error(err)
	}
}
