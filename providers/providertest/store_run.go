package providertest

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// storeRun is one case at work: a fresh service, and the words that cases are
// written in. Every error that a store returns goes through check, which looks
// for values in it.
type storeRun struct {
	*testing.T
	StoreService
	store providers.SecretStore
	can   StoreAbilities
	field string // the kind of destination that the case runs for
}

func newStoreRun(t *testing.T, h StoreHarness, field string) *storeRun {
	service := h.Open(t)
	return &storeRun{T: t, StoreService: service, store: service.Store(), can: h.Can, field: field}
}

const storeCanary = "CANARY"

// key returns the value of the n-th key.
func key(n int) providers.Secret {
	return providers.NewSecret(fmt.Sprintf("local-%s_%040d", storeCanary, n))
}

// mark returns the mark of the n-th edition of an account.
func markOf(account rotation.AccountID, n int) rotation.Mark {
	return rotation.Mark{
		Instance: "prod", Ledger: "ledger-1", Account: account, Edition: rotation.Edition(n),
		Key: rotation.KeyID(fmt.Sprintf("%s-key-%d", account, n)), Shape: "shape-1",
	}
}

func mark(n int) rotation.Mark { return markOf("VXNlcjox", n) }

// at is a destination of the case's kind.
func (r *storeRun) at(secret string) rotation.Destination { return r.Destination(secret, r.field) }

// payload is what a destination of the case's kind should hold of a key.
func (r *storeRun) payload(n int) providers.Payload {
	if r.field == "" && !r.can.Raw {
		return providers.Payload{Value: providers.NewSecret(object("WANDB_API_KEY", key(n))), Object: true}
	}
	return providers.Payload{Value: key(n)}
}

func object(field string, value providers.Secret) string {
	text, err := providers.WithField("", field, value)
	if err != nil {
		panic(err) // cases give valid names and values
	}
	return text.Expose()
}

// content is what a person would set by hand to have a key there.
func (r *storeRun) content(n int) string {
	if r.field == "" {
		return r.payload(n).Value.Expose()
	}
	return object(r.field, key(n))
}

func (r *storeRun) ctx() context.Context {
	ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
	r.Cleanup(cancel)
	return ctx
}

// check fails the case if an error, in whatever way it is printed, holds a value.
func (r *storeRun) check(err error) error {
	r.Helper()
	if err != nil {
		for _, verb := range []string{"%v", "%+v", "%#v", "%q"} {
			if strings.Contains(fmt.Sprintf(verb, err), storeCanary) {
				r.Errorf("an error holds a value, printed with %s", verb)
			}
		}
	}
	return err
}

// want fails the case unless err is an *Error of a kind, and one that tells
// people what it is about.
func (r *storeRun) want(kind providers.Kind, err error) {
	r.Helper()
	var e *providers.Error
	switch {
	case r.check(err) == nil:
		r.Fatalf("no error, want %s", kind)
	case !asError(err, &e):
		r.Errorf("%T is no *providers.Error: %v", err, err)
	case e.Kind != kind:
		r.Errorf("an error of kind %s, want %s: %v", e.Kind, kind, err)
	case e.Provider == "" || e.Op == "":
		r.Errorf("an error without provider or operation: %v", err)
	}
}

func (r *storeRun) look(d rotation.Destination) rotation.Holding {
	r.Helper()
	h, err := r.store.Look(r.ctx(), d)
	if r.check(err) != nil {
		r.Fatalf("look at %s: %v", d, err)
	}
	if !h.Fresh {
		r.Errorf("look at %s: the holding is not fresh", d)
	}
	if h.State == rotation.StateUnknown {
		r.Fatalf("look at %s: unknown without an error", d)
	}
	return h
}

// in looks and fails the case unless d is in one of some states.
func (r *storeRun) in(d rotation.Destination, states ...rotation.State) rotation.Holding {
	r.Helper()
	h := r.look(d)
	for _, s := range states {
		if h.State == s {
			return h
		}
	}
	r.Fatalf("%s is %s, want %v", d, h.State, states)
	return h
}

