package report

import (
	"time"

	"github.com/keyrota/keyrota/rotation"
)

// keyAge is how old a key is against what its policy allows.
type keyAge struct {
	account rotation.Ref
	issued  time.Time     // zero: not known
	due     time.Time     // zero: never by schedule
	every   time.Duration // that the policy allows; 0: on request only
	share   float64       // of the time from issue to due that has passed
}

// keyAges are the ages of the keys that readers should have.
func (d Data) keyAges() []keyAge {
	var all []keyAge
	for _, a := range d.Accounts {
		if a.Record.Offer.Key == "" {
			continue
		}
		k := keyAge{account: a.Spec.Account.Ref, issued: a.Record.Offer.Issued}
		if !k.issued.IsZero() && a.Spec.Policy.Schedule != nil {
			if next := a.Spec.Policy.Schedule.Next(k.issued); !next.IsZero() {
				k.due, k.every = a.Spec.Due(a.Record), next.Sub(k.issued)
				k.share = float64(d.Now.Sub(k.issued)) / float64(k.due.Sub(k.issued))
			}
		}
		all = append(all, k)
	}
	return all
}
