package config

import (
	"maps"
	"regexp"
	"slices"
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
	path := w.path
	a := Account{
		Name: w.Name, Team: w.Team, Scope: w.Scope, DefaultTeam: w.DefaultTeam,
		Purpose: w.Purpose, UsedBy: w.UsedBy, Reason: w.Reason, Subject: w.Subject,
		Reviewed: valueOr(w.Reviewed, day{}).Time,
		Pos:      r.position(path), path: path,
	}
	r.identify(path, &a)
	a.Formerly = r.formerly(w, &a)
	r.checkSettings(path, &w.settings)
	layers := []layer{{path, &w.settings}}
	if w.file != nil {
		layers = append(layers, layer{w.file.path, &w.file.settings})
	}
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
	a.Env = r.environment(a, c.WandB.URL, layers)
	if a.Scope == ScopeExternal {
		r.external(path, &a, w)
	} else {
		r.deliver(&a, layers, c)
	}
	r.identity(path, &a, w, layers, c)
	r.checkAllowed(w, &a)
	r.overlap(&a, layers, c.WriteDeadline)
	r.switching(path, &a, w, layers)
	r.useOf(path, &a, w, layers)
	r.checkCredentials(&a, layers)
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
// Accounts of one team that add nothing of their own share it.
func (r resolver) environment(a Account, baseURL string, layers []layer) map[string]string {
	shared := layers[1].path + " " + a.Team + "/" + a.DefaultTeam
	if env, ok := r.envs[shared]; ok && len(layers[0].Env) == 0 {
		return env
	}
	env := map[string]string{"WANDB_BASE_URL": baseURL}
	if team := a.Team + a.DefaultTeam; team != "" {
		env["WANDB_ENTITY"] = team
	}
	for _, l := range slices.Backward(layers) {
		maps.Copy(env, l.Env)
	}
	if len(layers[0].Env) == 0 {
		r.envs[shared] = env
	}
	return env
}

// checkSettings checks what is written in one place.
func (r resolver) checkSettings(path string, s *settings) {
	if s.Every != nil && s.Cron != nil {
		r.errorAt(path+".cron", "every and cron are both written", "keep one of the two")
	}
	if s.Every != nil && *s.Every <= 0 {
		r.errorAt(path+".every", "a key's maximum age must be longer than nothing", durationHint)
	}
	r.checkUse(path, s)
	r.checkTagNames(path, s.Tags)
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
