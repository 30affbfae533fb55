package wandb

import (
	"context"
	"errors"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

var _ providers.TeamsLister = (*Issuer)(nil)

const opListKeys = "list keys"

// teamsAtOnce is how many teams' members are asked for at a time.
const teamsAtOnce = 8

// errStopped ends a listing whose reader wants no more of it.
var errStopped = errors.New("stopped by the reader")

// KeysOfTeams lists many teams with one request each, for the members, and one
// search for all accounts, shared by the teams that are listed with the same
// administrator's key.
func (i *Issuer) KeysOfTeams(ctx context.Context, teams []string, yield func(team string, a rotation.Account, keys []rotation.Key) error, failed func(team string, err error)) error {
	search := sync.OnceValues(func() (directory, error) {
		c, err := i.asAdmin(ctx, opListKeys, i.config.Organization, "", "")
		if err != nil {
			return directory{}, err
		}
		return c.directory(ctx, "")
	})
	var one sync.Mutex // yield and failed are called by one goroutine at a time
	var stopped error
	tell := func(team string, err error) {
		one.Lock()
		defer one.Unlock()
		if !errors.Is(err, errStopped) {
			failed(team, err)
		}
	}
	own := func(team string) bool { return team == "" || i.config.TeamAdminKeys[team] != nil }
	var g errgroup.Group
	g.SetLimit(teamsAtOnce + 1)
	if slices.ContainsFunc(teams, func(team string) bool { return !own(team) }) {
		g.Go(func() (err error) {
			defer providers.Guard(&err) // it is everyone's who needs the search
			_, _ = search()             // beside the members; who needs it is told what came of it
			return nil
		})
	}
	for _, team := range teams {
		g.Go(func() error {
			keep := func(a rotation.Account, keys []rotation.Key) error {
				one.Lock()
				defer one.Unlock()
				if stopped == nil {
					stopped = yield(team, a, keys)
				}
				if stopped != nil {
					return errStopped
				}
				return nil
			}
			if err := i.keysOfTeam(ctx, team, own(team), search, keep); err != nil {
				tell(team, err)
			}
			return nil
		})
	}
	_ = g.Wait()
	return stopped
}

// keysOfTeam lists one team, by itself where it has an administrator's key of
// its own.
func (i *Issuer) keysOfTeam(ctx context.Context, team string, own bool, search func() (directory, error), yield func(rotation.Account, []rotation.Key) error) (err error) {
	defer providers.Guard(&err)
	if own {
		return i.Keys(ctx, team, yield)
	}
	c, err := i.asAdmin(ctx, opListKeys, team, "", team)
	if err != nil {
		return err
	}
	return c.keysAmong(ctx, team, search, yield)
}