// holds fails the case unless d is seen to be delivered with a mark.
func (r *storeRun) holds(d rotation.Destination, m rotation.Mark) rotation.Holding {
	r.Helper()
	h := r.in(d, rotation.StateMarked)
	if h.Mark != m {
		r.Errorf("%s is marked %+v, want %+v", d, h.Mark, m)
	}
	if h.Version == "" {
		r.Errorf("%s holds something without a version", d)
	}
	return h
}

// put writes and fails the case unless that works and is told as it is.
func (r *storeRun) put(d rotation.Destination, p providers.Payload, m rotation.Mark, seen rotation.Holding) rotation.Holding {
	r.Helper()
	h, err := r.store.Put(r.ctx(), d, p, m, seen)
	if r.check(err) != nil {
		r.Fatalf("put %s: %v", d, err)
	}
	if h.State != rotation.StateMarked || h.Mark != m || h.Version == "" || !h.Fresh {
		r.Errorf("put %s returned %+v, want it fresh, delivered, with a version, and marked %+v", d, h, m)
	}
	return h
}

// deliver looks and puts the n-th key.
func (r *storeRun) deliver(d rotation.Destination, n int) rotation.Holding {
	r.Helper()
	return r.put(d, r.payload(n), mark(n), r.look(d))
}

// refused puts and fails the case unless that is a conflict that left the
// secret as it was.
func (r *storeRun) refused(d rotation.Destination, n int, seen rotation.Holding) {
	r.Helper()
	before, there := r.Raw(r.T, d.Path)
	_, err := r.store.Put(r.ctx(), d, r.payload(n), mark(n), seen)
	r.want(providers.Conflict, err)
	if after, still := r.Raw(r.T, d.Path); after != before || there != still {
		r.Errorf("%s changed although the put was refused", d)
	}
}

// reads fails the case unless a reader finds a payload at d.
func (r *storeRun) reads(d rotation.Destination, p providers.Payload) {
	r.Helper()
	content, ok := r.Raw(r.T, d.Path)
	if !ok {
		r.Fatalf("a reader finds nothing at %s", d)
	}
	got := providers.NewSecret(content)
	if d.Field != "" {
		var err error
		if got, ok, err = providers.Field(content, d.Field); !ok || err != nil {
			r.Fatalf("a reader does not find the field %s: %v", d, err)
		}
	}
	if !r.same(got, p) {
		r.Errorf("a reader finds another value at %s than was put", d)
	}
}

// same compares a value with a payload: an object member by member.
func (r *storeRun) same(got providers.Secret, p providers.Payload) bool {
	r.Helper()
	if !p.Object {
		return got.Equal(p.Value)
	}
	return reflect.DeepEqual(r.decode(got.Expose()), r.decode(p.Value.Expose()))
}

// decode returns the members of an object, with numbers as they are written
// unless the service rounds them.
func (r *storeRun) decode(object string) map[string]any {
	r.Helper()
	return r.members(object, !r.can.RoundsNumbers)
}

func (r *storeRun) members(object string, asWritten bool) map[string]any {
	r.Helper()
	dec := json.NewDecoder(strings.NewReader(object))
	if asWritten {
		dec.UseNumber()
	}
	var members map[string]any
	if err := dec.Decode(&members); err != nil {
		r.Fatal("a secret is no JSON object")
	}
	return members
}

// calls returns what do asked of the service; false where nobody counts.
func (r *storeRun) calls(do func()) (StoreCalls, bool) {
	counter, ok := r.StoreService.(CallCounter)
	if !ok {
		do()
		return StoreCalls{}, false
	}
	before := counter.Calls()
	do()
	after := counter.Calls()
	return StoreCalls{
		Lists: after.Lists - before.Lists, Looks: after.Looks - before.Looks,
		Values: after.Values - before.Values, Writes: after.Writes - before.Writes,
	}, true
}

// versions returns how many versions a secret has had, 0 where nobody counts.
func (r *storeRun) versions(d rotation.Destination) int {
	r.Helper()
	counter, ok := r.StoreService.(VersionCounter)
	if !ok {
		return 0
	}
	return counter.Versions(r.T, d.Path)
}
