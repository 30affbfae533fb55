package inventory

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/keyrota/keyrota/config"
)

// lane names what the first rotation after a change of a store or of a format
// has to prove: the settings of the store, of credentials where they stand and
// never their values, and how the key is written there. What differs from
// account to account, such as a project's name, makes no lane of its own.
func lane(s config.Store, d *config.Destination) string {
	h := sha256.New()
	say := func(parts ...any) { fmt.Fprintf(h, "%q\n", fmt.Sprint(parts...)) }
	say(d.Store, s.Type)
	settings := s.Settings()
	for _, path := range slices.Sorted(maps.Keys(settings)) {
		say(path)
		say(settings[path])
	}
	say(d.Format, d.Style, d.ConnType)
	say(d.Template)
	for _, f := range d.Fields {
		say(f.Name)
		say(f.Variable)
		say(f.Literal)
	}
	return d.Store + " " + string(d.Format) + " " + hex.EncodeToString(h.Sum(nil)[:8])
}
