package ledger_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
)

const ref rotation.Ref = "ml-platform/nightly-eval"

var noon = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)

func options() ledger.Options {
	return ledger.Options{Instance: "prod", By: "engine on test", Now: func() time.Time { return noon }}
}

func newPath(t testing.TB) string {
	return filepath.Join(t.TempDir(), "keyrota.db")
}

func openAt(t testing.TB, path string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), path, options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, l) })
	return l
}

func closed(t testing.TB, l *ledger.Ledger) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func save(t testing.TB, l *ledger.Ledger, ref rotation.Ref, rec rotation.Record, prev ledger.Revision, events ...rotation.Event) ledger.Revision {
	t.Helper()
	rev, err := l.Save(t.Context(), ref, rec, prev, events...)
	if err != nil {
		t.Fatal(err)
	}
	return rev
}

func eventsOf(t testing.TB, l *ledger.Ledger, after int64, limit int, ref rotation.Ref) []ledger.StoredEvent {
	t.Helper()
	events, err := l.Events(t.Context(), after, limit, ref)
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// refused checks the kind of a refusal, and that it tells a person all of it.
func refused(t *testing.T, err, kind error, words ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got %v, want one that is %q", err, kind)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error does not say %q:\n%v", w, err)
		}
	}
}

func TestSavedIsThereAfterReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "keyrota", "keyrota.db")
	l, err := ledger.Open(t.Context(), path, options())
	if err != nil {
		t.Fatal(err)
	}
	if !l.New() {
		t.Error("a ledger that was just made is not new")
	}
	rec := rotation.Record{Account: "u-1", Seq: 1, Intent: rotation.Intent{Label: "keyrota/prod/u-1/1@20260301T120000Z.x", Worker: "w"}}
	rev := save(t, l, ref, rec, 0, rotation.Event{Kind: rotation.EventIssuing, Label: rec.Intent.Label, Edition: 1})
	head, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	id := l.ID()
	closed(t, l)

	l = openAt(t, path)
	if l.New() || l.ID() != id || l.Instance() != "prod" {
		t.Errorf("new %v, id %q (was %q), instance %q", l.New(), l.ID(), id, l.Instance())
	}
	back, backRev, err := l.Load(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rec, back); diff != "" || backRev != rev {
		t.Errorf("revision %d, want %d; record: %s", backRev, rev, diff)
	}
	want := []ledger.StoredEvent{{
		Seq: 1, Time: noon, Ref: ref, Revision: rev, By: "engine on test", Hash: head.Hash,
		Event: rotation.Event{Kind: rotation.EventIssuing, Label: rec.Intent.Label, Edition: 1},
	}}
	if diff := cmp.Diff(want, eventsOf(t, l, 0, 0, "")); diff != "" {
		t.Error(diff)
	}
	for name, mode := range map[string]fs.FileMode{path: 0o600, filepath.Dir(path): 0o700 | fs.ModeDir} {
		if info, err := os.Stat(name); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v; want %v", name, info.Mode(), err, mode)
		}
	}
}

func TestAnAccountNeverSavedIsNew(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		l := openAt(t, at)
		rec, rev, err := l.Load(t.Context(), "nobody/at-all")
		if err != nil || rev != 0 || rec.Phase() != rotation.PhaseNew {
			t.Errorf("phase %s, revision %d, %v", rec.Phase(), rev, err)
		}
	})
}

func TestAStaleRevisionSavesNeitherRecordNorEvents(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		l := openAt(t, at)
		first := save(t, l, ref, rotation.Record{Seq: 1}, 0, rotation.Event{Kind: rotation.EventIssuing})
		save(t, l, ref, rotation.Record{Seq: 2}, first, rotation.Event{Kind: rotation.EventOffered})
		for _, stale := range []ledger.Revision{0, first, 7} {
			_, err := l.Save(t.Context(), ref, rotation.Record{Seq: 9}, stale, rotation.Event{Kind: rotation.EventRevoked})
			refused(t, err, ledger.ErrConflict, string(ref))
		}
		rec, rev, err := l.Load(t.Context(), ref)
		if err != nil || rec.Seq != 2 || rev != 2 {
			t.Errorf("seq %d, revision %d, %v", rec.Seq, rev, err)
		}
		if n := len(eventsOf(t, l, 0, 0, "")); n != 2 {
			t.Errorf("%d events, want 2", n)
		}
		if _, err := l.Save(t.Context(), "never/saved", rotation.Record{}, 3); !errors.Is(err, ledger.ErrConflict) {
			t.Errorf("an account that is not there, at revision 3: %v", err)
		}
	})
}

