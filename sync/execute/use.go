package execute

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
)

// askUse asks the platform which of the account's runs go on that were created
// before a time: with the admin credential, or with a live key of the account
// that this pass has read. Each project of each team is asked about, so that takes
// longer than one call.
func (p *pass) askUse(ctx context.Context, before time.Time) rotation.Use {
	use := rotation.Use{Asked: true}
	reporter, ok := p.w.Issuer.(providers.RunReporter)
	if !ok {
		use.Words = "this issuer does not tell of runs"
		return use
	}
	auth := providers.Secret{}
	if !p.a.Admin {
		for _, v := range p.seen.Values {
			if v.Verdict == rotation.Live {
				auth = p.slots[v.Key]
			}
		}
		if auth.Empty() {
			use.Words = "no live key of the account can be read back to ask with"
			return use
		}
	}
	pages := p.observer().Pages()
	ask := pages.Read
	if most := pages.Timeout; most > 0 { // of all attempts together: a pass ends
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, most, fmt.Errorf("no answer within %s", most))
		defer cancel()
	}
	if p.record.Emergency() {
		ask = p.w.Call.Once // the keys go in any case: nobody waits for an answer
	}
	var runs []providers.Run
	err := ask(ctx, inventory.IssuerService, "runs", func(ctx context.Context) (err error) {
		runs, err = reporter.Beating(ctx, p.a.Account, p.teams(ctx), auth, before)
		return err
	})
	if err != nil {
		use.Words = err.Error()
		switch providers.KindOf(err) {
		case providers.Transient, providers.Limited:
			use.Again = true
		}
		return use
	}
	use.Known = true
	for _, r := range runs {
		use.Beating = append(use.Beating, rotation.Beat{Run: r.Team + "/" + r.Project + "/" + r.Name, Created: r.Created})
	}
	return use
}

// teams are those in which the account may have runs: its own, the one that its
// jobs are told, and those where it was used.
func (p *pass) teams(ctx context.Context) []string {
	teams := []string{p.a.Account.Team}
	if p.a.Config != nil {
		teams = append(teams, p.a.Config.Env["WANDB_ENTITY"])
	}
	if p.w.Teams != nil {
		teams = append(teams, p.w.Teams(ctx, p.a.Ref())...)
	}
	slices.Sort(teams)
	return slices.DeleteFunc(slices.Compact(teams), func(team string) bool { return team == "" })
}
