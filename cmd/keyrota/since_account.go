package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/sync/inventory"
)

// account compares one account with what it was.
func (c *comparison) account(was, is inventory.Account) {
	a, b, ref := was.Config, is.Config, is.Config.Ref
	if a.Scope != b.Scope {
		c.add(scopeChanged, ref, "", string(a.Scope), string(b.Scope), "The platform does not change an account's scope: it is looked for anew.")
		c.organization(b)
	}
	switch {
	case a.Manage == b.Manage:
	case b.Manage == config.Rotate:
		c.add(managed, ref, "", "", "", fmt.Sprintf("Its keys are taken over and rotated; one of unknown age is due at once. At most %s begin in 24 hours.", count(c.is.RotationLimit(), "rotation")))
	default:
		c.add(unmanaged, ref, "", "", "", "Its keys keep working and are not rotated any more.")
	}
	c.state(a, b)
	c.overlap(a, b)
	c.schedule(a, b)
	c.places(was, is)
	c.times(a, b)
	c.words(a, b)
	c.use(a, b)
	c.jwts(a, b)
}

func (c *comparison) overlap(a, b *config.Account) {
	const short = "Old keys are deleted earlier: a reader that takes longer to pick up the new one is left with a dead key."
	switch was, is := config.FormatDuration(a.Overlap), config.FormatDuration(b.Overlap); {
	case a.LongestJob.Forever && !b.LongestJob.Forever:
		c.add(overlapShortened, b.Ref, "", "until a person says so", is, short)
	case b.LongestJob.Forever && !a.LongestJob.Forever:
		c.add(settingChanged, b.Ref, "overlap", was, "until a person says so", "Old keys are kept until a person ends the overlap.")
	case b.Overlap < a.Overlap:
		c.add(overlapShortened, b.Ref, "", was, is, short)
	case b.Overlap > a.Overlap:
		c.add(settingChanged, b.Ref, "overlap", was, is, "Old keys are kept longer.")
	}
	if a.MaxOverlap != b.MaxOverlap && a.Overlap == b.Overlap {
		c.add(settingChanged, b.Ref, "max_overlap", config.FormatDuration(a.MaxOverlap), config.FormatDuration(b.MaxOverlap), "How long evidence of use holds an old key back.")
	}
	if a.LongestJob != b.LongestJob && !a.LongestJob.Forever && !b.LongestJob.Forever {
		c.add(settingChanged, b.Ref, "longest_job", a.LongestJob.String(), b.LongestJob.String(), "The overlap is at least as long.")
	}
}

// schedule says whether keys are due earlier; of cron expressions that is not
// said.
func (c *comparison) schedule(a, b *config.Account) {
	was, is := a.Schedule.String(), b.Schedule.String()
	if was == is {
		return
	}
	change, means := scheduleChanged, "Keys are due at other times; a key that is due by now gets its successor at the account's next window."
	switch short, long := b.Schedule.Every, a.Schedule.Every; {
	case short > 0 && long > 0 && short > long:
		means = "Keys are due later."
	default:
		change = scheduleShortened
		if short > 0 {
			means = "A key older than " + config.FormatDuration(short) + " is due at once, and gets its successor at the account's next window."
		}
	}
	if b.Manage == config.Observe {
		change, means = scheduleChanged, "Nothing happens while the account is observed."
	}
	c.add(change, b.Ref, "", was, is, means)
}