func TestOfManySaversOneWins(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		handles := []*ledger.Ledger{openAt(t, at), openAt(t, at)}
		for round := range ledger.Revision(10) {
			var wins, conflicts int
			var mu sync.Mutex
			var wg sync.WaitGroup
			for i := range 6 {
				wg.Go(func() {
					_, err := handles[i%2].Save(t.Context(), ref, rotation.Record{Tries: i}, round, rotation.Event{Kind: rotation.EventOffered})
					mu.Lock()
					defer mu.Unlock()
					switch {
					case err == nil:
						wins++
					case errors.Is(err, ledger.ErrConflict):
						conflicts++
					default:
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if wins != 1 || conflicts != 5 {
				t.Fatalf("round %d: %d won, %d were told of a conflict", round, wins, conflicts)
			}
		}
		if n := len(eventsOf(t, handles[0], 0, 0, "")); n != 10 {
			t.Errorf("%d events, want 10", n)
		}
	})
}

func TestUpdateLosesNoChange(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		handles := []*ledger.Ledger{openAt(t, at), openAt(t, at)}
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for range 5 {
					if err := handles[i%2].Update(t.Context(), ref, raiseSeq); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if rec, rev, err := handles[0].Load(t.Context(), ref); err != nil || rec.Seq != 40 || rev != 40 {
			t.Errorf("seq %d, revision %d, %v; want 40 of each", rec.Seq, rev, err)
		}
	})
}

// raiseSeq is a change whose event says which record it was saved with.
func raiseSeq(r rotation.Record) (rotation.Record, []rotation.Event, error) {
	r.Seq++
	return r, []rotation.Event{{Kind: rotation.EventOffered, Edition: r.Seq}}, nil
}

func TestUpdateSavesNothingThatDidNotChange(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		l := openAt(t, at)
		rev := save(t, l, ref, rotation.Record{Agreed: noon}, 0)
		err := l.Update(t.Context(), ref, func(r rotation.Record) (rotation.Record, []rotation.Event, error) {
			r.Agreed = r.Agreed.In(time.FixedZone("elsewhere", 3600))
			return r, nil, nil
		})
		if _, now, _ := l.Load(t.Context(), ref); err != nil || now != rev {
			t.Errorf("revision %d, want %d; %v", now, rev, err)
		}
		no := errors.New("no")
		if err := l.Update(t.Context(), ref, func(r rotation.Record) (rotation.Record, []rotation.Event, error) {
			return r, []rotation.Event{{Kind: rotation.EventRequested}}, no
		}); !errors.Is(err, no) {
			t.Errorf("got %v, want the error of the change", err)
		}
		if n := len(eventsOf(t, l, 0, 0, "")); n != 0 {
			t.Errorf("%d events of a change that failed", n)
		}
	})
}

func TestListAndEvents(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		l := openAt(t, at)
		refs := []rotation.Ref{"a/one", "b/two", "acme//three"}
		for i, r := range refs {
			rev := save(t, l, r, rotation.Record{Seq: 1}, 0, rotation.Event{Kind: rotation.EventIssuing}, rotation.Event{Kind: rotation.EventOffered})
			save(t, l, r, rotation.Record{Seq: rotation.Edition(i)}, rev, rotation.Event{Kind: rotation.EventAgreed})
		}
		list, err := l.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]ledger.Entry{
			{Ref: "a/one", Revision: 2, Updated: noon},
			{Ref: "acme//three", Record: rotation.Record{Seq: 2}, Revision: 2, Updated: noon},
			{Ref: "b/two", Record: rotation.Record{Seq: 1}, Revision: 2, Updated: noon},
		}, list); diff != "" {
			t.Error(diff)
		}
		for _, c := range []struct {
			after int64
			limit int
			ref   rotation.Ref
			want  []int64
		}{
			{0, 0, "", []int64{1, 2, 3, 4, 5, 6, 7, 8, 9}},
			{7, 0, "", []int64{8, 9}},
			{2, 3, "", []int64{3, 4, 5}},
			{0, 0, "b/two", []int64{4, 5, 6}},
			{4, 1, "b/two", []int64{5}},
			{9, 0, "", nil},
			{0, 0, "b/nobody", nil},
		} {
			var got []int64
			for _, e := range eventsOf(t, l, c.after, c.limit, c.ref) {
				got = append(got, e.Seq)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("after %d, limit %d, of %q: %s", c.after, c.limit, c.ref, diff)
			}
		}
	})
}

