package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/federation"
	"github.com/keyrota/keyrota/sync/inventory"
)

const ofPlatform = "W&B"

// mostSkew is how far the platform's clock and ours may be apart: from then on
// no key is deleted.
const mostSkew = 5 * time.Minute

// platform looks at what may be done at W&B.
func (e *examination) platform(ctx context.Context) checks {
	var found checks
	c := e.s.config
	keys := e.adminKeys()
	works := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(keys)) {
		works[name] = e.adminKey(ctx, &found, name, keys[name])
	}
	e.listings(ctx, &found, works)
	checker, ok := e.s.inventory.Issuer.(providers.AccessChecker)
	if ok && c.Use.AuditLog && works[organizationKey] {
		err := e.s.observer.Call.Read(ctx, inventory.IssuerService, "audit access", checker.AuditAccess)
		found.judge(ofPlatform, "read the audit log", err, "it may be read")
		if last := &found[len(found)-1]; last.Result == checkFailed && providers.KindOf(err) == providers.Denied {
			last.Result = checkWarning // what is known of use is less without it
		}
	}
	return found
}

// adminKeys are those that the configuration names, by setting.
func (e *examination) adminKeys() map[string]config.Reference {
	keys := map[string]config.Reference{}
	if ref := e.s.config.WandB.AdminKey; !ref.IsZero() {
		keys[organizationKey] = ref
	}
	for name, t := range e.s.config.Teams {
		if !t.AdminKey.IsZero() {
			keys[teamKey(name)] = t.AdminKey
		}
	}
	return keys
}

// organizationKey is the setting of the organization's admin key.
const organizationKey = "wandb.admin_key"

func teamKey(team string) string { return "teams." + team + ".admin_key" }

// adminKey asks whose a key is, and what time it is there. It says whether the
// key works, as far as is known.
func (e *examination) adminKey(ctx context.Context, found *checks, name string, ref config.Reference) bool {
	value, err := e.resolver().resolve(ctx, ref.String())
	if err != nil {
		found.judge(ofPlatform, "read "+name, err, "")
		return false
	}
	identifier, ok := e.s.inventory.Issuer.(providers.Identifier)
	if !ok {
		return true
	}
	var id providers.Identity
	err = e.s.observer.Call.Read(ctx, inventory.IssuerService, "identify", func(ctx context.Context) (err error) {
		id, err = identifier.Identify(ctx, value)
		return err
	})
	if err != nil && providers.KindOf(err) == providers.Denied {
		found.add(checkFailed, ofPlatform, "sign in with "+name, "the key does not work", fmt.Sprintf("put a new one to %s, from where it is read anew at each use", ref))
		return false
	}
	whose := fmt.Sprintf("the key is of %q", id.Owner.Name)
	switch {
	case id.Service:
		whose += ", a service account"
	case id.Person:
		whose += ", a person: it ends when they leave"
	}
	if !found.judge(ofPlatform, "sign in with "+name, err, whose) || id.At.IsZero() {
		return err == nil
	}
	skew := id.At.Sub(e.app.now()).Abs()
	if skew > mostSkew {
		found.add(checkFailed, ofPlatform, "compare clocks", "its clock and this machine's are "+span(skew)+" apart: no key is deleted while they are more than 5m apart", "set this machine's clock, by NTP")
		return true
	}
	found.add(checkOK, ofPlatform, "compare clocks", "less than "+span(skew.Truncate(time.Second)+2*time.Second)+" apart", "")
	return true
}

// listings lists the accounts of every team for which there is an admin key that
// works.
func (e *examination) listings(ctx context.Context, found *checks, works map[string]bool) {
	teams := map[string]bool{}
	for _, a := range e.s.inventory.Accounts {
		team := a.Account.Team
		if a.Account.Scope == rotation.ScopeOrganization {
			team = ""
		}
		key := teamKey(team)
		if _, own := works[key]; !own {
			key = organizationKey
		}
		if a.Account.Scope != rotation.ScopeExternal && works[key] {
			teams[team] = true
		}
	}
	accounts, keys, fine := 0, 0, 0
	for _, team := range slices.Sorted(maps.Keys(teams)) {
		here, of := 0, 0
		err := e.s.observer.Call.Read(ctx, inventory.IssuerService, "list", func(ctx context.Context) error {
			here, of = 0, 0
			return e.s.inventory.Issuer.Keys(ctx, team, func(_ rotation.Account, k []rotation.Key) error {
				here, of = here+1, of+len(k)
				return nil
			})
		})
		name := "team " + team
		if team == "" {
			name = "the organization"
		}
		if err != nil {
			found.judge(ofPlatform, "list keys of "+name, err, "")
			continue
		}
		accounts, keys, fine = accounts+here, keys+of, fine+1
	}
	if fine > 0 {
		found.add(checkOK, ofPlatform, "list keys", fmt.Sprintf("%s in %s, %s", count(accounts, "account"), count(fine, "listing"), count(keys, "key")), "")
	}
}

// federations tries the sign-in of external accounts.
func (e *examination) federations(ctx context.Context) checks {
	var found checks
	accounts, err := federation.Accounts(e.s.config, e.s.worker.Stores)
	if err != nil {
		found.judge("external accounts", "judge where JWTs are kept", err, "")
	}
	worker := e.app.federated(e.s)
	if worker == nil {
		return found
	}
	for _, account := range accounts {
		found = append(found, trialChecks("external "+string(account.Ref), worker.Try(ctx, account))...)
	}
	return found
}

// trialChecks tells of a trial: all of it where it failed.
func trialChecks(of string, t federation.Trial) checks {
	var found checks
	for _, step := range t.Steps {
		result := checkOK
		switch {
		case step.Unknown:
			result = checkUnknown
		case !step.OK:
			result = checkFailed
		}
		found.add(result, of, triedStep(step.What), step.Words, step.Hint)
	}
	return found
}

// triedStep says what a step of a trial tried.
func triedStep(what string) string {
	switch what {
	case "jwt":
		return "get a JWT"
	case "exchange":
		return "exchange it"
	case "account":
		return "ask whose the token is"
	}
	return "look at its " + what
}
