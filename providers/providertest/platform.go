package providertest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// PlatformOptions are the abilities of a Platform.
type PlatformOptions struct {
	Now            func() time.Time // the platform's clock; never nil
	NoAdmin        bool             // there is no admin credential
	HidesFirstKey  bool             // the key that a new account is born with is shown to nobody
	MaxKeys        int              // live keys an account may have; 0: any number
	ValidAfter     time.Duration    // how long a new key does not work yet
	CreateDisabled bool             // accounts may not create keys
}

// Platform is an issuer in memory: service accounts and their API keys. Ids
// and values are counted, so two runs of one test see the same. It is safe for
// concurrent use.
type Platform struct {
	mu          sync.Mutex
	opt         PlatformOptions
	accounts    []rotation.Account // oldest first
	people      map[rotation.AccountID]bool
	keys        []platformKey // oldest first
	made        int
	calls       map[string]int
	intercept   func(context.Context, PlatformStep) error
	unreachable bool
	denied      bool
}

var (
	_ providers.Issuer      = (*Platform)(nil)
	_ providers.Provisioner = (*Platform)(nil)
	_ providers.FirstKeyer  = (*Platform)(nil)
	_ providers.Identifier  = (*Platform)(nil)
)

type platformKey struct {
	key   rotation.Key
	of    rotation.AccountID
	value providers.Secret
	from  time.Time // works from then on
}

// PlatformStep is a moment of a call at which an interceptor is asked: Before
// anything happened, or After the effect.
type PlatformStep struct {
	Op      string // "keys", "keys of", "issue", "verify", "identify", "revoke", "provision", "first key" or "remove account"
	Account rotation.Account
	Label   rotation.Label // of issue
	Key     rotation.KeyID // of revoke
	Point   StorePoint
}

// NewPlatform returns a platform without accounts.
func NewPlatform(opt PlatformOptions) *Platform {
	return &Platform{opt: opt, calls: map[string]int{}, people: map[rotation.AccountID]bool{}}
}

// Set changes the platform's abilities from now on.
func (p *Platform) Set(change func(*PlatformOptions)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.opt)
}

// Intercept has f asked before and after every call. An error that f returns
// is the call's answer: before, nothing is done; after, the effect stays and
// its answer is lost. f may block, and may call the platform. Nil asks nobody.
func (p *Platform) Intercept(f func(context.Context, PlatformStep) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.intercept = f
}

// Unreachable makes every call fail as if the network were gone, or ends that.
func (p *Platform) Unreachable(yes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unreachable = yes
}

// Deny makes every call fail as if no credential were valid, or ends that.
func (p *Platform) Deny(yes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.denied = yes
}

// Calls returns how often each operation was asked for, by the names that
// PlatformStep gives them.
func (p *Platform) Calls() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	calls := make(map[string]int, len(p.calls))
	for op, n := range p.calls {
		calls[op] = n
	}
	return calls
}

func platformError(op string, a rotation.Account, kind providers.Kind, what, hint string) error {
	name := string(a.Ref)
	if name == "" {
		name = a.Name
	}
	return &providers.Error{Provider: "platform", Op: op, Name: name, Kind: kind, Err: errors.New(what), Hint: hint}
}

// step asks the interceptor, without the lock.
func (p *Platform) step(ctx context.Context, s PlatformStep) error {
	p.mu.Lock()
	f, unreachable, denied := p.intercept, p.unreachable, p.denied
	if s.Point == Before {
		p.calls[s.Op]++
	}
	p.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return platformError(s.Op, s.Account, providers.Transient, err.Error(), "nothing more was sent")
	}
	if f != nil {
		if err := f(ctx, s); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return platformError(s.Op, s.Account, providers.Transient, err.Error(), "nothing more was sent")
		}
	}
	switch {
	case s.Point == After:
		return nil
	case unreachable:
		return platformError(s.Op, s.Account, providers.Transient, "no answer", "try again")
	case denied:
		return platformError(s.Op, s.Account, providers.Denied, "the credential is not valid", "give another")
	}
	return nil
}

