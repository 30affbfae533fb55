package ledger

import (
	"cmp"
	"fmt"
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
	Days     storedDays        `json:"days,omitempty"`
	Denied   storedDays        `json:"denied,omitempty"`
	Projects []storedProject   `json:"projects,omitempty"`
	From     time.Time         `json:"from,omitzero"`
	Until    time.Time         `json:"until,omitzero"`
	Gaps     []storedGap       `json:"gaps,omitempty"`
	Blind    []usage.Blindness `json:"blind,omitempty"`
}

// storedDays are days, since 1970-01-01, each followed by how often on it: there
// are many of them, and this is what is read the fastest.
type storedDays []int64

func storeDays(days map[usage.Day]int) storedDays {
	var s storedDays
	for _, day := range slices.Sorted(maps.Keys(days)) {
		s = append(s, int64(day), int64(days[day]))
	}
	return s
}

func (s storedDays) days() (map[usage.Day]int, error) {
	if len(s)%2 != 0 {
		return nil, fmt.Errorf("%w: a day without a number: %s", ErrDamaged, hintDamaged)
	}
	if len(s) == 0 {
		return nil, nil
	}
	days := make(map[usage.Day]int, len(s)/2)
	for i := 0; i < len(s); i += 2 {
		if s[i] != int64(usage.Day(s[i])) {
			return nil, fmt.Errorf("%w: day %d is none: %s", ErrDamaged, s[i], hintDamaged)
		}
		days[usage.Day(s[i])] = int(s[i+1])
	}
	return days, nil
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
		Days: storeDays(u.Trace.Days), Denied: storeDays(u.Trace.Denied),
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
	var s storedUse
	if err := strict(body, &s); err != nil || s.Version != useVersion {
		return usage.Update{}, cmp.Or(known(body, useVersion), err)
	}
	days, err := s.Days.days()
	if err != nil {
		return usage.Update{}, err
	}
	denied, err := s.Denied.days()
	if err != nil {
		return usage.Update{}, err
	}
	u := usage.Update{
		Trace: usage.Trace{First: s.First, Last: s.Last, Made: s.Made, Days: days, Denied: denied},
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
