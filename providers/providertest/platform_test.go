package providertest_test

import (
	"context"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
)

var account = rotation.Account{Ref: "ml/eval", Name: "eval", Team: "ml", Scope: rotation.ScopeTeam}

func platform() (*providertest.Platform, *time.Time) {
	now := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	return providertest.NewPlatform(providertest.PlatformOptions{Now: func() time.Time { return now }}), &now
}

// TestPlatformLife: an account is provisioned, makes its next key with its
// first, and deletes the first.
func TestPlatformLife(t *testing.T) {
	p, now := platform()
	ctx := t.Context()
	a := account
	var err error
	if a.ID, err = p.Provision(ctx, a); err != nil {
		t.Fatal(err)
	}
	first, err := p.FirstKey(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	label := rotation.NewLabel("prod", a.ID, 1, *now, "n1")
	next, value, err := p.Issue(ctx, a, first, label)
	if err != nil || next.Label != label {
		t.Fatalf("issued %+v, %v", next, err)
	}
	v, err := p.Verify(ctx, rotation.Account{Name: "eval", Team: "ml"}, value)
	if err != nil || v != (providers.Verified{Account: a.ID, Key: next.ID, Label: label, At: *now}) {
		t.Fatalf("verified %+v, %v", v, err)
	}
	was, _ := p.Verify(ctx, a, first)
	for range 2 { // the second finds it absent
		if err := p.Revoke(ctx, a, value, was.Key); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.Verify(ctx, a, first); providers.KindOf(err) != providers.Denied {
		t.Errorf("a deleted key: %v, want denied", err)
	}
	var listed []rotation.Key
	if err := p.Keys(ctx, "ml", func(_ rotation.Account, keys []rotation.Key) error {
		listed = append(listed, keys...)
		return nil
	}); err != nil || len(listed) != 1 || listed[0] != next {
		t.Errorf("listed %+v, %v", listed, err)
	}
}

// TestPlatformKinds: each fault has the kind that callers act on.
func TestPlatformKinds(t *testing.T) {
	other := rotation.Account{Ref: "ml/other", Name: "other", Team: "ml", Scope: rotation.ScopeTeam}
	for _, c := range []struct {
		name string
		opt  func(*providertest.PlatformOptions)
		do   func(p *providertest.Platform, a rotation.Account, value, others providers.Secret) error
		want providers.Kind
	}{
		{"a key of someone else", nil, func(p *providertest.Platform, a rotation.Account, _, others providers.Secret) error {
			_, err := p.Verify(t.Context(), a, others)
			return err
		}, providers.Conflict},
		{"as many keys as it may have", func(o *providertest.PlatformOptions) { o.MaxKeys = 1 }, func(p *providertest.Platform, a rotation.Account, value, _ providers.Secret) error {
			_, _, err := p.Issue(t.Context(), a, value, "")
			return err
		}, providers.Limited},
		{"creation disabled", func(o *providertest.PlatformOptions) { o.CreateDisabled = true }, func(p *providertest.Platform, a rotation.Account, value, _ providers.Secret) error {
			_, _, err := p.Issue(t.Context(), a, value, "")
			return err
		}, providers.Denied},
		{"no admin lists", func(o *providertest.PlatformOptions) { o.NoAdmin = true }, func(p *providertest.Platform, _ rotation.Account, _, _ providers.Secret) error {
			return p.Keys(t.Context(), "ml", func(rotation.Account, []rotation.Key) error { return nil })
		}, providers.Denied},
		{"an organization account by API", nil, func(p *providertest.Platform, a rotation.Account, _, _ providers.Secret) error {
			a.Scope = rotation.ScopeOrganization
			_, err := p.Provision(t.Context(), a)
			return err
		}, providers.Invalid},
		{"a first key that is hidden", func(o *providertest.PlatformOptions) { o.HidesFirstKey = true }, func(p *providertest.Platform, a rotation.Account, _, _ providers.Secret) error {
			_, err := p.FirstKey(t.Context(), a)
			return err
		}, providers.NotFound},
		{"a key that is not valid yet", func(o *providertest.PlatformOptions) { o.ValidAfter = time.Minute }, func(p *providertest.Platform, a rotation.Account, value, _ providers.Secret) error {
			_, fresh, err := p.Issue(t.Context(), a, value, "")
			if err != nil {
				t.Fatal(err)
			}
			_, err = p.Verify(t.Context(), a, fresh)
			return err
		}, providers.Denied},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, _ := platform()
			a, b := p.AddAccount(account), p.AddAccount(other)
			_, value := p.AddKey(a.ID, "")
			_, others := p.AddKey(b.ID, "")
			if c.opt != nil {
				p.Set(c.opt)
			}
			if err := c.do(p, a, value, others); providers.KindOf(err) != c.want || err == nil {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

// TestPlatformLostAnswer: the key exists, and nobody has its value.
func TestPlatformLostAnswer(t *testing.T) {
	p, _ := platform()
	a := p.AddAccount(account)
	_, value := p.AddKey(a.ID, "")
	p.Intercept(func(_ context.Context, s providertest.PlatformStep) error {
		if s.Op == "issue" && s.Point == providertest.After {
			return providertest.Lost(s.Op, s.Account.Name)
		}
		return nil
	})
	_, lost, err := p.Issue(t.Context(), a, value, "a label")
	if providers.KindOf(err) != providers.Transient || !lost.Empty() {
		t.Errorf("%v, and a value: %v", err, !lost.Empty())
	}
	if keys := p.LiveKeys(a.ID); len(keys) != 2 || keys[1].Label != "a label" {
		t.Errorf("live keys %+v, want the lost one among them", keys)
	}
}
