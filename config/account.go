package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// layer is one place where settings may be written.
type layer struct {
	path string
	*settings
}

// innermost returns the value of the first layer in which it is written, and
// the path of that layer; nil if in none.
func innermost[T any](layers []layer, of func(layer) *T) (*T, string) {
	for _, l := range layers {
		if v := of(l); v != nil {
			return v, l.path
		}
	}
	return nil, ""
}

// account checks one account and merges its settings.
func (r resolver) account(i int, c *Config) Account {
	w := &r.doc.Accounts[i]
	path := fmt.Sprintf("accounts[%d]", i)
	a := Account{
		Name: w.Name, Team: w.Team, Scope: w.Scope, DefaultTeam: w.DefaultTeam,
		Purpose: w.Purpose, UsedBy: w.UsedBy, Reason: w.Reason, Subject: w.Subject,
		Reviewed: valueOr(w.Reviewed, day{}).Time,
		Pos:      r.position(path),
	}
	r.identify(path, &a)
	r.checkSettings(path, &w.settings)
	layers := []layer{{path, &w.settings}}
	if t, ok := r.doc.Teams[w.Team]; ok {
		layers = append(layers, layer{join("teams", w.Team), &t.settings})
	}
	layers = append(layers, layer{"defaults", &r.doc.Defaults.settings})

	manage, _ := innermost(layers, func(l layer) *Manage { return l.Manage })
	a.Manage = valueOr(manage, Rotate)
	owner, _ := innermost(layers, func(l layer) *string { return l.Owner })
	a.Owner = valueOr(owner, "")
	window, _ := innermost(layers, func(l layer) *Window { return l.Window })
	a.Window = valueOr(window, Window{})
	schedule, _ := innermost(layers, settingsSchedule)
	a.Schedule = valueOr(schedule, Schedule{Every: defaultEvery})
	for _, l := range layers {
		for _, f := range l.Freeze {
			a.Freezes = append(a.Freezes, f.freeze)
		}
	}
	a.Env = environment(a, c.WandB.URL, layers)
	r.overlap(&a, w, layers, c.WriteDeadline)
	if a.Scope == ScopeExternal {
		r.external(path, &a, w)
		return a
	}
	r.deliver(path, &a, w)
	return a
}

func settingsSchedule(l layer) *Schedule {
	switch {
	case l.Cron != nil:
		return &l.Cron.Schedule
	case l.Every != nil:
		return &Schedule{Every: *l.Every}
	}
	return nil
}

var accountName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

// identify settles scope and team.
func (r resolver) identify(path string, a *Account) {
	if a.Name != "" && !accountName.MatchString(a.Name) {
		r.errorAt(path+".name", "not a name for a service account", "write letters, digits, -, _ and ., like ci-model-training")
	}
	if a.Team != "" && !accountName.MatchString(a.Team) {
		r.errorAt(path+".team", "not the name of a team", "write it as in the address of the team's page")
	}
	if a.DefaultTeam != "" && !accountName.MatchString(a.DefaultTeam) {
		r.errorAt(path+".default_team", "not the name of a team", "write it as in the address of the team's page")
	}
	if a.Scope == "" && a.Team != "" {
		a.Scope = ScopeTeam
	}
	a.Ref = a.Team + "/" + a.Name
	switch a.Scope {
	case "":
		if r.nodes[path+".scope"] == nil {
			r.errorAt(path, "neither team nor scope is written", "add team:, or scope: organization")
		}
		return
	case ScopeOrganization:
		a.Ref = r.doc.WandB.Organization + "//" + a.Name
		if a.Team != "" {
			r.errorAt(path+".team", "an account of organization scope belongs to no team", "write default_team:, or scope: team")
		}
	default:
		if a.Team == "" {
			r.errorAt(path, "team is missing", "add team:")
		}
		if a.DefaultTeam != "" {
			r.errorAt(path+".default_team", "only an account of organization scope has a default team", "write team:")
		}
		if a.Reason != "" {
			r.errorAt(path+".reason", "reason is for organization scope", "write purpose:")
		}
	}
	switch {
	case a.Scope == ScopeExternal && a.Subject == "":
		r.errorAt(path, "subject is missing", "add subject:, the sub of the account's JWT")
	case a.Scope != ScopeExternal && a.Subject != "":
		r.errorAt(path+".subject", "only an external account has a subject", "write scope: external, or remove the line")
	}
}

