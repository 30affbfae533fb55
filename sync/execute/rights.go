package execute

import (
	"context"
	"fmt"
	"slices"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// refused says which destination is known to refuse a new key: one that cannot
// be delivered everywhere had better not exist. In an emergency a key that
// reaches some readers is better than none.
func (p *pass) refused(ctx context.Context, action rotation.Action) (words string) {
	if !action.Routine() && action.Kind != rotation.DoIssue || p.record.Emergency() {
		return ""
	}
	by := map[string][]rotation.Destination{}
	var stores []string
	for _, w := range p.a.Wants {
		if name := w.Destination.Store; len(by[name]) == 0 {
			stores = append(stores, name)
		}
		by[w.Destination.Store] = append(by[w.Destination.Store], w.Destination)
	}
	slices.Sort(stores)
	for _, name := range stores {
		reporter, ok := p.w.Stores[name].(providers.RightsReporter)
		if !ok {
			continue
		}
		// Not to know is no refusal: the write itself will tell.
		_ = p.w.Call.Read(ctx, name, "rights", func(ctx context.Context) error {
			words = ""
			return reporter.Rights(ctx, by[name], func(d rotation.Destination, r providers.Rights) error {
				if r.Write == providers.RightDenied && words == "" {
					words = fmt.Sprintf("%s may not be written by keyrota, so no key is made for it (%s); keyrota doctor shows all that is missing", d, r.Missing)
				}
				return nil
			})
		})
		if words != "" {
			return words
		}
	}
	return ""
}
