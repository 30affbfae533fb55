package gather

import (
	"cmp"
	"slices"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/usage"
)

// calendar marks days of the last usage.KeepDays, the lowest bit today.
type calendar struct {
	Today usage.Day                          `json:"today"`
	Days  [(usage.KeepDays + 63) / 64]uint64 `json:"days"`
}

// note marks the days on which a run shows that it was there.
func (c *calendar) note(run providers.Run) {
	c.mark(usage.DayOf(run.Created))
	if run.Heartbeat.After(run.Created) {
		c.mark(usage.DayOf(run.Heartbeat))
	}
}

func (c *calendar) mark(d usage.Day) {
	if ago := c.Today - d; ago >= 0 && ago < usage.KeepDays {
		c.Days[ago/64] |= 1 << (ago % 64)
	}
}

// add marks what another calendar marks, as far as this one goes back.
func (c *calendar) add(other *calendar) {
	for d := range other.marked {
		c.mark(d)
	}
}

// marked yields the days that are marked, the first of them first.
func (c *calendar) marked(yield func(usage.Day) bool) {
	for ago := usage.Day(usage.KeepDays - 1); ago >= 0; ago-- {
		if c.Days[ago/64]&(1<<(ago%64)) != 0 && !yield(c.Today-ago) {
			return
		}
	}
}

// age drops what is kept for usage.KeepDays alone.
func (r *runs) age() {
	for name, noted := range r.state.Credited {
		r.credit(projectOf(name), &noted, time.Time{})
	}
}

// credit notes when runs of a project showed people as their users, as far as
// they were read from a time on; zero: all of them.
func (r *runs) credit(p usage.Project, people *calendar, from time.Time) {
	all := calendar{Today: usage.DayOf(r.now)}
	all.add(people)
	if noted, ok := r.state.Credited[id(p)]; ok && !from.IsZero() {
		all.add(&noted)
	}
	if all.Days == (calendar{}).Days {
		delete(r.state.Credited, id(p))
		return
	}
	r.state.Credited[id(p)] = all
}

// gaps are the days that are marked, within what a look covers.
func (c *calendar) gaps(within usage.Coverage, why string) []usage.Gap {
	var gaps []usage.Gap
	for d := range c.marked {
		gap, ok := clip(usage.Gap{From: d.Start(), Until: (d + 1).Start(), Why: why}, within)
		switch n := len(gaps); {
		case !ok:
		case n > 0 && gaps[n-1].Until.Equal(gap.From):
			gaps[n-1].Until = gap.Until
		default:
			gaps = append(gaps, gap)
		}
	}
	return gaps
}

// clip returns the part of a gap that a look covers.
func clip(g usage.Gap, within usage.Coverage) (usage.Gap, bool) {
	g.From = latest(g.From, within.From)
	if g.Until.After(within.Until) {
		g.Until = within.Until
	}
	return g, g.Until.After(g.From)
}

// placesOf returns the projects in which an account's runs are expected: those
// that it is declared for, and those in which it was seen. None: anywhere in its
// team.
func placesOf(a inventory.Account, e usage.Evidence, u usage.Update) map[usage.Project]bool {
	places := map[usage.Project]bool{}
	for _, p := range declared(a) {
		places[p] = true
	}
	for _, trace := range []usage.Trace{e.Traces[usage.Runs], e.Traces[usage.AuditLog], u.Trace} {
		for p := range trace.Projects {
			places[p] = true
		}
	}
	return places
}

// gaps are when an account's runs may have been there and not be seen: on days on
// which runs in its places showed people, who may be named by its jobs, and until
// runs there were last deleted. team is the account's; none: any.
func (r *runs) gaps(team string, places map[usage.Project]bool, within usage.Coverage) []usage.Gap {
	here := func(p usage.Project) bool {
		switch {
		case len(places) > 0 && p.Name != "":
			return places[p]
		case p.Team == "" || team == "":
			return true
		}
		return p.Team == team
	}
	why := "a run where it logs shows a person as its user, and may be its own"
	if len(places) == 0 {
		why = "nothing says where it logs, and a run in its team shows a person as its user: write WANDB_PROJECT under env:"
	}
	people := &calendar{Today: usage.DayOf(r.now)}
	for name, days := range r.state.Credited {
		if here(projectOf(name)) {
			people.add(&days)
		}
	}
	gaps := people.gaps(within, why)
	var last time.Time
	for p, at := range r.deleted {
		if here(p) {
			last = latest(last, at)
		}
	}
	if gap, ok := clip(usage.Gap{Until: last, Why: "runs where it logs were deleted on " + last.Format(time.DateOnly) + ", and its own may have been among them"}, within); ok {
		gaps = append(gaps, gap)
	}
	slices.SortFunc(gaps, func(a, b usage.Gap) int { return cmp.Or(a.From.Compare(b.From), a.Until.Compare(b.Until)) })
	return gaps
}