// environment is what a job's environment holds besides the key.
func environment(a Account, baseURL string, layers []layer) map[string]string {
	env := map[string]string{"WANDB_BASE_URL": baseURL}
	if team := a.Team + a.DefaultTeam; team != "" {
		env["WANDB_ENTITY"] = team
	}
	for _, l := range slices.Backward(layers) {
		maps.Copy(env, l.Env)
	}
	return env
}

// overlap settles how long an old key stays: as written, else the built-in
// default or as long as the account's jobs need, whichever is longer.
func (r resolver) overlap(a *Account, w *account, layers []layer, writeDeadline time.Duration) {
	longest, longestAt := innermost(layers, func(l layer) *LongestJob { return l.LongestJob })
	a.LongestJob = valueOr(longest, LongestJob{})
	var cache time.Duration
	for _, d := range w.Deliver {
		cache = max(cache, d.Cache)
	}
	need := a.LongestJob.Duration + cache + writeDeadline
	written, at := innermost(layers, func(l layer) *time.Duration { return l.Overlap })
	a.Overlap = valueOr(written, max(defaultOverlap, need))
	if a.Overlap < need {
		// The place is the innermost of the fields that disagree: an outer
		// overlap may be right for other accounts.
		where, sum := []string{at + ".overlap"}, ""
		if a.LongestJob.Duration > 0 {
			where, sum = append(where, longestAt+".longest_job"), "longest_job "+FormatDuration(a.LongestJob.Duration)+" + "
		}
		if cache > 0 {
			where, sum = append(where, a.Pos.Path+".deliver"), sum+"cache "+FormatDuration(cache)+" + "
		}
		for _, l := range layers {
			if i := slices.IndexFunc(where, func(p string) bool { return strings.HasPrefix(p, l.path+".") }); i >= 0 {
				r.errorAt(where[i], fmt.Sprintf("%s.overlap is %s, shorter than %swrite_deadline %s: a reader could be left with a deleted key",
					at, FormatDuration(a.Overlap), sum, FormatDuration(writeDeadline)),
					"write overlap: "+FormatDuration(need)+" or more")
				break
			}
		}
	}
	most, at := innermost(layers, func(l layer) *time.Duration { return l.MaxOverlap })
	a.MaxOverlap = max(a.Overlap, valueOr(most, 2*a.Overlap))
	if most != nil && *most < a.Overlap {
		r.errorAt(at+".max_overlap", "shorter than the overlap of "+FormatDuration(a.Overlap), "write "+FormatDuration(a.Overlap)+" or more")
	}
}

// checkSettings checks what is written in one place.
func (r resolver) checkSettings(path string, s *settings) {
	if s.Every != nil && s.Cron != nil {
		r.errorAt(path+".cron", "every and cron are both written", "keep one of the two")
	}
	if s.Every != nil && *s.Every <= 0 {
		r.errorAt(path+".every", "a key's maximum age must be longer than nothing", durationHint)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Env)) {
		at := join(path+".env", name)
		switch {
		case name == KeyVariable:
			r.errorAt(at, "the key is delivered, never written into the configuration", "remove the line; if a live key stood here, delete it in W&B")
		case !variableName.MatchString(name):
			r.errorAt(at, "not the name of an environment variable", "write letters, digits and _, like WANDB_PROJECT")
		case name == "WANDB_BASE_URL":
			r.errorAt(at, "this follows from wandb.url", "remove the line")
		}
	}
}
