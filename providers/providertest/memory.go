package providertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// MemoryOptions are the abilities of a Memory.
type MemoryOptions struct {
	// Name is the store's name in destinations; "memory" if empty.
	Name string
	// NoCompareAndSet makes a Put compare what was seen when it begins and then
	// write whatever happened meanwhile, as Azure Key Vault does.
	NoCompareAndSet bool
	// Versions is how many versions of a secret can be read; 10 if zero.
	Versions int
}

// Memory is a secret store in memory: the reference for the suite of TestStore
// and a store for tests of the engine. Its marks are not atomic with its data,
// and its versions start again when a secret is deleted and made anew, as with
// Vault. It is safe for concurrent use.
type Memory struct {
	opt MemoryOptions

	mu          sync.Mutex
	secrets     map[string]*memorySecret
	made        int // how many versions were ever made, over all secrets
	calls       StoreCalls
	intercept   func(context.Context, StoreStep) error
	unreachable bool
	denied      bool
}

var (
	_ providers.SecretStore = (*Memory)(nil)
	_ providers.Reader      = (*Memory)(nil)
)

type memorySecret struct {
	versions []memoryVersion // oldest first; the last one is current
	number   int
	marks    map[string]memoryMark // by field, "" for the whole secret
}

type memoryVersion struct {
	id      rotation.Version
	content string
	deleted bool // softly: it can be restored
	gone    bool
}

func (v memoryVersion) readable() bool { return !v.deleted && !v.gone }

// memoryMark is a mark and the version that it speaks of; an empty one says
// only whose the secret is.
type memoryMark struct {
	mark rotation.Mark
	of   rotation.Version
}

// StoreCalls counts what was asked of a service, by kind.
type StoreCalls struct {
	Lists  int // pages of a listing, metadata only
	Looks  int // metadata of one secret
	Values int // reads of a value
	Writes int // anything that changes something
}

// StoreStep is a moment of a call at which an interceptor is asked.
type StoreStep struct {
	Op          string // "observe", "list", "look", "put", "read", "remove" or "unmark"
	Destination rotation.Destination
	Point       StorePoint
}

// StorePoint says which moment of a call it is.
type StorePoint uint8

const (
	// Before: nothing was asked of the service yet.
	Before StorePoint = iota
	// BeforeData is a put that has compared, and marked a new secret as owned.
	BeforeData
	// BeforeMark is a put whose data is written, and whose mark is not.
	BeforeMark
	// After: the effect has happened and the answer is under way.
	After
)

// NewMemory returns an empty store.
func NewMemory(opt MemoryOptions) *Memory {
	if opt.Name == "" {
		opt.Name = "memory"
	}
	if opt.Versions == 0 {
		opt.Versions = 10
	}
	return &Memory{opt: opt, secrets: map[string]*memorySecret{}}
}

// Intercept has f asked at every step of every call. An error that f returns
// is the call's answer, and what the step names as not done is not done; f may
// block, and may call the store. Nil asks nobody.
func (m *Memory) Intercept(f func(context.Context, StoreStep) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.intercept = f
}

// Unreachable makes every call fail as if the network were gone, or ends that.
func (m *Memory) Unreachable(yes bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unreachable = yes
}

// Deny makes every call fail as if our credential were wrong, or ends that.
func (m *Memory) Deny(yes bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.denied = yes
}

// Calls returns what was asked of the store since it was made.
func (m *Memory) Calls() StoreCalls {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls
}

// Lost returns the error of a service that did not answer, for interceptors.
func Lost(op, name string) error {
	return &providers.Error{Provider: "memory", Op: op, Name: name, Kind: providers.Transient,
		Err: errors.New("no answer"), Hint: "try again"}
}

func (m *Memory) fail(op string, d rotation.Destination, kind providers.Kind, what error, hint string) error {
	return &providers.Error{Provider: "memory", Op: op, Name: d.String(), Kind: kind, Err: what, Hint: hint}
}

// step asks the interceptor, without the lock.
func (m *Memory) step(ctx context.Context, op string, d rotation.Destination, at StorePoint) error {
	m.mu.Lock()
	f, unreachable, denied := m.intercept, m.unreachable, m.denied
	m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return m.fail(op, d, providers.Transient, err, "nothing more was sent")
	}
	if f != nil {
		if err := f(ctx, StoreStep{Op: op, Destination: d, Point: at}); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil && at != After {
			return m.fail(op, d, providers.Transient, err, "nothing more was sent")
		}
	}
	switch {
	case at == After:
		return nil
	case unreachable:
		return Lost(op, d.String())
	case denied:
		return m.fail(op, d, providers.Denied, errors.New("the credential is not valid"), "give another")
	}
	return nil
}

