package finding

import (
	"time"

	"github.com/keyrota/keyrota/rotation"
)

// renewLate is how little of a JWT's life may be left before somebody should have
// renewed it, where its life is not known.
const renewLate = 10 * time.Minute

// federation: an external account's JWT is rejected, or nobody renews it.
func (v view) federation() []Finding {
	f := v.Federation
	if v.Spec.Account.Scope != rotation.ScopeExternal || f.At.IsZero() || v.off() || v.in.down(v.in.Issuer.FailingSince) {
		return nil
	}
	command := "keyrota doctor " + string(v.ref)
	tried := "a real exchange was tried at " + moment(f.At)
	if !f.Works {
		found := Finding{
			Code: FederationFails, Title: "its JWT gets no access token",
			Broken: "jobs of this account cannot log in", Evidence: []string{tried}, Command: command,
		}
		if f.Unclear {
			found.Severity, found.Broken, found.Title = Ticket, "", "whether its JWT gets an access token could not be tried"
		}
		if f.Words != "" {
			found.Evidence = append(found.Evidence, f.Words)
		}
		if !f.Expires.IsZero() && f.Expires.Before(v.in.Now) {
			found.Evidence = append(found.Evidence, "the JWT ended at "+moment(f.Expires))
		}
		return one(found)
	}
	late, left := renewLate, "less than ten minutes of its life are left"
	if !f.Issued.IsZero() {
		late, left = f.Expires.Sub(f.Issued)/10, "less than a tenth of its life is left"
	}
	if f.Renewed || f.Expires.IsZero() || f.Expires.Sub(v.in.Now) > late {
		return nil
	}
	found := Finding{
		Code: IdentityEnds, Title: "its JWT ends at " + moment(f.Expires) + ", and was not renewed", SafeUntil: f.Expires,
		Evidence: []string{tried, left}, Command: command,
	}
	if v.in.before(f.Expires) {
		found.Severity = Page
	}
	return one(found)
}
