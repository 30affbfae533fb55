package providertest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// issuerRun is one case at work: a fresh service, and the words that cases are
// written in. Whatever an issuer returns goes through check or hunt, which look
// for values of keys in it.
type issuerRun struct {
	*testing.T
	IssuerService
	issuer providers.Issuer
}

func (r *issuerRun) ctx() context.Context {
	ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
	r.Cleanup(cancel)
	return ctx
}

// hunt fails the case if something, in whatever way it is printed, holds a value.
func (r *issuerRun) hunt(what string, v any) {
	r.Helper()
	for _, verb := range []string{"%v", "%+v", "%#v", "%q"} {
		if strings.Contains(fmt.Sprintf(verb, v), storeCanary) {
			r.Errorf("%s holds the value of a key, printed with %s", what, verb)
		}
	}
}

func (r *issuerRun) check(err error) error {
	r.Helper()
	if err != nil {
		r.hunt("an error", err)
	}
	return err
}

// want fails the case unless err is an *Error of one of some kinds, and one
// that tells people what it is about.
func (r *issuerRun) want(err error, kinds ...providers.Kind) *providers.Error {
	r.Helper()
	var e *providers.Error
	switch {
	case r.check(err) == nil:
		r.Fatalf("no error, want %v", kinds)
	case !asError(err, &e):
		r.Fatalf("%T is no *providers.Error: %v", err, err)
	case !slices.Contains(kinds, e.Kind):
		r.Errorf("an error of kind %s, want %v: %v", e.Kind, kinds, err)
	case e.Provider == "" || e.Op == "":
		r.Errorf("an error without provider or operation: %v", err)
	}
	return e
}

// hinted is want for what a person must act on.
func (r *issuerRun) hinted(err error, kinds ...providers.Kind) {
	r.Helper()
	if e := r.want(err, kinds...); e.Hint == "" {
		r.Errorf("an error that a person must act on, and no hint how: %v", err)
	}
}

func (r *issuerRun) must(err error, what string) {
	r.Helper()
	if r.check(err) != nil {
		r.Fatalf("%s: %v", what, err)
	}
}

// label is a label as keyrota makes them; n makes it another one.
func (r *issuerRun) label(a rotation.Account, n int) rotation.Label {
	at := time.Date(2026, 8, 3, 12, 0, 0, 0, time.UTC)
	return rotation.NewLabel("conformance", a.ID, rotation.Edition(n), at, fmt.Sprintf("nonce-%d", n))
}

// live makes an account with one key.
func (r *issuerRun) live(name string) (rotation.Account, rotation.KeyID, providers.Secret) {
	r.Helper()
	a := r.Account(r.T, name)
	if a.ID == "" || a.Name != name || a.Scope != rotation.ScopeTeam || a.Team == "" {
		r.Fatalf("the service made the account %+v", a)
	}
	id, value := r.Key(r.T, a, "made by hand")
	return a, id, value
}

func (r *issuerRun) issue(a rotation.Account, auth providers.Secret, label rotation.Label) (rotation.Key, providers.Secret) {
	r.Helper()
	key, value, err := r.issuer.Issue(r.ctx(), a, auth, label)
	r.must(err, "issue")
	r.hunt("an issued key", key)
	r.hunt("a secret", value)
	if key.ID == "" || key.Label != label || value.Empty() {
		r.Fatalf("issued %+v with a value of %d characters, want the label %s", key, len(value.Expose()), label)
	}
	return key, value
}

// works fails the case unless a value is this key of this account.
func (r *issuerRun) works(a rotation.Account, s providers.Secret, id rotation.KeyID) providers.Verified {
	r.Helper()
	v, err := r.issuer.Verify(r.ctx(), a, s)
	r.must(err, "verify")
	r.hunt("what is verified", v)
	if v.Key != id || a.ID != "" && v.Account != a.ID {
		r.Errorf("verified %+v, want key %s of account %s", v, id, a.ID)
	}
	return v
}

// dead fails the case unless the platform says that a value does not work.
func (r *issuerRun) dead(a rotation.Account, s providers.Secret) {
	r.Helper()
	_, err := r.issuer.Verify(r.ctx(), a, s)
	r.want(err, providers.Denied)
}

// has fails the case unless the account really has these keys, in any order.
func (r *issuerRun) has(a rotation.Account, ids ...rotation.KeyID) {
	r.Helper()
	var have []rotation.KeyID
	for _, k := range r.Keys(r.T, a) {
		have = append(have, k.ID)
	}
	slices.Sort(have)
	slices.Sort(ids)
	if !slices.Equal(have, ids) {
		r.Errorf("%s has the keys %v, want %v", a.Name, have, ids)
	}
}

func (r *issuerRun) ids(a rotation.Account) []rotation.KeyID {
	var ids []rotation.KeyID
	for _, k := range r.Keys(r.T, a) {
		ids = append(ids, k.ID)
	}
	return ids
}

// listing returns what the issuer lists of a team.
func (r *issuerRun) listing(team string) (map[rotation.AccountID]rotation.Account, map[rotation.AccountID][]rotation.Key) {
	r.Helper()
	accounts := map[rotation.AccountID]rotation.Account{}
	keys := map[rotation.AccountID][]rotation.Key{}
	err := r.issuer.Keys(r.ctx(), team, func(a rotation.Account, k []rotation.Key) error {
		if _, twice := accounts[a.ID]; twice || a.ID == "" {
			r.Errorf("listed twice, or without an id: %+v", a)
		}
		r.hunt("a listing", a)
		r.hunt("a listing", k)
		accounts[a.ID], keys[a.ID] = a, k
		return nil
	})
	r.must(err, "list keys")
	return accounts, keys
}

// equal reports whether two lists hold the same keys, in any order.
func equal(a, b []rotation.Key) bool {
	byID := func(k, l rotation.Key) int { return strings.Compare(string(k.ID), string(l.ID)) }
	return slices.Equal(slices.SortedFunc(slices.Values(a), byID), slices.SortedFunc(slices.Values(b), byID))
}

// created returns how many requests to create something do made.
func (r *issuerRun) created(do func()) int {
	before := r.Creations()
	do()
	return r.Creations() - before
}

// ability returns what the service can do beyond what every one can, or skips
// the case.
func ability[A any](r *issuerRun) A {
	r.Helper()
	a, ok := r.IssuerService.(A)
	if !ok {
		r.Skip("this service cannot bring it about")
	}
	return a
}
