package federation_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/federation"
)

// held is what is at the three places that the tests keep a JWT at.
func (s *stage) held() (whole, field, file string) {
	s.t.Helper()
	value := func(d rotation.Destination) string {
		v, _ := s.store.Value(d)
		return v.Expose()
	}
	text, err := os.ReadFile(filepath.Join(s.dir, "kept"))
	if err != nil && !os.IsNotExist(err) {
		s.t.Fatal(err)
	}
	return value(rotation.Destination{Store: "vault", Path: "kv/jwt"}), value(rotation.Destination{Store: "vault", Path: "kv/shared", Field: "jwt"}), string(text)
}

const everywhere = ", keep: [\"vault:kv/jwt\", \"vault:kv/shared#jwt\"], keep_file: kept"

func written(k federation.Kept) (n int, words string) {
	for _, p := range k.Places {
		if p.Written {
			n++
		}
		words += p.Words
	}
	return n, words
}

// A fresh JWT is written everywhere, and again when half of its life is over; in
// between the identity provider is not asked, and nothing is written.
func TestKeep(t *testing.T) {
	s := newStage(t)
	s.store.Edit("kv/shared", `{"other":"value"}`)
	a := s.account(s.byServer(everywhere))
	if !a.KeepsFresh() {
		t.Error("nothing is kept")
	}
	k := s.worker.Keep(t.Context(), a)
	if n, words := written(k); n != 3 || words != "" || !k.Federation.Works || !k.Next.Equal(begin.Add(30*time.Minute)) {
		t.Fatalf("%+v", k)
	}
	one, two, three := s.held()
	if one == "" || one != two || one != three || strings.Count(one, ".") != 2 {
		t.Error("not one JWT is everywhere")
	}
	if raw, _ := s.store.Raw("kv/shared"); !strings.Contains(raw, `"other":"value"`) {
		t.Error("the other field is gone")
	}
	if info, err := os.Stat(filepath.Join(s.dir, "kept")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	s.passes(29 * time.Minute)
	before := s.store.Calls()
	k = s.worker.Keep(t.Context(), a)
	after := s.store.Calls()
	if n, words := written(k); n != 0 || words != "" || s.asked != 1 || !k.Federation.At.IsZero() || !k.Next.Equal(begin.Add(30*time.Minute)) || after.Writes != before.Writes || after.Values != before.Values {
		t.Errorf("before half of its life: asked %d times, %+v", s.asked, k)
	}
	s.passes(time.Minute)
	k = s.worker.Keep(t.Context(), a)
	if n, _ := written(k); n != 3 || s.asked != 2 || !k.Places[0].Until.Equal(begin.Add(90*time.Minute)) {
		t.Errorf("at half of its life: %+v", k)
	}
	if again, _, _ := s.held(); again == one {
		t.Error("it is the old one")
	}
	// What somebody took away or changed by hand is put back at the next pass.
	s.store.Delete("kv/jwt")
	if err := s.store.EditField("kv/shared", "jwt", providers.NewSecret("changed")); err != nil {
		t.Fatal(err)
	}
	k = s.worker.Keep(t.Context(), a)
	if n, words := written(k); n != 2 || words != "" { // the file has one as new
		t.Errorf("after a change by hand: %+v", k)
	}
	if one, two, _ := s.held(); one == "" || one != two {
		t.Error("they differ")
	}
	// Nothing is left beside the file.
	if left, err := filepath.Glob(filepath.Join(s.dir, ".*")); err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}

// What is not ours is left as it is, whatever it is, and told.
func TestKeepLeavesOthersAlone(t *testing.T) {
	other := func(s *stage) string { return s.jwt(func(c *jwt.Claims) { c.Subject = "other" }) }
	for name, c := range map[string]struct {
		put   func(s *stage)
		place int
		words string
	}{
		"a secret":             {func(s *stage) { s.store.Edit("kv/jwt", "mine") }, 0, "is not keyrota's"},
		"a key of keyrota":     {func(s *stage) { s.mark(rotation.Mark{Instance: "prod", Account: "a", Edition: 3, Key: "key-1"}) }, 0, "not of a JWT of this instance"},
		"of another instance":  {func(s *stage) { s.mark(rotation.Mark{Instance: "test", Account: "a", Edition: 3, Key: "jwt-1"}) }, 0, "not of a JWT of this instance"},
		"of another account":   {func(s *stage) { s.mark(rotation.Mark{Instance: "prod", Account: "a", Edition: 3, Key: "jwt-1"}) }, 0, "the JWT of another account"},
		"a file":               {func(s *stage) { s.write("kept", "mine") }, 2, "is not a JWT of this account"},
		"another's file":       {func(s *stage) { s.write("kept", other(s)) }, 2, "is not a JWT of this account"},
		"a folder":             {func(s *stage) { s.folder("kept") }, 2, "is no plain file"},
		"a store that is down": {func(s *stage) { s.store.Unreachable(true) }, 0, "memory"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			c.put(s)
			first, second, third := "", "", ""
			if name != "a folder" {
				first, second, third = s.held()
			}
			k := s.worker.Keep(t.Context(), s.account(s.byServer(everywhere)))
			if p := k.Places[c.place]; p.Written || !strings.Contains(p.Words, c.words) || !k.Next.IsZero() {
				t.Errorf("%+v", k)
			}
			if name == "a folder" {
				return
			}
			one, two, three := s.held()
			if is, was := []string{one, two, three}[c.place], []string{first, second, third}[c.place]; is != was {
				t.Error("it was changed")
			}
			if n, _ := written(k); n != 2 && name != "a store that is down" {
				t.Errorf("the others are kept: %+v", k)
			}
		})
	}
}