// call performs do, under the lock, between the two steps of a call.
func (p *Platform) call(ctx context.Context, s PlatformStep, do func() error) error {
	if err := p.step(ctx, s); err != nil {
		return err
	}
	p.mu.Lock()
	err := do()
	p.mu.Unlock()
	if err != nil {
		return err
	}
	s.Point = After
	return p.step(ctx, s)
}

// find returns the account with a's id, or, where that is empty, with a's name
// and team. The caller holds the lock, here and below.
func (p *Platform) find(a rotation.Account) (rotation.Account, bool) {
	i := slices.IndexFunc(p.accounts, func(b rotation.Account) bool { return isAccount(a, b) })
	if i < 0 {
		return rotation.Account{}, false
	}
	return p.accounts[i], true
}

func isAccount(a, b rotation.Account) bool {
	if a.ID != "" {
		return a.ID == b.ID
	}
	return a.Name == b.Name && a.Team == b.Team
}

// holder returns the account that a value is a working key of.
func (p *Platform) holder(s providers.Secret) (rotation.Account, rotation.Key, bool) {
	now := p.opt.Now()
	for _, k := range p.keys {
		if !s.Empty() && k.value.Equal(s) && !now.Before(k.from) {
			a, ok := p.find(rotation.Account{ID: k.of})
			return a, k.key, ok
		}
	}
	return rotation.Account{}, rotation.Key{}, false
}

// authorized returns the platform's own view of a, if auth is a working key of
// it, or empty where there is an admin credential.
func (p *Platform) authorized(op string, a rotation.Account, auth providers.Secret) (rotation.Account, error) {
	if auth.Empty() {
		if p.opt.NoAdmin {
			return a, platformError(op, a, providers.Denied, "there is no admin credential", "configure one")
		}
		found, ok := p.find(a)
		if !ok {
			return a, platformError(op, a, providers.NotFound, "no such account", "create it")
		}
		return found, nil
	}
	found, _, ok := p.holder(auth)
	if !ok {
		return a, platformError(op, a, providers.Denied, "the key does not work", "adopt a live key of the account")
	}
	if !isAccount(a, found) {
		return a, platformError(op, a, providers.Conflict, "the key belongs to "+found.Name, "adopt a key of the account itself")
	}
	return found, nil
}

func (p *Platform) keysOf(id rotation.AccountID) []rotation.Key {
	var keys []rotation.Key
	for _, k := range p.keys {
		if k.of == id {
			keys = append(keys, k.key)
		}
	}
	return keys
}

func (p *Platform) addAccount(a rotation.Account) rotation.Account {
	p.made++
	a.ID = rotation.AccountID(fmt.Sprintf("account-%d", p.made))
	p.accounts = append(p.accounts, a)
	return a
}

func (p *Platform) addKey(id rotation.AccountID, label rotation.Label) platformKey {
	p.made++
	k := platformKey{
		key:   rotation.Key{ID: rotation.KeyID(fmt.Sprintf("key-%d", p.made)), Label: label},
		of:    id,
		value: providers.NewSecret(fmt.Sprintf("local-CANARY_%040d", p.made)),
		from:  p.opt.Now().Add(p.opt.ValidAfter),
	}
	p.keys = append(p.keys, k)
	return k
}

// inTeam returns the accounts of a team, or those of organization scope where
// team is empty, sorted by name and id.
func (p *Platform) inTeam(team string) []rotation.Account {
	var in []rotation.Account
	for _, a := range p.accounts {
		if team == "" && a.Scope == rotation.ScopeOrganization || team != "" && a.Scope != rotation.ScopeOrganization && a.Team == team {
			in = append(in, a)
		}
	}
	slices.SortFunc(in, func(a, b rotation.Account) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return in
}
