package providertest_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
)

func TestMemory(t *testing.T) {
	for name, opt := range map[string]providertest.MemoryOptions{
		"with compare-and-set":    {},
		"without compare-and-set": {NoCompareAndSet: true},
	} {
		t.Run(name, func(t *testing.T) {
			long := func(n int) string { return strings.Repeat("x", n) }
			payload := providers.Payload{Value: providers.NewSecret("CANARY")}
			providertest.TestStore(t, providertest.StoreHarness{
				Can: providertest.StoreAbilities{
					CompareAndSet: !opt.NoCompareAndSet, Raw: true, Fields: true, KeepsText: true, Older: true,
					ObserveCalls: func(secrets int) int { return (secrets + 99) / 100 },
				},
				Open: func(*testing.T) providertest.StoreService {
					m := memory{providertest.NewMemory(opt)}
					m.Intercept(func(context.Context, providertest.StoreStep) error {
						runtime.Gosched() // so that writers meet
						return nil
					})
					return m
				},
				Limits: []providertest.StoreLimit{
					{Name: "a path of 512 bytes", Secret: long(512), Payload: payload},
					{Name: "a path of 513 bytes", Secret: long(513), Payload: payload, Invalid: true},
					{Name: "a field of 128 bytes", Secret: "s", Field: long(128), Payload: payload},
					{Name: "a field of 129 bytes", Secret: "s", Field: long(129), Payload: payload, Invalid: true},
					{Name: "a value of 65536 bytes", Secret: "s", Payload: providers.Payload{Value: providers.NewSecret(long(65536))}},
					{Name: "a value of 65537 bytes", Secret: "s", Payload: providers.Payload{Value: providers.NewSecret("CANARY" + long(65531))}, Invalid: true},
					{Name: "an object in a field", Secret: "s", Field: "f", Payload: providers.Payload{Value: providers.NewSecret("{}"), Object: true}, Invalid: true},
				},
			})
		})
	}
}

// memory is a Memory as the suite asks for it.
type memory struct{ *providertest.Memory }

func (m memory) Store() providers.SecretStore { return m.Memory }

func (m memory) Destination(secret, field string) rotation.Destination {
	return rotation.Destination{Store: "memory", Path: secret, Field: field}
}

func (m memory) Raw(_ *testing.T, path string) (string, bool) { return m.Memory.Raw(path) }
func (m memory) Edit(_ *testing.T, path, content string)      { m.Memory.Edit(path, content) }
func (m memory) Unmark(_ *testing.T, path string)             { m.StripMarks(path) }
func (m memory) Remove(_ *testing.T, path string)             { m.Erase(path) }
func (m memory) Delete(_ *testing.T, path string)             { m.Memory.Delete(path) }
func (m memory) Undo(_ *testing.T, path string)               { m.Restore(path) }
func (m memory) Destroy(_ *testing.T, path string)            { m.Memory.Destroy(path) }

func (m memory) Denied(*testing.T) providers.SecretStore {
	m.Deny(true)
	return m.Memory
}

func (m memory) Unreachable(*testing.T) providers.SecretStore {
	m.Memory.Unreachable(true)
	return m.Memory
}

func (m memory) Break(_ *testing.T, path string) {
	m.Intercept(func(_ context.Context, s providertest.StoreStep) error {
		if s.Destination.Path == path {
			return providertest.Lost(s.Op, path)
		}
		return nil
	})
}

func (m memory) BeforeMark(_ *testing.T, f func() error) {
	m.Intercept(func(_ context.Context, s providertest.StoreStep) error {
		if s.Point != providertest.BeforeMark {
			return nil
		}
		m.Intercept(nil)
		if f() != nil {
			return providertest.Lost(s.Op, s.Destination.Path)
		}
		return nil
	})
}

func (m memory) Throttle(_ *testing.T, calls int, after time.Duration) {
	m.Intercept(func(_ context.Context, s providertest.StoreStep) error {
		if calls--; calls < 0 || s.Point != providertest.Before {
			return nil
		}
		return &providers.Error{Provider: "memory", Op: s.Op, Kind: providers.Limited, RetryAfter: after}
	})
}

func (m memory) LoseAnswer(*testing.T) {
	m.Intercept(func(_ context.Context, s providertest.StoreStep) error {
		if s.Op != "put" || s.Point != providertest.After {
			return nil
		}
		m.Intercept(nil)
		return providertest.Lost(s.Op, s.Destination.Path)
	})
}

// TestMemoryFaults: what a test of the engine relies on.
func TestMemoryFaults(t *testing.T) {
	d := rotation.Destination{Store: "memory", Path: "ci/wandb"}
	payload := providers.Payload{Value: providers.NewSecret("local-CANARY")}
	for _, c := range []struct {
		point providertest.StorePoint
		want  rotation.State
	}{
		{providertest.Before, rotation.StateAbsent},
		{providertest.BeforeData, rotation.StateAbsent},
		{providertest.BeforeMark, rotation.StateEdited},
		{providertest.After, rotation.StateMarked},
	} {
		m := providertest.NewMemory(providertest.MemoryOptions{})
		m.Intercept(func(_ context.Context, s providertest.StoreStep) error {
			if s.Op == "put" && s.Point == c.point {
				return providertest.Lost(s.Op, d.Path)
			}
			return nil
		})
		if _, err := m.Put(t.Context(), d, payload, rotation.Mark{Edition: 1}, rotation.Holding{State: rotation.StateAbsent}); err == nil {
			t.Errorf("point %d: no error", c.point)
		}
		if h, err := m.Look(t.Context(), d); err != nil || h.State != c.want {
			t.Errorf("point %d: %s, %v, want %s", c.point, h.State, err, c.want)
		}
	}
}

// TestMemoryLateWrite: without compare-and-set a put that pauses after it
// compared overwrites what came meanwhile; with it, it is refused.
func TestMemoryLateWrite(t *testing.T) {
	d := rotation.Destination{Store: "memory", Path: "ci/wandb"}
	for _, c := range []struct {
		opt  providertest.MemoryOptions
		want string
	}{
		{providertest.MemoryOptions{}, "second"},
		{providertest.MemoryOptions{NoCompareAndSet: true}, "first"},
	} {
		m := providertest.NewMemory(c.opt)
		put := func(value string) error {
			_, err := m.Put(t.Context(), d, providers.Payload{Value: providers.NewSecret(value)}, rotation.Mark{}, rotation.Holding{State: rotation.StateAbsent})
			return err
		}
		m.Intercept(func(_ context.Context, s providertest.StoreStep) error {
			if s.Point == providertest.BeforeData {
				m.Intercept(nil)
				return put("second")
			}
			return nil
		})
		err := put("first")
		if got, _ := m.Raw(d.Path); got != c.want {
			t.Errorf("%+v: a reader finds %q after %v, want %q", c.opt, got, err, c.want)
		}
		if !c.opt.NoCompareAndSet && providers.KindOf(err) != providers.Conflict {
			t.Errorf("%+v: %v, want a conflict", c.opt, err)
		}
	}
}