func TestEventsBearTheConfigurationTheyWereSavedUnder(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		o := options()
		o.Config = "sha256:first"
		l := openWith(t, at, o)
		next := l.ForConfig("sha256:second")
		rev := save(t, l, ref, rotation.Record{}, 0, rotation.Event{Kind: rotation.EventOffered})
		rev = save(t, next, ref, rotation.Record{}, rev, rotation.Event{Kind: rotation.EventOffered})
		save(t, l.ForConfig(""), ref, rotation.Record{}, rev, rotation.Event{Kind: rotation.EventOffered})
		var configs []string
		for _, e := range eventsOf(t, l, 0, 0, "") {
			configs = append(configs, e.Config)
		}
		if diff := cmp.Diff([]string{"sha256:first", "sha256:second", ""}, configs); diff != "" {
			t.Error(diff)
		}
	})
}

func TestASaveThatIsStoppedSavesNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		l := openAt(t, at)
		ctx, stop := context.WithCancel(t.Context())
		stop()
		if _, err := l.Save(ctx, ref, rotation.Record{Seq: 1}, 0); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if _, rev, err := l.Load(t.Context(), ref); err != nil || rev != 0 {
			t.Errorf("revision %d, %v", rev, err)
		}
	})
}

func TestReadOnly(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		_, err := ledger.OpenReadOnly(t.Context(), at, ledger.Options{})
		refused(t, err, ledger.ErrMissing, ledger.NameOf(at), "keyrota run")
		if left, err := os.ReadDir(filepath.Dir(at)); filepath.IsAbs(at) && (err != nil || len(left) != 0) {
			t.Fatalf("looking for a ledger left %v, %v", left, err)
		}

		w := openAt(t, at)
		save(t, w, ref, rotation.Record{Seq: 1}, 0)
		r, err := ledger.OpenReadOnly(t.Context(), at, ledger.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer closed(t, r)
		_, err = r.Save(t.Context(), ref, rotation.Record{Seq: 2}, 1)
		refused(t, err, ledger.ErrReadOnly)
		if _, err := r.DB().ExecContext(t.Context(), `DELETE FROM ledger_record`); err == nil {
			t.Error("a ledger opened for reading was written to")
		}
		if rec, _, err := r.Load(t.Context(), ref); err != nil || rec.Seq != 1 || r.ID() != w.ID() {
			t.Errorf("seq %d, id %q, %v", rec.Seq, r.ID(), err)
		}
	})
}

func TestPingSeesTheFileMovedAway(t *testing.T) {
	path := newPath(t)
	l := openAt(t, path)
	if err := l.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	if err := l.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "moved away") {
		t.Errorf("moved away: %v", err)
	}
}

func TestOneLedgerByWhateverName(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "odd name?#%41&mode=memory.db")
	link := filepath.Join(dir, "link.db")
	l := openAt(t, path)
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if other := openAt(t, link); other.ID() != l.ID() || other.Path() != l.Path() {
		t.Errorf("%s at %s, by a link %s at %s", l.ID(), l.Path(), other.ID(), other.Path())
	}
	lock, err := ledger.Lock(t.Context(), link)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	if _, held, err := ledger.Locked(path); err != nil || !held {
		t.Errorf("locked by a link, held %v by its name, %v", held, err)
	}
}

func TestManyWhoCreateItMakeOne(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		var wg sync.WaitGroup
		ids := make([]string, 6)
		made := make([]bool, len(ids))
		for i := range ids {
			wg.Go(func() {
				l, err := ledger.Open(t.Context(), at, options())
				if err != nil {
					t.Error(err)
					return
				}
				ids[i], made[i] = l.ID(), l.New()
				closed(t, l)
			})
		}
		wg.Wait()
		news := 0
		for i, id := range ids {
			if id != ids[0] || len(id) != 16 {
				t.Errorf("ids %q", ids)
			}
			if made[i] {
				news++
			}
		}
		if news != 1 {
			t.Errorf("%d made it", news)
		}
		left, err := filepath.Glob(filepath.Join(filepath.Dir(at), ".ledger-new-*"))
		if err != nil || len(left) != 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
}
