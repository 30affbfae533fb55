package finding

import "time"

// Holds reports whether a person's word is in force.
func (a Acknowledgement) Holds(now time.Time) bool {
	return !now.Before(a.From) && now.Before(a.Until)
}

// Covers reports whether it speaks of a finding.
func (a Acknowledgement) Covers(f Finding) bool {
	return a.Code == f.Code && a.Account == f.Account && (a.Subject == "" || a.Subject == f.Subject)
}

// acknowledgement returns the word about a finding that is in force, and of
// several the one that holds longest.
func (in Input) acknowledgement(f Finding) *Acknowledgement {
	var found *Acknowledgement
	for i, a := range in.Acknowledged {
		if a.Holds(in.Now) && a.Covers(f) && (found == nil || a.Until.After(found.Until)) {
			found = &in.Acknowledged[i]
		}
	}
	if found == nil {
		return nil
	}
	said := *found
	return &said
}
