package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/wandb/sandbox"
	"github.com/keyrota/keyrota/rotation"
)

const (
	adminKey = "admin-CANARYADMIN-0123456789-0123456789-0123456789"
	// teamSize is how many accounts a team has.
	teamSize = 100
)

func accountName(i int) string { return fmt.Sprintf("job-%05d", i) }

func teamName(i int) string { return fmt.Sprintf("team-%03d", i/teamSize) }

func firstKey(i int) string { return fmt.Sprintf("local-CANARY%040d", i) }

// platform is the sandbox behind the road.
type platform struct {
	server *sandbox.Server
	url    string
	stop   func()
	before map[string]int
	ids    []rotation.AccountID
	keys   []rotation.KeyID
}

func newPlatform(ctx context.Context, road *meter, accounts int) (*platform, error) {
	seed := sandbox.Seed{
		Organization: "acme", Settings: sandbox.Settings{Keys: sandbox.KeysHashed},
		People: []sandbox.Person{{Username: "admin", Admin: true, Keys: []sandbox.Key{{Value: adminKey}}}},
	}
	for i := range accounts {
		if i%teamSize == 0 {
			seed.Teams = append(seed.Teams, sandbox.Team{Name: teamName(i)})
		}
		seed.ServiceAccounts = append(seed.ServiceAccounts, sandbox.ServiceAccount{
			Name: accountName(i), Team: teamName(i), Keys: []sandbox.Key{{Value: firstKey(i)}},
		})
	}
	server, err := sandbox.New(seed, sandbox.Options{KeyMarker: "CANARY"})
	if err != nil {
		return nil, err
	}
	p := &platform{server: server}
	if p.url, p.stop, err = listen(ctx, road.before(http.Handler(server))); err != nil {
		return nil, err
	}
	ids := map[string]rotation.AccountID{}
	for _, a := range server.Accounts() {
		ids[a.Name] = rotation.AccountID(a.ID)
	}
	for i := range accounts {
		id, _ := server.KeyID(firstKey(i))
		p.ids, p.keys = append(p.ids, ids[accountName(i)]), append(p.keys, rotation.KeyID(id))
	}
	return p, nil
}

func (p *platform) close() { p.stop() }

// first returns an account and the key that it begins with.
func (p *platform) first(i int) (rotation.AccountID, rotation.KeyID, providers.Secret) {
	return p.ids[i], p.keys[i], providers.NewSecret(firstKey(i))
}

func (p *platform) calls() map[string]int {
	calls := map[string]int{}
	for _, op := range []string{"viewer", "users", "entity", "generateApiKey", "deleteApiKey"} {
		if n := p.server.Calls(op); n > 0 {
			calls[op] = n
		}
	}
	return calls
}

func (p *platform) reset() { p.before = p.calls() }

// traffic: W&B publishes no quotas for these calls.
func (p *platform) traffic() traffic {
	calls := p.calls()
	for kind, n := range p.before {
		if calls[kind] -= n; calls[kind] == 0 {
			delete(calls, kind)
		}
	}
	const teamsAtOnce = 8 // package wandb
	return traffic{service: "wandb", calls: calls, atOnce: teamsAtOnce}
}
