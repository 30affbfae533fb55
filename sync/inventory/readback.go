package inventory

import (
	"context"
	"errors"
	"fmt"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// ReadBack reads a key of an account back from the first destination that gives
// one, of those that were delivered to, and says which. Whether it works, it does
// not ask.
func (o Observer) ReadBack(ctx context.Context, a Account, r rotation.Record) (providers.Secret, rotation.Destination, error) {
	var errs []error
	for _, w := range a.For(r).Wants {
		d := w.Destination
		reader, ok := o.Stores[d.Store].(providers.Reader)
		if !ok || !w.Readable {
			continue
		}
		var value providers.Secret
		err := o.Call.Read(ctx, d.Store, "read", func(ctx context.Context) (err error) {
			value, err = reader.Read(ctx, d, "")
			return err
		})
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if keys := a.For(r).Format(d).Keys(value); len(keys) > 0 {
			return keys[0], d, nil
		}
		errs = append(errs, fmt.Errorf("%s: no key is there", d))
	}
	if len(errs) == 0 {
		errs = append(errs, errors.New("no destination of it gives a key back"))
	}
	return providers.Secret{}, rotation.Destination{}, fmt.Errorf("reading a key of %s back: %w", a.Ref(), errors.Join(errs...))
}