// Check implements providers.SecretStore. A path has 1 to 512 bytes, a field
// up to 128, and a value up to 65536.
func (m *Memory) Check(d rotation.Destination, p providers.Payload) error {
	invalid := func(what, hint string) error {
		return m.fail("check", d, providers.Invalid, errors.New(what), hint)
	}
	switch {
	case d.Store != m.opt.Name:
		return invalid("the destination is of another store", "name the store "+m.opt.Name)
	case d.Path == "" || len(d.Path) > 512 || strings.Contains(d.Path, "#"):
		return invalid("the path has not 1 to 512 bytes, or a #", "shorten it")
	case len(d.Field) > 128:
		return invalid("the field has more than 128 bytes", "shorten it")
	case d.Field != "" && p.Object:
		return invalid("an object cannot be put into one field", "leave out the field, or the object")
	case len(p.Value.Expose()) > 65536:
		return invalid("the value has more than 65536 bytes", "shorten it")
	}
	if p.Object {
		if _, _, err := providers.Field(p.Value.Expose(), ""); err != nil {
			return invalid(err.Error(), "render a JSON object")
		}
	}
	return nil
}

// Identity implements providers.SecretStore.
func (m *Memory) Identity(d rotation.Destination) string {
	return fmt.Sprintf("memory:%p:%s", m, d.Path)
}

// look returns what is at d. The caller holds the lock.
func (m *Memory) look(d rotation.Destination) (rotation.Holding, error) {
	s := m.secrets[d.Path]
	if s == nil || len(s.versions) == 0 {
		return rotation.Holding{State: rotation.StateAbsent}, nil
	}
	current := s.versions[len(s.versions)-1]
	h := rotation.Holding{State: rotation.StateAbsent, Version: current.id}
	for _, v := range slices.Backward(s.versions[:len(s.versions)-1]) {
		if v.readable() {
			h.Older = append(h.Older, v.id)
		}
	}
	if !current.readable() {
		return h, nil
	}
	if d.Field != "" {
		_, there, err := providers.Field(current.content, d.Field)
		if err != nil && !errors.Is(err, providers.ErrFieldNoText) {
			return rotation.Holding{}, m.fail("look", d, providers.Invalid, err, "make it a JSON object, or deliver to the whole secret")
		}
		if !there {
			return h, nil
		}
	}
	mark, marked := s.marks[d.Field]
	switch {
	case !marked:
		h.State, h.Owner = rotation.StateBare, "unknown"
	case mark.of == current.id:
		h.State, h.Mark = rotation.StateMarked, mark.mark
	default:
		h.State, h.Mark = rotation.StateEdited, mark.mark
	}
	return h, nil
}

// Look implements providers.SecretStore.
func (m *Memory) Look(ctx context.Context, d rotation.Destination) (rotation.Holding, error) {
	if err := m.step(ctx, "look", d, Before); err != nil {
		return rotation.Holding{}, err
	}
	m.mu.Lock()
	m.calls.Looks++
	h, err := m.look(d)
	m.mu.Unlock()
	if err != nil {
		return rotation.Holding{}, err
	}
	h.Fresh = true
	return h, m.step(ctx, "look", d, After)
}

// memoryPage is how many destinations Observe sees with one call.
const memoryPage = 100

// Observe implements providers.SecretStore. Interceptors are asked once a
// destination; one that fails is left out and the rest is still seen.
func (m *Memory) Observe(ctx context.Context, ds []rotation.Destination, yield func(rotation.Destination, rotation.Holding) error) error {
	var failed []error
	for page := range slices.Chunk(ds, memoryPage) {
		m.mu.Lock()
		m.calls.Lists++
		m.mu.Unlock()
		for _, d := range page {
			if err := m.step(ctx, "observe", d, Before); err != nil {
				failed = append(failed, err)
				continue
			}
			m.mu.Lock()
			h, err := m.look(d)
			m.mu.Unlock()
			if err != nil {
				failed = append(failed, err)
				continue
			}
			if err := yield(d, h); err != nil {
				return err
			}
		}
	}
	return errors.Join(failed...)
}

// Read implements providers.Reader.
func (m *Memory) Read(ctx context.Context, d rotation.Destination, v rotation.Version) (providers.Secret, error) {
	if err := m.step(ctx, "read", d, Before); err != nil {
		return providers.Secret{}, err
	}
	m.mu.Lock()
	m.calls.Values++
	s := m.secrets[d.Path]
	var found *memoryVersion
	if s != nil {
		for i := range s.versions {
			if s.versions[i].id == v || v == "" && i == len(s.versions)-1 {
				found = &s.versions[i]
			}
		}
	}
	var content string
	there := found != nil && found.readable()
	if there {
		content = found.content
	}
	m.mu.Unlock()
	value := providers.NewSecret(content)
	if there && d.Field != "" {
		var err error
		if value, there, err = providers.Field(content, d.Field); err != nil {
			return providers.Secret{}, m.fail("read", d, providers.Invalid, err, "repair the secret")
		}
	}
	if !there {
		return providers.Secret{}, m.fail("read", d, providers.NotFound, errors.New("no such version"), "")
	}
	return value, m.step(ctx, "read", d, After)
}
