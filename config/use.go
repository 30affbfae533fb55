package config

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Use says how the use of accounts is observed.
type Use struct {
	Every      time.Duration // how often
	Runs       bool          // ask the platform for the runs of accounts
	AuditLog   bool          // read the platform's audit log
	AuditFiles []string      // patterns of files that the log is synced to: JSON lines, also with gzip
	Stores     bool          // ask stores when a secret was last read
}

// writtenUse says how the use of accounts is observed, as written.
type writtenUse struct {
	// Every is how often; 6h when left out.
	Every *time.Duration `yaml:"every"`
	// Runs says whether W&B is asked for the runs of accounts; true when left out.
	Runs *bool `yaml:"runs"`
	// AuditLog says whether W&B's audit log is read, which needs the key of an organization admin; true when left out.
	AuditLog *bool `yaml:"audit_log"`
	// AuditFiles are files that the audit log is synced to, with wildcards like /var/log/wandb/*.json.gz: a JSON object a line, plain or gzip.
	AuditFiles []string `yaml:"audit_files"`
	// Stores says whether stores that know it are asked when a secret was last read; true when left out.
	Stores *bool `yaml:"stores"`
}

const (
	defaultUseEvery       = 6 * time.Hour
	defaultUnusedAfter    = 45 * 24 * time.Hour // CIS AWS Foundations 7.0.0, 2.11
	leastUnusedAfter      = 24 * time.Hour      // some sources know the day, no more
	defaultQuarantineWait = 7 * 24 * time.Hour
)

// use settles how use is observed.
func (r resolver) use() Use {
	w := r.doc.Usage
	u := Use{
		Every: r.atLeast("usage.every", w.Every, defaultUseEvery, time.Second),
		Runs:  valueOr(w.Runs, true), AuditLog: valueOr(w.AuditLog, true), Stores: valueOr(w.Stores, true),
	}
	for i, pattern := range w.AuditFiles {
		if _, err := filepath.Match(pattern, ""); err != nil || pattern == "" || !printable(pattern) {
			r.errorAt(fmt.Sprintf("usage.audit_files[%d]", i), "not a pattern of files", "write a path, with wildcards in its parts, like /var/log/wandb/*.json.gz")
			continue
		}
		u.AuditFiles = append(u.AuditFiles, r.besideFile(pattern))
	}
	return u
}

// workingHours is when somebody is at work.
func (r resolver) workingHours() Window {
	office, _ := parseWindow("Mon-Fri 09:00-17:00 UTC")
	return valueOr(r.doc.WorkingHours, office)
}

// checkUse checks what is written in one place about use and switching off.
func (r resolver) checkUse(path string, s *settings) {
	at := func(name string) string { return join(path, name) }
	if s.UnusedAfter != nil && *s.UnusedAfter < leastUnusedAfter {
		r.errorAt(at("unused_after"), "too short: some sources know the day of a use, no more", "write "+FormatDuration(leastUnusedAfter)+" or more, like 45d")
	}
	if s.Rhythm != nil && *s.Rhythm < leastUnusedAfter {
		r.errorAt(at("rhythm"), "too short: a rhythm is for uses that are days apart", "write how far apart they are, like 92d, or remove the line")
	}
}

// useOf settles what is said of one account's use.
func (r resolver) useOf(path string, a *Account, w *account, layers []layer) {
	unused, _ := innermost(layers, func(l layer) *time.Duration { return l.UnusedAfter })
	a.UnusedAfter = valueOr(unused, defaultUnusedAfter)
	review, _ := innermost(layers, func(l layer) *time.Duration { return l.ReviewEvery })
	a.ReviewEvery = valueOr(review, 0)
	rhythm, _ := innermost(layers, func(l layer) *time.Duration { return l.Rhythm })
	a.Rhythm = valueOr(rhythm, 0)
	propose, at := innermost(layers, func(l layer) *time.Duration { return l.ProposeQuarantineAfter })
	a.ProposeAfter = valueOr(propose, 0)
	if a.ProposeAfter > 0 && a.ProposeAfter < a.UnusedAfter {
		r.errorAt(join(at, "propose_quarantine_after"), "shorter than unused_after, which is "+FormatDuration(a.UnusedAfter)+": an account is called unused first",
			"write "+FormatDuration(a.UnusedAfter)+" or more, or 0 for never")
	}
	a.Weave = w.Weave
	for i, text := range w.Projects {
		where := fmt.Sprintf("%s.projects[%d]", path, i)
		team, project, other := strings.Cut(text, "/")
		if !other {
			team, project = a.Team+a.DefaultTeam, text
		}
		switch {
		case !projectName.MatchString(project) || other && !accountName.MatchString(team):
			r.errorAt(where, "not the name of a project", "write it as in the address of its page, as team/project, or project of its own team")
			continue
		case team == "":
			r.errorAt(where, "the team of the project is missing", "write team/project, or default_team:")
			continue
		}
		a.Projects = append(a.Projects, team+"/"+project)
	}
}

// projectName is what the SDK lets a project be called (wandb.init: at most 128
// characters, none of / \ # ? % :).
var projectName = regexp.MustCompile(`^[^/\\#?%:\x00-\x20\x7f][^/\\#?%:\x00-\x1f\x7f]{0,127}$`)
