package federation

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

const (
	toldEvery = 24 * time.Hour
	toldNames = 10
)

// Teller puts an event of the whole instance on record; *ledger.Ledger has it.
type Teller interface {
	TellOnce(ctx context.Context, within time.Duration, e rotation.Event) (told bool, err error)
}

// Tell puts on record, once a day, of which accounts a fresh JWT was written, and
// where: they are written many times a day, and each is as good as the last.
func Tell(ctx context.Context, l Teller, all []Kept) (told bool, err error) {
	var written []string
	for _, k := range all {
		var places []string
		for _, p := range k.Places {
			if p.Written {
				places = append(places, p.Name)
			}
		}
		if len(places) > 0 {
			written = append(written, string(k.Ref)+" at "+strings.Join(places, ", "))
		}
	}
	if len(written) == 0 {
		return false, nil
	}
	more := ""
	if n := len(written) - toldNames; n > 0 {
		written, more = written[:toldNames], fmt.Sprintf("; and %d more", n)
	}
	return l.TellOnce(ctx, toldEvery, rotation.Event{Kind: rotation.EventJWTKept, Words: strings.Join(written, "; ") + more})
}
