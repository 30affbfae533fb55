package azurekv

import (
	"context"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// A recovery takes seconds; it is asked after in these intervals, each twice as
// long as the one before.
const (
	recoveryFirst = 100 * time.Millisecond
	recoveryMost  = 2 * time.Second
)

// recover brings a deleted secret back and waits until it is there. Its current
// version must be the one that was seen deleted.
func (s *Store) recover(ctx context.Context, name string, d rotation.Destination, before sight) (sight, rotation.Holding, error) {
	_, err := call(ctx, s, opRecover(), func(ctx context.Context) (azsecrets.RecoverDeletedSecretResponse, error) {
		return s.client.RecoverDeletedSecret(ctx, name, nil)
	})
	switch {
	case is(err, http.StatusNotFound):
		return sight{}, rotation.Holding{}, problemf("put", d.String(), providers.Conflict, "", "the deleted secret changed since it was looked at")
	case err != nil && !told(err, innerRecovering):
		return sight{}, rotation.Holding{}, err
	}
	for interval := recoveryFirst; ; interval = min(2*interval, recoveryMost) {
		all, err := s.versions(ctx, name)
		if err != nil {
			return sight{}, rotation.Holding{}, err
		}
		if len(all) > 0 {
			break
		}
		if err := pause(ctx, interval); err != nil {
			return sight{}, rotation.Holding{}, &failure{
				op: opRecover(), kind: kindOf(providers.Transient), err: err,
				words: "the deleted secret is being recovered, and was not there yet at the deadline", hint: "try again",
			}
		}
	}
	now, h, err := s.look(ctx, name, d)
	if err == nil && (!now.exists || now.deleted != nil || now.current.id != before.current.id) {
		err = problemf("put", d.String(), providers.Conflict, "", "the secret changed while it was recovered")
	}
	return now, h, err
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