func (s *stage) mark(m rotation.Mark) {
	s.t.Helper()
	d := rotation.Destination{Store: "vault", Path: "kv/jwt"}
	h, err := s.store.Look(s.t.Context(), d)
	if err == nil {
		_, err = s.store.Put(s.t.Context(), d, providers.Payload{Value: providers.NewSecret("theirs")}, m, h)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) folder(name string) {
	s.t.Helper()
	if err := os.Mkdir(filepath.Join(s.dir, name), 0o700); err != nil {
		s.t.Fatal(err)
	}
}

// Jobs are never given a JWT that W&B refuses: the old one stays.
func TestKeepOnlyWhatWorks(t *testing.T) {
	s := newStage(t)
	a := s.account(s.byServer(everywhere))
	s.worker.Keep(t.Context(), a)
	first, _, _ := s.held()
	s.passes(40 * time.Minute)
	s.claims.Subject = "nobody"
	k := s.worker.Keep(t.Context(), a)
	if n, words := written(k); n != 0 || !strings.Contains(words, `sub is "nobody"`) || k.Federation.Works || !k.Next.IsZero() {
		t.Errorf("%+v", k)
	}
	if now, _, _ := s.held(); now != first {
		t.Error("it was replaced")
	}
	s.claims.Subject = subject
	if n, words := written(s.worker.Keep(t.Context(), a)); n != 3 || words != "" {
		t.Errorf("healed: %d %s", n, words)
	}
}

// A JWT that somebody else makes is copied as soon as there is a newer one, and
// no older one replaces it.
func TestKeepFromFile(t *testing.T) {
	s := newStage(t)
	s.file(s.jwt(nil))
	a := s.account("token_file: jwt" + everywhere)
	if n, words := written(s.worker.Keep(t.Context(), a)); n != 3 || words != "" {
		t.Fatal(n, words)
	}
	first, _, _ := s.held()
	exchanged := s.server.Calls("oidc/token")
	s.passes(10 * time.Minute)
	if n, words := written(s.worker.Keep(t.Context(), a)); n != 0 || words != "" || s.server.Calls("oidc/token") != exchanged {
		t.Error("the same one again:", n, words)
	}
	s.file(s.jwt(func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(begin.Add(20 * time.Minute)) }))
	if n, _ := written(s.worker.Keep(t.Context(), a)); n != 0 {
		t.Error("one that ends earlier was taken")
	}
	s.file(s.jwt(nil))
	if n, words := written(s.worker.Keep(t.Context(), a)); n != 3 || words != "" {
		t.Error("a newer one:", n, words)
	}
	if now, _, _ := s.held(); now == first {
		t.Error("it is the old one")
	}
	s.store.Delete("kv/jwt")
	if n, words := written(s.worker.Keep(t.Context(), a)); n != 1 || words != "" {
		t.Error("one place lost it:", n, words)
	}
}

type teller struct{ events []rotation.Event }

func (l *teller) TellOnce(_ context.Context, _ time.Duration, e rotation.Event) (bool, error) {
	l.events = append(l.events, e)
	return true, nil
}

// What was written is on record, without what was written.
func TestTell(t *testing.T) {
	s := newStage(t)
	a := s.account(s.byServer(everywhere))
	var l teller
	all := []federation.Kept{s.worker.Keep(t.Context(), a)}
	if told, err := federation.Tell(t.Context(), &l, all); !told || err != nil || len(l.events) != 1 {
		t.Fatal(told, err)
	}
	if e := l.events[0]; e.Kind != rotation.EventJWTKept || e.Words != "ml/train at vault:kv/jwt, vault:kv/shared#jwt, file:"+filepath.Join(s.dir, "kept") {
		t.Errorf("%+v", e)
	}
	if told, err := federation.Tell(t.Context(), &l, []federation.Kept{s.worker.Keep(t.Context(), a)}); told || err != nil {
		t.Error("nothing was written, and it is told")
	}
}
