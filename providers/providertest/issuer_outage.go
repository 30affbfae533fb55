package providertest

import (
	"context"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// outageCases: the platform is busy, unwell, or we are told to stop.
func outageCases() []issuerCase {
	return []issuerCase{
		{
			name: "too many calls", story: "Over the limit of calls nothing is done, and the error says when to come back.",
			run: func(r *issuerRun) {
				service := ability[CallLimiter](r)
				a, id, value := r.live("eager")
				before := r.ids(a)
				for name, call := range r.calls(a, id, value) {
					service.LimitCalls(r.T, 30*time.Second)
					r.issuer = r.Issuer()
					e := r.want(call(r.ctx()), providers.Limited)
					if e.RetryAfter <= 0 || e.RetryAfter > 31*time.Second {
						r.Errorf("%s: to be retried after %s, want 30s: %v", name, e.RetryAfter, e)
					}
				}
				r.has(a, before...)
				r.issuer = r.Issuer()
				r.works(a, value, id)
			},
		},
		{
			name: "unwell", story: "A platform that fails is Transient, whatever was asked: never a dead key, never an empty list, never absent.",
			run: func(r *issuerRun) {
				service := ability[Ailing](r)
				a, id, value := r.live("ailing")
				before := r.ids(a)
				for _, call := range r.calls(a, id, value) {
					service.FailNext(r.T)
					r.want(call(r.ctx()), providers.Transient)
				}
				r.has(a, before...)
				r.works(a, value, id)
			},
		},
		{
			name: "told to stop", story: "A context that is over ends every call, without an effect.",
			run: func(r *issuerRun) {
				a, id, value := r.live("stopped")
				before := r.ids(a)
				ctx, cancel := context.WithCancel(r.ctx())
				cancel()
				for _, call := range r.calls(a, id, value) {
					r.want(call(ctx), providers.Transient)
				}
				r.has(a, before...)
				r.works(a, value, id)
			},
		},
	}
}

// calls are all calls of an issuer, by name.
func (r *issuerRun) calls(a rotation.Account, id rotation.KeyID, value providers.Secret) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Keys": func(ctx context.Context) error {
			return r.issuer.Keys(ctx, a.Team, func(rotation.Account, []rotation.Key) error { return nil })
		},
		"KeysOf": func(ctx context.Context) error {
			_, err := r.issuer.KeysOf(ctx, a, value)
			return err
		},
		"Issue": func(ctx context.Context) error {
			_, _, err := r.issuer.Issue(ctx, a, value, r.label(a, 1))
			return err
		},
		"Verify": func(ctx context.Context) error {
			_, err := r.issuer.Verify(ctx, a, value)
			return err
		},
		"Revoke": func(ctx context.Context) error { return r.issuer.Revoke(ctx, a, value, id) },
	}
}
