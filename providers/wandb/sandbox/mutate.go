package sandbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// The words of these errors are ours: W&B's are not public.
var (
	errNotLoggedIn      = errors.New("permission denied: the request bears no API key or access token")
	errPermission       = errors.New("permission denied")
	errCreationDisabled = errors.New("API key creation is disabled for users and team service accounts; ask an administrator")
	errTeamAccountsOff  = errors.New("creating team service accounts is disabled on this server")
)

// payload has what every mutation's answer has.
type payload struct{ clientMutationID *string }

// ClientMutationId echoes the client's own id of the mutation.
func (p payload) ClientMutationId() *string { return p.clientMutationID }

type createServiceAccountInput struct {
	Description      string
	EntityName       string
	ClientMutationId *string
}

type userPayload struct {
	payload
	user *userNode
}

func (p *userPayload) User() *userNode { return p.user }

// CreateServiceAccount makes a team-scoped account, another one if the name is taken: it is not idempotent.
func (*resolver) CreateServiceAccount(ctx context.Context, args struct{ Input createServiceAccountInput }) (*userPayload, error) {
	q := requestFrom(ctx)
	t := q.world.team(args.Input.EntityName)
	switch {
	case q.account == nil:
		return nil, errNotLoggedIn
	case t == nil || !q.seesTeam(t):
		return nil, fmt.Errorf("there is no entity %q", args.Input.EntityName)
	case !q.managesTeam(t):
		return nil, q.refuse(AuditEntry{Action: "team:create_service_account"}.of(t), errPermission)
	case q.world.settings.DisableTeamServiceAccounts:
		return nil, q.refuse(AuditEntry{Action: "team:create_service_account"}.of(t), errTeamAccountsOff)
	case strings.TrimSpace(args.Input.Description) == "":
		return nil, errors.New("a service account needs a description")
	}
	a := q.world.addServiceAccount(args.Input.Description, ScopeTeam, t, "")
	q.world.unsaved = true
	if q.world.settings.Keys == KeysShown {
		if _, _, err := q.server.issueKey(q.world, a, "", q.now); err != nil {
			return nil, err
		}
	}
	q.record(AuditEntry{Action: "team:create_service_account"}.of(t).about(a))
	return &userPayload{payload{args.Input.ClientMutationId}, &userNode{q, a}}, nil
}

type generateKeyInput struct {
	Description      *string
	ClientMutationId *string
}

type keyPayload struct {
	payload
	key *keyNode
}

// ApiKey shows the whole key, this once.
func (p *keyPayload) ApiKey() *keyNode { return p.key }

// GenerateApiKey makes a key for the caller; there is no way to make one for somebody else.
func (*resolver) GenerateApiKey(ctx context.Context, args struct{ Input generateKeyInput }) (*keyPayload, error) {
	q := requestFrom(ctx)
	if q.account == nil {
		return nil, errNotLoggedIn
	}
	if err := q.world.mayCreateKey(q.account); err != nil {
		return nil, q.refuse(AuditEntry{Action: "user:create_api_key"}.about(q.account), err)
	}
	key, value, err := q.server.issueKey(q.world, q.account, text(args.Input.Description), q.now)
	if err != nil {
		return nil, err
	}
	if q.keyDelay > 0 {
		key.validFrom = q.now.Add(q.keyDelay)
	}
	q.record(AuditEntry{Action: "user:create_api_key"}.about(q.account))
	return &keyPayload{payload{args.Input.ClientMutationId}, &keyNode{key, value}}, nil
}

func (w *world) mayCreateKey(a *account) error {
	if a.scope == ScopeExternal {
		return errors.New("an external service account has no API keys: it authenticates by a JWT of the organization's issuer")
	}
	if w.settings.DisableKeyCreation && a.scope != ScopeOrganization {
		return errCreationDisabled
	}
	return w.belowKeyLimit(a)
}

func (w *world) belowKeyLimit(a *account) error {
	if limit := w.settings.KeyLimit; limit > 0 && len(a.keys) >= limit {
		return fmt.Errorf("the limit of %d API keys for an account is reached: delete one first", limit)
	}
	return nil
}

// issueKey makes a key for an account. s.mu is held, or the server not yet used.
func (s *Server) issueKey(w *world, a *account, description string, now time.Time) (*apiKey, string, error) {
	value, first, err := newKey(s.options.Rand, w.settings.KeyPrefix, s.options.KeyMarker)
	if err != nil {
		return nil, "", err
	}
	key := &apiKey{
		id: w.newNodeID("ApiKey"), name: first, description: description, hash: hashKey(value), owner: a, createdAt: now,
	}
	if w.settings.Keys == KeysShown {
		key.value = value
	}
	w.addKey(key)
	w.unsaved = true
	return key, value, nil
}

type deleteKeyInput struct {
	ID               string
	ClientMutationId *string
}

type successPayload struct {
	payload
	success bool
}

func (p *successPayload) Success() bool { return p.success }

// DeleteApiKey takes effect at once. An id that no key has any more is answered success false; whether W&B answers so,
// or with an error, is not public.
func (*resolver) DeleteApiKey(ctx context.Context, args struct{ Input deleteKeyInput }) (*successPayload, error) {
	q := requestFrom(ctx)
	if q.account == nil {
		return nil, errNotLoggedIn
	}
	key := q.world.keysByID[args.Input.ID]
	if key == nil {
		return &successPayload{payload{args.Input.ClientMutationId}, false}, nil
	}
	if !q.managesKeysOf(key.owner) {
		return nil, q.refuse(AuditEntry{Action: "user:delete_api_key"}.about(key.owner), errPermission)
	}
	q.world.removeKey(key)
	q.world.unsaved = true
	q.record(AuditEntry{Action: "user:delete_api_key"}.about(key.owner))
	return &successPayload{payload{args.Input.ClientMutationId}, true}, nil
}

type deleteInviteInput struct {
	ID               *string
	EntityName       *string
	ClientMutationId *string
}

// DeleteInvite removes a member from a team; a service account is gone with it.
func (*resolver) DeleteInvite(ctx context.Context, args struct{ Input deleteInviteInput }) (*successPayload, error) {
	q := requestFrom(ctx)
	t := q.world.team(text(args.Input.EntityName))
	switch {
	case q.account == nil:
		return nil, errNotLoggedIn
	case t == nil:
		return nil, errPermission
	case !q.managesTeam(t):
		return nil, q.refuse(AuditEntry{Action: "team:uninvite"}.of(t), errPermission)
	}
	a := q.world.byID[text(args.Input.ID)]
	if a == nil {
		return &successPayload{payload{args.Input.ClientMutationId}, false}, nil
	}
	if _, member := a.roles[t]; !member {
		return &successPayload{payload{args.Input.ClientMutationId}, false}, nil
	}
	q.world.leave(a, t, q.now)
	q.world.unsaved = true
	q.record(AuditEntry{Action: "team:uninvite"}.of(t).about(a))
	return &successPayload{payload{args.Input.ClientMutationId}, true}, nil
}
