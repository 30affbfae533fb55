package providertest

import (
	"errors"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// able returns an issuer's optional ability, or skips the case.
func able[A any](r *issuerRun) A {
	r.Helper()
	a, ok := r.issuer.(A)
	if !ok {
		r.Skip("this issuer cannot")
	}
	return a
}

// usageCases: what accounts do, and where they may, for issuers that can tell.
func usageCases() []issuerCase {
	return []issuerCase{
		{
			name: "runs", story: "A run is seen where it was logged, with whose it is and when it began, by the account itself and by an admin.",
			run: func(r *issuerRun) {
				logger, reporter := ability[RunLogger](r), able[providers.RunReporter](r)
				a, _, value := r.live("trains")
				logger.LogRun(r.T, value, a.Team, "conformance", "run-1")
				began := r.clock(a, value)
				for who, auth := range map[string]providers.Secret{"the account": value, "an admin": {}} {
					var projects []string
					err := reporter.Projects(r.ctx(), a.Team, auth, func(p string) error { projects = append(projects, p); return nil })
					r.must(err, "list projects as "+who)
					if len(projects) != 1 || projects[0] != "conformance" {
						r.Errorf("%s sees the projects %q", who, projects)
					}
					var runs []providers.Run
					err = reporter.Runs(r.ctx(), a.Team, "conformance", auth, began.Add(-time.Hour), func(run providers.Run) error { runs = append(runs, run); return nil })
					r.must(err, "list runs as "+who)
					if len(runs) != 1 || runs[0].Name != "run-1" || runs[0].Team != a.Team || runs[0].Project != "conformance" || runs[0].User == "" || runs[0].Created.IsZero() {
						r.Errorf("%s sees the runs %+v", who, runs)
					}
					err = reporter.Runs(r.ctx(), a.Team, "conformance", auth, began.Add(time.Hour), func(run providers.Run) error {
						r.Errorf("%s sees a run of before the time asked for: %+v", who, run)
						return nil
					})
					r.must(err, "list later runs as "+who)
				}
			},
		},
		{
			name: "beating", story: "The run that holds an old key is found: the account's own, running, and begun before.",
			run: func(r *issuerRun) {
				logger, reporter := ability[RunLogger](r), able[providers.RunReporter](r)
				a, _, value := r.live("holds")
				_, _, other := r.live("another")
				logger.LogRun(r.T, value, a.Team, "conformance", "own")
				logger.LogRun(r.T, other, a.Team, "conformance", "another's")
				began := r.clock(a, value)
				for who, auth := range map[string]providers.Secret{"the account": value, "an admin": {}} {
					for when, want := range map[time.Duration]int{time.Hour: 1, -time.Hour: 0} {
						runs, err := reporter.Beating(r.ctx(), a, []string{a.Team}, auth, began.Add(when))
						r.must(err, "look for runs as "+who)
						if len(runs) != want || want == 1 && runs[0].Name != "own" {
							r.Errorf("%s, of before %s: %+v", who, when, runs)
						}
					}
				}
				_, err := reporter.Beating(r.ctx(), a, []string{a.Team}, other, began)
				r.want(err, providers.Conflict)
			},
		},
		{
			name: "no project", story: "A project that is not there is told from one without runs.",
			run: func(r *issuerRun) {
				reporter := able[providers.RunReporter](r)
				a, _, value := r.live("looks")
				err := reporter.Runs(r.ctx(), a.Team, "nothing-here", value, time.Time{}, func(providers.Run) error { return nil })
				r.want(err, providers.NotFound)
			},
		},
		{
			name: "members", story: "A team's members are listed, service accounts told from people.",
			run: func(r *issuerRun) {
				directory := able[providers.Directory](r)
				a, _, value := r.live("member")
				for who, auth := range map[string]providers.Secret{"the account": value, "an admin": {}} {
					seen := map[rotation.AccountID]providers.Member{}
					err := directory.Members(r.ctx(), a.Team, auth, func(m providers.Member) error { seen[m.ID] = m; return nil })
					r.must(err, "list members as "+who)
					r.hunt("a member", seen)
					if m := seen[a.ID]; !m.Service || m.Name != a.Name {
						r.Errorf("%s sees %+v", who, m)
					}
					people := 0
					for _, m := range seen {
						if !m.Service {
							people++
						}
					}
					if people == 0 {
						r.Errorf("%s sees no person in the team", who)
					}
				}
				full := errors.New("no more")
				if err := directory.Members(r.ctx(), a.Team, value, func(providers.Member) error { return full }); !errors.Is(err, full) {
					r.Errorf("stopped: %v", err)
				}
			},
		},
		{
			name: "access", story: "What a key may do with a project is asked with that key; one that does not work is no answer.",
			run: func(r *issuerRun) {
				logger, checker := ability[RunLogger](r), able[providers.AccessChecker](r)
				a, id, value := r.live("enters")
				logger.LogRun(r.T, value, a.Team, "conformance", "run-1")
				for project, want := range map[string]providers.Access{"conformance": providers.AccessWrite, "nothing-here": providers.AccessNone} {
					got, err := checker.Access(r.ctx(), a.Team, project, value)
					r.must(err, "check access to "+project)
					if got != want {
						r.Errorf("%s: %s, want %s", project, got, want)
					}
				}
				r.DeleteKey(r.T, id)
				_, err := checker.Access(r.ctx(), a.Team, "conformance", value)
				r.want(err, providers.Denied)
			},
		},
	}
}

// clock is the platform's, as it says when it verifies a key.
func (r *issuerRun) clock(a rotation.Account, s providers.Secret) time.Time {
	r.Helper()
	v, err := r.issuer.Verify(r.ctx(), a, s)
	r.must(err, "verify")
	if v.At.IsZero() {
		r.Skip("this platform does not say what time it is")
	}
	return v.At
}
