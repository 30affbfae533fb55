package ledger

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/keyrota/keyrota/sync/usage"
)

// useVersion is the newest form of stored uses. As with records, it rises with
// every field, and a newer one is refused, since saving it would drop what is
// new.
const useVersion = 1

// storedUse is usage.Update as it is stored. The names never change.
type storedUse struct {
	Version  int               `json:"v"`
	First    time.Time         `json:"first,omitzero"`
	Last     time.Time         `json:"last,omitzero"`
	Made     time.Time         `json:"made,omitzero"`
	Days     map[usage.Day]int `json:"days,omitempty"` // by days since 1970-01-01
	Denied   map[usage.Day]int `json:"denied,omitempty"`
	Projects []storedProject   `json:"projects,omitempty"`
	From     time.Time         `json:"from,omitzero"`
	Until    time.Time         `json:"until,omitzero"`
	Gaps     []storedGap       `json:"gaps,omitempty"`
	Blind    []usage.Blindness `json:"blind,omitempty"`
}

type storedProject struct {
	Team string    `json:"team,omitempty"`
	Name string    `json:"name,omitempty"`
	Last time.Time `json:"last"`
}

type storedGap struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	Why   string    `json:"why,omitempty"`
}

func encodeUse(u usage.Update) ([]byte, error) {
	s := storedUse{
		Version: 1,
		First:   instant(u.Trace.First), Last: instant(u.Trace.Last), Made: instant(u.Trace.Made),
		Days: u.Trace.Days, Denied: u.Trace.Denied,
		From: instant(u.Coverage.From), Until: instant(u.Coverage.Until), Blind: u.Coverage.Blind,
		Gaps: each(u.Coverage.Gaps, func(g usage.Gap) storedGap { return storedGap{instant(g.From), instant(g.Until), words(g.Why)} }),
	}
	projects := slices.SortedFunc(maps.Keys(u.Trace.Projects), func(p, q usage.Project) int {
		return cmp.Or(cmp.Compare(p.Team, q.Team), cmp.Compare(p.Name, q.Name))
	})
	s.Projects = each(projects, func(p usage.Project) storedProject {
		return storedProject{words(p.Team), words(p.Name), instant(u.Trace.Projects[p])}
	})
	return canonical(s)
}

func decodeUse(body []byte) (usage.Update, error) {
	if err := known(body, useVersion); err != nil {
		return usage.Update{}, err
	}
	var s storedUse
	if err := strict(body, &s); err != nil {
		return usage.Update{}, err
	}
	u := usage.Update{
		Trace: usage.Trace{First: s.First, Last: s.Last, Made: s.Made, Days: s.Days, Denied: s.Denied},
		Coverage: usage.Coverage{
			From: s.From, Until: s.Until, Blind: s.Blind,
			Gaps: each(s.Gaps, func(g storedGap) usage.Gap { return usage.Gap{From: g.From, Until: g.Until, Why: g.Why} }),
		},
	}
	if len(s.Projects) > 0 {
		u.Trace.Projects = make(map[usage.Project]time.Time, len(s.Projects))
		for _, p := range s.Projects {
			u.Trace.Projects[usage.Project{Team: p.Team, Name: p.Name}] = p.Last
		}
	}
	return u, nil
}
