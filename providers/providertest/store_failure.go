package providertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// failureCases: a service that refuses, is gone, or is asked too late.
func failureCases() []storeCase {
	return []storeCase{
		{
			name: "denied", story: "A credential that is refused is told as denied by every call, and nothing is taken for absent.", once: true,
			run: func(r *storeRun) { r.failing(providers.Denied, StoreService.Denied) },
		},
		{
			name: "unreachable", story: "A service that does not answer is told as transient by every call, and nothing is taken for absent.", once: true,
			run: func(r *storeRun) { r.failing(providers.Transient, StoreService.Unreachable) },
		},
		{
			name: "too late", story: "Nothing is sent after the deadline: the secret stays as it is, and its holding unknown.",
			run: func(r *storeRun) {
				d := r.at("ci/late")
				seen := r.deliver(d, 1)
				late, cancel := context.WithDeadline(r.Context(), time.Unix(0, 0))
				defer cancel()
				calls, counted := r.calls(func() {
					_, err := r.store.Put(late, d, r.payload(2), mark(2), seen)
					r.want(providers.Transient, err)
					_, err = r.store.Look(late, d)
					r.want(providers.Transient, err)
					if reader, ok := r.store.(providers.Reader); ok {
						_, err = reader.Read(late, d, "")
						r.want(providers.Transient, err)
					}
				})
				if counted && calls != (StoreCalls{}) {
					r.Errorf("it made %+v", calls)
				}
				err := r.store.Observe(late, []rotation.Destination{d}, func(_ rotation.Destination, h rotation.Holding) error {
					if h.State != rotation.StateUnknown {
						r.Errorf("seen as %s after the deadline", h.State)
					}
					return nil
				})
				if r.check(err) == nil {
					r.Error("observe after the deadline: no error")
				}
				r.holds(d, mark(1))
				r.reads(d, r.payload(1))
			},
		},
		{
			name: "canary", story: "No value is in what is returned for printing, whatever the fault.",
			run: func(r *storeRun) {
				d := r.at("ci/canary")
				r.Edit(r.T, d.Path, r.content(1))
				holdings := []rotation.Holding{r.look(d)}
				holdings = append(holdings, r.deliver(d, 2), r.look(d))
				stale := holdings[0]
				r.refused(d, 3, stale)
				r.Edit(r.T, d.Path, r.content(4))
				holdings = append(holdings, r.look(d))
				seen, err := r.observe(d)
				if err != nil {
					r.Error(err)
				}
				holdings = append(holdings, seen[d])
				if text := fmt.Sprintf("%#v", holdings); strings.Contains(text, storeCanary) {
					r.Error("a holding holds a value")
				}
				if d.Field == "" {
					broken := providers.Payload{Value: providers.NewSecret(`{"` + storeCanary), Object: true}
					_, err = r.store.Put(r.ctx(), d, broken, mark(5), r.look(d))
					r.want(providers.Invalid, err)
				}
			},
		},
	}
}

// failing makes every call of a store that fails, and looks that nothing came of it.
func (r *storeRun) failing(kind providers.Kind, failing func(StoreService, *testing.T) providers.SecretStore) {
	d := r.at("ci/failing")
	seen := r.deliver(d, 1)
	before, _ := r.Raw(r.T, d.Path)
	store := failing(r.StoreService, r.T)
	h, err := store.Look(r.ctx(), d)
	r.want(kind, err)
	if h.State != rotation.StateUnknown {
		r.Errorf("look shows %s beside its error", h.State)
	}
	_, err = store.Put(r.ctx(), d, r.payload(2), mark(2), seen)
	r.want(kind, err)
	err = store.Observe(r.ctx(), []rotation.Destination{d, r.at("ci/failing-too")}, func(d rotation.Destination, h rotation.Holding) error {
		if h.State != rotation.StateUnknown {
			r.Errorf("%s is seen as %s", d, h.State)
		}
		return nil
	})
	r.want(kind, err)
	if reader, ok := store.(providers.Reader); ok {
		_, err = reader.Read(r.ctx(), d, "")
		r.want(kind, err)
	}
	if after, _ := r.Raw(r.T, d.Path); after != before {
		r.Error("the secret changed")
	}
}

// asError is errors.As for the one type of error that stores return.
func asError(err error, e **providers.Error) bool { return errors.As(err, e) }
