package config

import "time"

// State is what is wanted of an account as a whole.
type State string

// The states.
const (
	Active      State = "active"
	Quarantined State = "quarantined" // its keys are deleted at the platform, the secrets stay
	Removed     State = "removed"     // it is taken out of its team
)

// Values lists all values.
func (State) Values() []string {
	return []string{string(Active), string(Quarantined), string(Removed)}
}

// switching settles whether an account is wanted at all, and refuses to switch
// off what keyrota could not.
func (r resolver) switching(path string, a *Account, w *account, layers []layer) {
	a.State, a.Force = valueOr(w.State, Active), w.Force
	wait, _ := innermost(layers, func(l layer) *time.Duration { return l.QuarantineWait })
	a.QuarantineWait = valueOr(wait, defaultQuarantineWait)
	at := path + ".state"
	switch {
	case a.State == Active:
		if a.Force {
			r.errorAt(path+".force", "force is for an account that is to be quarantined or removed; left here it would disarm the guard against that", "remove the line")
		}
	case a.Scope == ScopeExternal:
		r.errorAt(at, "an external account has no keys that could be deleted", "remove the line, and remove the account in W&B, or its subject from what the identity provider gives out")
	case a.Manage == Observe:
		r.errorAt(at, "an account that is only observed is never changed", "write manage: rotate for it, or remove the line and switch it off in W&B")
	case a.State == Removed && a.Scope == ScopeOrganization:
		r.errorAt(at, "an account of organization scope is in no team that it could be taken out of, and how else one is removed by API is not public", "write state: quarantined, and remove the account in W&B")
	}
}
