package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/federation"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/survey"
)

// W&B's four cases (W&B docs, Service accounts, Troubleshooting).
const (
	caseUnauthorized = "unauthorized"
	caseRuns         = "runs not appearing"
	caseAttribution  = "attribution"
	caseRestricted   = "restricted project"
)

// patient is one account that is looked at from its own point of view.
type patient struct {
	*examination
	account inventory.Account
	found   checks
	key     providers.Secret // a live key of it; empty: none was found
	id      rotation.AccountID
	members []providers.Member // of its team, as it sees them; nil: not known
	hidden  error              // why it does not see them
}

// doctorOf examines one account.
func (a *app) doctorOf(ctx context.Context, name string) error {
	e, _, err := a.examine(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = e.s.Close() }()
	account, err := e.s.inventory.Find(name)
	if err != nil {
		return err
	}
	p := &patient{examination: e, account: account}
	if account.Account.Scope == rotation.ScopeExternal {
		if err := p.external(ctx); err != nil {
			return err
		}
	} else {
		p.account = account.For(e.records[account.Ref()])
		if err := p.note(ctx); err != nil {
			return err
		}
		p.keys(ctx)
	}
	p.entity()
	if !p.key.Empty() {
		p.team(ctx)
		p.runs(ctx)
	}
	p.attribution()
	if !p.key.Empty() {
		p.restricted(ctx)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return a.diagnose(doctorView{Account: string(account.Ref()), Checks: p.found})
}

// note puts on record, before anything is read, that keyrota itself uses the
// account today: else its secret being read, and its key being used, would count
// as the account's use.
func (p *patient) note(ctx context.Context) error {
	if p.s.ledger == nil {
		return nil
	}
	l, err := p.app.openLedger(ctx, p.s.config, actor(), ledgerWrite)
	if err != nil {
		return err
	}
	return errors.Join(l.NoteOwn(ctx, p.account.Ref(), p.app.now()), l.Close())
}

// external tries the sign-in of an account that has no key. What it may do at
// W&B only a job shows.
func (p *patient) external(ctx context.Context) error {
	accounts, err := federation.Accounts(p.s.config, p.s.worker.Stores)
	if err != nil {
		return err
	}
	worker := p.app.federated(p.s)
	for _, account := range accounts {
		if account.Ref == p.account.Ref() && worker != nil {
			p.found = append(p.found, trialChecks(caseUnauthorized, worker.Try(ctx, account))...)
			return nil
		}
	}
	p.found.add(checkUnknown, caseUnauthorized, "sign in", "the configuration does not say where its JWT comes from", "write identity: for it")
	return nil
}

// keys reads the key back from every destination, as its readers do, and asks
// W&B whose it is.
func (p *patient) keys(ctx context.Context) {
	if len(p.account.Wants) == 0 {
		p.found.add(checkUnknown, caseUnauthorized, "read its key", "the configuration names no destination of its key", "write deliver: for it")
	}
	for _, w := range p.account.Wants {
		p.keyAt(ctx, w.Destination)
	}
}

func (p *patient) keyAt(ctx context.Context, d rotation.Destination) {
	tried := "use the key at " + d.String()
	reader, ok := p.s.worker.Stores[d.Store].(providers.Reader)
	if !ok {
		p.found.add(checkUnknown, caseUnauthorized, tried, "its store gives no values back", "")
		return
	}
	var text providers.Secret
	err := p.s.observer.Call.Read(ctx, d.Store, "read", func(ctx context.Context) (err error) {
		text, err = reader.Read(ctx, d, "")
		return err
	})
	if err != nil {
		if p.found.judge(caseUnauthorized, tried, err, ""); providers.KindOf(err) == providers.NotFound {
			p.found[len(p.found)-1].Hint = "keyrota sync delivers it; keyrota status " + string(p.account.Ref()) + " says what that waits for"
		}
		return
	}
	values := p.account.Format(d).Keys(text)
	if len(values) == 0 {
		p.found.add(checkFailed, caseUnauthorized, tried, "no key is in what is there", "keyrota sync heals what was changed by hand, where it is keyrota's")
		return
	}
	for i, value := range values {
		var seen providers.Verified
		err := p.s.observer.Call.Read(ctx, inventory.IssuerService, "verify", func(ctx context.Context) (err error) {
			seen, err = p.s.inventory.Issuer.Verify(ctx, p.account.Account, value)
			return err
		})
		kind := providers.KindOf(err)
		switch {
		case err == nil:
			p.found.add(checkOK, caseUnauthorized, tried, "it works, and is this account's", "")
			if p.key.Empty() {
				p.key, p.id = value, seen.Account
			}
		case kind == providers.Denied && i < len(values)-1:
			continue
		case kind == providers.Denied:
			p.found.add(checkFailed, caseUnauthorized, tried, "W&B does not know the key that is there: whoever reads it gets 401", "keyrota status "+string(p.account.Ref())+" says what keyrota makes of it; a job that still has an old one must be started anew")
		case kind == providers.Conflict:
			p.found.add(checkFailed, caseUnauthorized, tried, "the key that is there works, and is another account's", "find out who wrote it, then run: keyrota status "+string(p.account.Ref()))
		default:
			p.found.judge(caseUnauthorized, tried, err, "")
			p.found[len(p.found)-1].Result = checkUnknown
		}
		return
	}
}

// entity judges where runs land by the job's environment alone.
func (p *patient) entity() {
	const tried = "look at WANDB_ENTITY"
	env, team := p.account.Config.Env, p.account.Account.Team
	switch entity := env["WANDB_ENTITY"]; {
	case entity == "":
		p.found.add(checkWarning, caseRuns, tried, "it is not set: runs land in the account's own team", "write it under env:, so that it is plain where they are")
	case p.account.Account.Scope == rotation.ScopeOrganization, entity == team:
		p.found.add(checkOK, caseRuns, tried, "runs land in team "+entity, "")
	default:
		p.found.add(checkFailed, caseRuns, tried, fmt.Sprintf("it is %s, and the account is in team %s: an account of a team can write to open projects of other teams, and to no others", entity, team), "write WANDB_ENTITY: "+team+", or use an account of that team")
	}
	if project := env["WANDB_PROJECT"]; project == "" {
		p.found.add(checkWarning, caseRuns, "look at WANDB_PROJECT", "it is not set: unless the job names one, runs land in a project called uncategorized", "write it under env:")
	} else {
		p.found.add(checkOK, caseRuns, "look at WANDB_PROJECT", "runs land in project "+project, "")
	}
}

// attribution judges whether runs can be credited to whom the environment names.
func (p *patient) attribution() {
	env := p.account.Config.Env
	name, email := env["WANDB_USERNAME"], env["WANDB_USER_EMAIL"]
	who, setting := cmp.Or(name, email), "WANDB_USERNAME"
	if name == "" {
		setting = "WANDB_USER_EMAIL"
	}
	tried := "find " + setting + " in the team"
	switch {
	case who == "":
		p.found.add(checkOK, caseAttribution, "look at WANDB_USERNAME and WANDB_USER_EMAIL", "neither is set: runs are credited to the account itself", "")
		return
	case name != "" && email != "":
		p.found.add(checkWarning, caseAttribution, "look at WANDB_USERNAME and WANDB_USER_EMAIL", "both are set", "keep one of them")
	}
	if p.members == nil {
		words := "who is in the team is not known"
		if p.hidden != nil {
			words += ": " + p.hidden.Error()
		}
		p.found.add(checkUnknown, caseAttribution, tried, words, "")
		return
	}
	team := p.account.Account.Team
	member, there := survey.Credited(p.members, *p.account.Config)
	mails := slices.ContainsFunc(p.members, func(m providers.Member) bool { return m.Email != "" })
	switch {
	case there && member.Pending:
		p.found.add(checkFailed, caseAttribution, tried, who+" is invited to team "+team+", and has not joined", "have them join: until then runs are not credited to them")
	case there:
		p.found.add(checkOK, caseAttribution, tried, who+" is in team "+team, "")
	case name == "" && !mails:
		p.found.add(checkUnknown, caseAttribution, tried, "the account does not see the e-mail addresses of the members", "write WANDB_USERNAME instead")
	case p.account.Account.Scope == rotation.ScopeOrganization:
		p.found.add(checkUnknown, caseAttribution, tried, who+" is not in its default team; whether an account of the organization can credit runs to them is not public", "")
	default:
		p.found.add(checkFailed, caseAttribution, tried, who+" is not in team "+team+": W&B ignores it, and runs are credited to the account", "add them to the team, or correct "+setting)
	}
}
