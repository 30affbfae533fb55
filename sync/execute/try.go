package execute

import (
	"context"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
)

// try reads one place back and asks the platform whose key it is. What works
// goes into the slot of its key id. It also returns the platform's clock.
func (p *pass) try(ctx context.Context, place rotation.Place) (rotation.Value, time.Time) {
	values, v := p.read(ctx, place)
	v.Place = place
	var at time.Time
	for _, value := range values {
		v, at = p.verify(ctx, value)
		v.Place = place
		if v.Verdict != rotation.Dead {
			break
		}
	}
	return v, at
}

// read returns what may be a key at a place, or why there is nothing.
func (p *pass) read(ctx context.Context, place rotation.Place) ([]providers.Secret, rotation.Value) {
	switch place.Kind {
	case rotation.PlaceMemory:
		if h, ok := p.w.kept.get(p.a.Ref()); ok {
			return []providers.Secret{h.value}, rotation.Value{}
		}
		return nil, rotation.Value{Verdict: rotation.Dead, Words: "it is not in memory any more"}
	case rotation.PlacePlatform:
		shower, ok := p.w.Issuer.(providers.FirstKeyer)
		if !ok {
			return nil, rotation.Value{Verdict: rotation.Unreadable, Words: "this issuer shows no first key"}
		}
		var value providers.Secret
		err := p.w.Call.Read(ctx, inventory.IssuerService, "first key", func(ctx context.Context) (err error) {
			value, err = shower.FirstKey(ctx, p.a.Account)
			return err
		})
		return found(value, err, func(s providers.Secret) []providers.Secret { return []providers.Secret{s} })
	}
	d := place.Destination
	reader, ok := p.w.Stores[d.Store].(providers.Reader)
	if !ok {
		return nil, rotation.Value{Verdict: rotation.Unreadable, Words: "its store gives no values back"}
	}
	var value providers.Secret
	err := p.w.Call.Read(ctx, d.Store, "read", func(ctx context.Context) (err error) {
		value, err = reader.Read(ctx, d, place.Version)
		return err
	})
	current := p.seen.Holding(d).Version
	if place.Version != "" && place.Version == current && err != nil && providers.KindOf(err) == providers.NotFound {
		// It was there when it was looked at: the look is old, the key may live.
		// An older version need not have the field, and may be pruned any time.
		return nil, rotation.Value{Words: err.Error()}
	}
	return found(value, err, p.a.Format(d).Keys)
}

func found(value providers.Secret, err error, keys func(providers.Secret) []providers.Secret) ([]providers.Secret, rotation.Value) {
	if err == nil {
		return keys(value), rotation.Value{Verdict: rotation.Dead, Words: "no key is there"}
	}
	v := rotation.Value{Words: err.Error()}
	switch providers.KindOf(err) {
	case providers.NotFound:
		v.Verdict = rotation.Dead
	case providers.Denied, providers.Invalid:
		v.Verdict = rotation.Unreadable
	default:
		v.Verdict = rotation.Unreached
	}
	return nil, v
}

// verify asks the platform whose key a value is.
func (p *pass) verify(ctx context.Context, value providers.Secret) (rotation.Value, time.Time) {
	var seen providers.Verified
	err := p.w.Call.Read(ctx, inventory.IssuerService, "verify", func(ctx context.Context) (err error) {
		seen, err = p.w.Issuer.Verify(ctx, p.a.Account, value)
		return err
	})
	if err == nil {
		p.slots[seen.Key] = value
		v := rotation.Value{Verdict: rotation.Live, Key: seen.Key, Account: seen.Account}
		if !seen.At.IsZero() {
			v.Skew = seen.At.Sub(p.w.Now())
		}
		return v, seen.At
	}
	v := rotation.Value{Words: err.Error()}
	switch providers.KindOf(err) {
	case providers.Denied:
		v.Verdict = rotation.Dead
	case providers.Conflict:
		v.Verdict = rotation.Foreign
	default:
		v.Verdict = rotation.Unreached
	}
	return v, time.Time{}
}
