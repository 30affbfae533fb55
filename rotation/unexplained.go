package rotation

// Unexplained returns the live keys of an account that its record does not
// explain: made by someone else, or by a record that was lost. They are for
// people to judge, and never deleted for being unexplained.
func Unexplained(r Record, o Observed) []Key {
	var keys []Key
	for _, k := range o.Listing.Keys {
		explained := r.knows(k.ID) || k.Label != "" && k.Label == r.Intent.Label
		for _, a := range r.Abandoned {
			explained = explained || a.Label == k.Label
		}
		if !explained {
			keys = append(keys, k)
		}
	}
	return keys
}
