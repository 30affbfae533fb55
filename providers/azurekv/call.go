package azurekv

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/pace"
)

// operation is one of the service's calls, and the right that it needs.
type operation struct{ name, action string }

func opSet() operation         { return operation{"SetSecret", "setSecret"} }
func opGet() operation         { return operation{"GetSecret", "getSecret"} }
func opUpdate() operation      { return operation{"UpdateSecret", "update"} }
func opList() operation        { return operation{"ListSecrets", "readMetadata"} }
func opVersions() operation    { return operation{"ListSecretVersions", "readMetadata"} }
func opListDeleted() operation { return operation{"ListDeletedSecrets", "readMetadata"} }
func opGetDeleted() operation  { return operation{"GetDeletedSecret", "readMetadata"} }
func opRecover() operation     { return operation{"RecoverDeletedSecret", "recover"} }
func opDelete() operation      { return operation{"DeleteSecret", "delete"} }

// requestTimeout bounds one request, however far the caller's deadline is.
const requestTimeout = 60 * time.Second

// Published limits of a vault, in calls a second: 300 and 4,000 in 10 seconds,
// within which what may come at once has its place too.
// https://learn.microsoft.com/azure/key-vault/general/service-limits
const (
	createsPerSecond = 30
	othersPerSecond  = 400
	createsAtOnce    = 15
	othersAtOnce     = 150
)

type paces struct{ create, other *pace.Pace }

func newPaces(all *pace.Paces, host string) paces {
	return paces{
		create: all.Get(provider+"/"+host+"/create", pace.Quota{PerSecond: createsPerSecond, Burst: createsAtOnce}),
		other:  all.Get(provider+"/"+host+"/other", pace.Quota{PerSecond: othersPerSecond, Burst: othersAtOnce}),
	}
}

// call makes one request. Every error is a *failure. Nothing is sent once ctx
// has ended.
func call[T any](ctx context.Context, s *Store, op operation, send func(context.Context) (T, error)) (T, error) {
	var none T
	held := s.paces.other
	if op == opSet() {
		held = s.paces.create
	}
	if err := held.Wait(ctx); err != nil {
		var until *pace.Held
		if errors.As(err, &until) {
			return none, &failure{op: op, kind: kindOf(providers.Limited), words: op.name + ": " + until.Error(), retryAfter: until.After()}
		}
		return none, &failure{op: op, err: unanswered(err)}
	}
	if err := ctx.Err(); err != nil {
		return none, &failure{op: op, err: unanswered(err)}
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	answer, err := send(ctx)
	if err == nil {
		return answer, nil
	}
	f := failed(op, err, s.now())
	if f.status == http.StatusTooManyRequests {
		held.Limited(f.retryAfter)
	}
	return none, f
}

// pages goes through all pages of a listing.
func pages[T any](ctx context.Context, s *Store, op operation, pager *runtime.Pager[T], each func(T) error) error {
	for pager.More() {
		page, err := call(ctx, s, op, pager.NextPage)
		if err != nil {
			return err
		}
		if err := each(page); err != nil {
			return err
		}
	}
	return nil
}

// odd tells of an answer that lacks what Key Vault never leaves out.
func odd(op operation) *failure {
	return &failure{op: op, kind: kindOf(providers.Transient), words: op.name + ": the answer is not what Key Vault gives"}
}
