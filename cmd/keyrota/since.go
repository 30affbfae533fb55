package main

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/sync/inventory"
)

// changeView is one difference between two configurations.
type changeView struct {
	Change       string   `json:"change"`             // its stable name
	LookClosely  bool     `json:"look_closely"`       // where keys go, who may be reached, and how long readers have
	Accounts     []string `json:"accounts,omitempty"` // that it is about
	What         string   `json:"what,omitempty"`     // the place, store or setting
	Was          string   `json:"was,omitempty"`
	Is           string   `json:"is,omitempty"`
	Means        string   `json:"means"`
	group, label int
}

// sinceView is the output of plan --since.
type sinceView struct {
	Since   string       `json:"since"`
	Config  string       `json:"config"`
	Summary []string     `json:"summary"`
	Changes []changeView `json:"changes"`
}

// since compares two configurations. It asks no store, no platform and no
// ledger.
func (a *app) since(old string, detailed bool) error {
	path, err := a.findConfig()
	if err != nil {
		return err
	}
	vars := &variables{env: a.env, seen: map[string]string{}}
	is, err := a.revision(path, filepath.Dir(path), vars)
	if err != nil {
		return err
	}
	was, err := a.revision(old, filepath.Dir(path), vars)
	if err != nil {
		return fmt.Errorf("--since: %w", err)
	}
	v := sinceView{Since: old, Config: path, Changes: compare(was, is)}
	for i := range v.Changes {
		vars.mask(&v.Changes[i])
	}
	v.Summary = summary(v.Changes, is)
	switch a.output {
	case outputMarkdown:
		_, err = io.WriteString(a.stdout, v.markdown())
	default:
		err = a.print(v, func(w io.Writer) { a.sinceTable(w, v) })
	}
	if err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	if detailed && len(v.Changes) > 0 {
		return &exitError{code: exitChanges}
	}
	return nil
}

// revision is a configuration at one time, with the form of every destination.
type revision struct {
	*config.Config
	inventory *inventory.Inventory
}

func (a *app) revision(path, beside string, vars *variables) (revision, error) {
	o := configOptions(vars.lookup)
	o.Beside = beside
	c, problems, err := config.Load(path, o)
	if err != nil {
		return revision{}, err
	}
	if errs := problems.Errors(); len(errs) > 0 {
		return revision{}, fmt.Errorf("the configuration %s cannot be used:\n%s", path, errs)
	}
	p, _, err := a.openProviders(c)
	if err != nil {
		return revision{}, fmt.Errorf("the configuration %s cannot be used: %w", path, err)
	}
	inv, err := inventory.Build(c, p, "")
	if err != nil {
		return revision{}, fmt.Errorf("the configuration %s cannot be used:\n%w", path, err)
	}
	return revision{c, inv}, nil
}

// variables remembers what the environment gave, so that it is not shown where
// a comparison is for everybody to read.
type variables struct {
	env  func(string) (string, bool)
	seen map[string]string // names by value
}

// shortest is the length from which a value is taken for one that should not
// be shown; shorter ones are in many names by accident.
const shortestMasked = 8

func (v *variables) lookup(name string) (string, bool) {
	value, ok := v.env(name)
	if len(value) >= shortestMasked {
		v.seen[value] = name
	}
	return value, ok
}

// mask writes the name of a variable in place of its value.
func (v *variables) mask(c *changeView) {
	values := make([]string, 0, len(v.seen))
	for value := range v.seen {
		values = append(values, value)
	}
	slices.SortFunc(values, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	for _, text := range []*string{&c.What, &c.Was, &c.Is} {
		for _, value := range values {
			*text = strings.ReplaceAll(*text, value, "${"+v.seen[value]+"}")
		}
	}
}

// summary says in a few lines what will happen.
func summary(changes []changeView, is revision) []string {
	accounts := func(names ...string) int {
		about := map[string]bool{}
		for _, c := range changes {
			if slices.Contains(names, c.Change) {
				for _, account := range c.Accounts {
					about[account] = true
				}
			}
		}
		return len(about)
	}
	places := func(name string) int {
		n := 0
		for _, c := range changes {
			if c.Change == name {
				n += len(c.Accounts)
			}
		}
		return n
	}
	lines := []string{}
	say := func(n int, one, many string) {
		if n == 1 {
			lines = append(lines, "1 "+one)
		} else if n > 1 {
			lines = append(lines, fmt.Sprintf("%d %s", n, many))
		}
	}
	say(accounts(switchedOff), "account is switched off: its keys are deleted at W&B", "accounts are switched off: their keys are deleted at W&B")
	say(places(placeAdded), "place gets a key that it did not get before", "places get a key that they did not get before")
	say(places(formatChanged), "place is written anew in another form, without a rotation", "places are written anew in another form, without a rotation")
	say(accounts(storeMoved), "account is delivered to a store that moves", "accounts are delivered to a store that moves")
	say(accounts(overlapShortened), "account keeps its old keys for less long", "accounts keep their old keys for less long")
	say(places(jwtKept), "place gets fresh JWTs that it did not get before", "places get fresh JWTs that they did not get before")
	say(accounts(organizationScope), "account reaches every team", "accounts reach every team")
	say(accounts(accountAdded), "account is new", "accounts are new")
	say(accounts(accountLeft), "account leaves: its keys keep working, and are rotated no more", "accounts leave: their keys keep working, and are rotated no more")
	say(accounts(accountMoved), "account goes on under another name", "accounts go on under another name")
	say(accounts(managed), "account is rotated from now on", "accounts are rotated from now on")
	say(accounts(unmanaged), "account is only observed from now on", "accounts are only observed from now on")
	if n := accounts(scheduleShortened); n > 0 {
		say(n, "account may be due earlier, and gets a new key at its next window then", "accounts may be due earlier, and get a new key at their next window then")
		lines[len(lines)-1] += fmt.Sprintf("; at most %s begin in 24 hours", count(is.RotationLimit(), "rotation"))
	}
	switch {
	case len(changes) == 0:
		lines = append(lines, "Nothing changes.")
	case len(lines) == 0:
		lines = append(lines, "No key goes elsewhere, and none rotates earlier.")
	}
	return lines
}
