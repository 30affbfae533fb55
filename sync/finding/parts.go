package finding

import (
	"fmt"
	"strings"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

// endsSoon is how long before its end a login of ours is told of.
const endsSoon = 14 * day

// parts are findings about what keyrota itself stands on: stores, the platform,
// sinks, and its own credentials.
func (in Input) parts() []Finding {
	var found []Finding
	for _, s := range in.Stores {
		if in.down(s.FailingSince) {
			n := in.delivering(s.Name)
			found = append(found, Finding{
				Code: StoreFailing, Subject: s.Name, Since: s.FailingSince,
				Title:    "store " + s.Name + " has failed for " + span(in.Now.Sub(s.FailingSince)),
				Evidence: append(reasons(s.Words, counted(n, "account")+" with destinations there: nothing of them is delivered, rotated or deleted meanwhile"), in.next(s.Name)...),
				Command:  "keyrota doctor",
			})
		}
		found = append(found, in.tokenEnds(s)...)
	}
	if i := in.Issuer; in.down(i.FailingSince) {
		found = append(found, Finding{
			Code: IssuerFailing, Since: i.FailingSince, Title: "W&B has not answered for " + span(in.Now.Sub(i.FailingSince)),
			Evidence: append(reasons(i.Words, "no key is created, verified or deleted meanwhile"), in.next("")...), Command: "keyrota doctor",
		})
	}
	for _, c := range in.Issuer.AdminKeys {
		if c.Works == No {
			found = append(found, Finding{
				Code: AdminKeyEnds, Subject: c.Name, Title: "W&B refuses " + c.Name,
				Evidence: reasons(c.Words, "what needs an admin stops: listing accounts and keys, new accounts, reading the audit log"), Command: "keyrota doctor",
			})
		}
	}
	for _, s := range in.Sinks {
		if in.down(s.FailingSince) {
			found = append(found, Finding{
				Code: SinkFailing, Subject: s.Name, Since: s.FailingSince,
				Title:    "sink " + s.Name + " has taken no messages for " + span(in.Now.Sub(s.FailingSince)),
				Evidence: reasons(s.Words, "its messages are kept, and sent once it is back"), Command: "keyrota notify --test " + s.Name,
			})
		}
	}
	for _, s := range in.Sources {
		if in.down(s.FailingSince) {
			found = append(found, Finding{
				Code: UsageUnavailable, Subject: s.Name, Since: s.FailingSince,
				Title:    "use could not be read from " + source(s.Name) + " for " + span(in.Now.Sub(s.FailingSince)),
				Evidence: reasons(s.Words, "what it would have shown is a gap: nothing is called unused for lack of it"), Command: "keyrota doctor",
			})
		}
	}
	return found
}

// source names a source of evidence to people.
func source(name string) string { return "the " + strings.ReplaceAll(name, "_", " ") }

// tokenEnds tells of a login of ours that is about to end, or has.
func (in Input) tokenEnds(s Store) []Finding {
	what, end := "the login to store "+s.Name, s.TokenEnds
	if end.IsZero() || end.Sub(in.Now) > endsSoon {
		return nil
	}
	f := Finding{
		Code: TokenEnds, Subject: s.Name, SafeUntil: end, Title: what + " ends on " + date(end),
		Evidence: []string{"at " + moment(end) + ", in " + span(end.Sub(in.Now))}, Command: "keyrota doctor",
	}
	if !end.After(in.Now) {
		f.Title, f.SafeUntil = what+" ended on "+date(end), time.Time{}
		f.Evidence = []string{"at " + moment(end)}
	}
	return one(f)
}

// reasons are what was said and what follows from it.
func reasons(said, follows string) []string {
	if said == "" {
		return []string{follows}
	}
	return []string{said, follows}
}

// next names the first rotation that something holds up: of a store those of
// whoever delivers there.
func (in Input) next(store string) []string {
	var first time.Time
	var whose rotation.Ref
	for _, a := range in.Accounts {
		if store != "" && !delivers(a, store) || a.Spec.Policy.Observe || a.Record.Offer.Key == "" || a.Spec.Account.Scope == rotation.ScopeExternal {
			continue
		}
		if due := a.Spec.Due(a.Record); !due.IsZero() && (first.IsZero() || due.Before(first)) {
			first, whose = due, a.Spec.Account.Ref
		}
	}
	if first.IsZero() {
		return nil
	}
	return []string{fmt.Sprintf("the next rotation that needs it: %s, due on %s", whose, date(first))}
}

func (in Input) delivering(store string) int {
	n := 0
	for _, a := range in.Accounts {
		if delivers(a, store) {
			n++
		}
	}
	return n
}

func delivers(a Account, store string) bool {
	for _, d := range a.Spec.Destinations(a.Record) {
		if d.Store == store {
			return true
		}
	}
	return false
}