// places compares where the key goes.
func (c *comparison) places(was, is inventory.Account) {
	ref := is.Config.Ref
	before := map[string]int{}
	for i, d := range was.Config.Deliver {
		before[d.String()] = i
	}
	former := map[string]bool{}
	for _, d := range is.Config.Former {
		former[d.String()] = true
	}
	stays := map[string]bool{}
	for i, d := range is.Config.Deliver {
		j, known := before[d.String()]
		if !known {
			c.added(is, i, "The key that the account has is written there, without a rotation.")
			continue
		}
		stays[d.String()] = true
		old := was.Config.Deliver[j]
		if was.Wants[j].Shape != is.Wants[i].Shape {
			a, b := formOf(old), formOf(d)
			if a == b {
				a, b = "", ""
			}
			c.add(formatChanged, ref, d.String(), a, b, c.rewritten(is.Config))
		}
		if old.Reader != d.Reader || old.Cache != d.Cache {
			c.add(readerChanged, ref, d.String(), readBy(old), readBy(d), "How long its reader may keep a key counts for the overlap.")
		}
		if old.Exclusive != d.Exclusive {
			c.add(settingChanged, ref, d.String()+" exclusive", fmt.Sprint(old.Exclusive), fmt.Sprint(d.Exclusive), "A promise that nobody else writes the secret.")
		}
	}
	for _, d := range was.Config.Deliver {
		switch {
		case stays[d.String()]:
		case former[d.String()]:
			c.add(placeMoved, ref, "", d.String(), newPlace(is.Config, d), "Both places get every key until the old one is given up by keyrota release or keyrota prune.")
		default:
			c.add(placeLeft, ref, d.String(), "", "", "It keeps the key that it holds. Once the account rotates, no old key of it is deleted until keyrota release (nobody reads it) or keyrota prune.")
		}
	}
}

func (c *comparison) rewritten(a *config.Account) string {
	if a.Manage == config.Observe {
		return "Nothing is written while the account is observed."
	}
	return "It is written anew at the next pass, without a rotation, and its readers see the new form at once; " + canaryFirst + "."
}

// newPlace is where a destination went.
func newPlace(a *config.Account, old config.Destination) string {
	for i, d := range a.Former {
		if d.String() != old.String() {
			continue
		}
		for _, now := range a.Deliver {
			if strings.HasPrefix(a.Former[i].Pos.Path, now.Pos.Path+".") {
				return now.String()
			}
		}
	}
	return ""
}

func readBy(d config.Destination) string {
	text := string(d.Reader)
	if d.Cache > 0 {
		text = strings.TrimSpace(text + " cache " + config.FormatDuration(d.Cache))
	}
	return text
}

// times compares windows and freezes.
func (c *comparison) times(a, b *config.Account) {
	if was, is := a.Window.String(), b.Window.String(); was != is {
		c.add(windowChanged, b.Ref, "", was, is, "Keys are issued and deleted in other hours.")
	}
	freezes := func(a *config.Account) map[string]string {
		all := map[string]string{}
		for _, f := range a.Freezes {
			text := f.From.UTC().Format(time.RFC3339) + " to " + f.Until.UTC().Format(time.RFC3339)
			all[strings.Join(append([]string{text}, nonEmpty(f.Reason)...), ": ")] = text
		}
		return all
	}
	c.settings(freezes(a), freezes(b), func(what, was, _ string) {
		if was == "" {
			c.add(freezeAdded, b.Ref, what, "", "", "No key is issued or deleted in it; deliveries go on.")
		} else {
			c.add(freezeRemoved, b.Ref, what, "", "", "What it held back goes on at the account's next window.")
		}
	})
}

// words compares what is for people, and what a job's environment holds.
func (c *comparison) words(a, b *config.Account) {
	const forPeople = "For people; nothing is written."
	day := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.Format(time.DateOnly)
	}
	for _, s := range []struct{ what, was, is, means string }{
		{"purpose", a.Purpose, b.Purpose, forPeople},
		{"owner", a.Owner, b.Owner, forPeople},
		{"used_by", strings.Join(a.UsedBy, ", "), strings.Join(b.UsedBy, ", "), forPeople},
		{"reason", a.Reason, b.Reason, forPeople},
		{"reviewed", day(a.Reviewed), day(b.Reviewed), forPeople},
		{"subject", a.Subject, b.Subject, "Who signs in as this account."},
		{"default_team", a.DefaultTeam, b.DefaultTeam, "Where runs land that name no team."},
	} {
		if s.was != s.is {
			c.add(settingChanged, b.Ref, s.what, s.was, s.is, s.means)
		}
	}
	if !maps.Equal(a.Env, b.Env) {
		c.settings(a.Env, b.Env, func(name, was, is string) {
			if !slices.Contains([]string{"WANDB_BASE_URL", "WANDB_ENTITY"}, name) || b.Env[name] == "" {
				c.add(settingChanged, b.Ref, "env."+name, was, is, "Written to the destinations whose form holds it.")
			}
		})
	}
}
