package finding

import (
	"fmt"
	"time"

	"github.com/keyrota/keyrota/sync/usage"
)

// quarter is the longest rhythm that an account may have without anybody knowing.
const quarter = 92 * day

// perAccount is said with every judgement of use.
const perAccount = "this is of the account as a whole: no source tells its keys apart"

// idle says that an account is not used, or that this cannot be told.
func (v view) idle() []Finding {
	if v.off() || v.gone() {
		return nil
	}
	since, is := v.idleSince()
	switch {
	case is:
		f := Finding{
			Code: Unused, Since: since.Add(v.rests()), Title: "not used for " + span(v.in.Now.Sub(since)),
			Evidence: v.idleEvidence(since), Command: v.status(),
		}
		switch {
		case v.use.Verdict != usage.Never:
		case v.DeliveredAt.IsZero():
			f.Title = "no use was seen in the " + span(v.in.Now.Sub(since)) + " that it is known"
		default:
			f.Code, f.Title = NeverUsed, "never used since its key was delivered, "+span(v.in.Now.Sub(since))+" ago"
		}
		if !v.managed() {
			f.Do = "Ask its owner. If nobody needs it, delete its keys in W&B, or the account: keyrota only watches it. If it is used seldom, write under rhythm: how far apart."
		}
		return one(f)
	case v.use.Verdict == usage.Unknown || v.use.Verdict == usage.Never:
		f := Finding{
			Code: UsageUnknown, Title: "whether it is used cannot be told",
			Evidence: append([]string{}, v.use.Reasons...), Command: v.status(),
		}
		switch {
		case v.use.Verdict == usage.Unknown:
		case since.IsZero():
			f.Evidence = append(f.Evidence, "since when it exists is not known: it may be new")
		default:
			f.Title, f.Do = "new: no use was seen yet", "Nothing yet."
			f.Evidence = append(f.Evidence, "known since "+date(since)+"; unused from "+date(since.Add(v.rests()))+" on, if none is seen until then")
		}
		return one(f)
	}
	return nil
}

// idleSince returns since when an account is not used, and whether that is for
// as long as it may rest. One that was never used counts from when somebody could
// have had its key, or from when it is known to exist: it may be new.
func (v view) idleSince() (time.Time, bool) {
	switch v.use.Verdict {
	case usage.Unused:
		return v.use.Last, true
	case usage.Never:
		since := v.DeliveredAt
		if since.IsZero() {
			since = exists(v.Evidence, v.KnownSince, v.WatchedSince)
		}
		return since, !since.IsZero() && v.in.Now.Sub(since) >= v.rests()
	}
	return time.Time{}, false
}

// rests is how long the account may go without a use.
func (v view) rests() time.Duration { return max(v.UnusedAfter, v.use.Rhythm*3/2) }

// exists returns since when an account is known to exist at least.
func exists(e usage.Evidence, known ...time.Time) time.Time {
	var since time.Time
	for _, t := range e.Traces {
		known = append(known, t.Made)
	}
	for _, t := range known {
		if !t.IsZero() && (since.IsZero() || t.Before(since)) {
			since = t
		}
	}
	return since
}

func (v view) idleEvidence(since time.Time) []string {
	lines := append([]string{}, v.use.Reasons...)
	if v.use.Verdict == usage.Never {
		lines = append(lines, "known since "+date(since))
	}
	lines = append(lines, where(v.Evidence)...)
	for _, w := range v.Spec.Wants {
		if at, known := v.LastRead[w.Destination]; known {
			lines = append(lines, w.Destination.String()+" "+lastRead(at))
		}
	}
	return append(lines, perAccount)
}

// where names the project of the last use, if one is known.
func where(e usage.Evidence) []string {
	var in usage.Project
	var last time.Time
	for _, t := range e.Traces {
		for p, at := range t.Projects {
			if at.After(last) || at.Equal(last) && (p.Team+"/"+p.Name < in.Team+"/"+in.Name) {
				in, last = p, at
			}
		}
	}
	if in.Name == "" {
		return nil
	}
	return []string{"its last use was in " + in.Team + "/" + in.Name}
}

func lastRead(at time.Time) string {
	if at.IsZero() {
		return "was never read, as far as its store knows"
	}
	return "was last read on " + date(at)
}

// proposal proposes to switch off what was idle for long enough. It is no more
// than lines for a person to write.
func (v view) proposal() []Finding {
	since, is := v.idleSince()
	if !is || !v.managed() || v.off() || v.gone() || v.ProposeAfter == 0 || v.in.Now.Sub(since) < v.ProposeAfter {
		return nil
	}
	return one(Finding{
		Code: ProposeOff, Since: since.Add(v.ProposeAfter),
		Title:    fmt.Sprintf("idle for %s: it can be switched off", span(v.in.Now.Sub(since))),
		Evidence: append(v.idleEvidence(since), "propose_quarantine_after: "+setting(v.ProposeAfter)),
		Change:   v.write("state: quarantined"), Command: "keyrota plan " + string(v.ref),
	})
}

// hiddenByOurs reports whether keyrota itself read the account's secrets on so many
// of the days since a time that reads of others may have fallen on the same days:
// stores know days.
func (v view) hiddenByOurs(since time.Time) bool {
	first, own := usage.DayOf(since), 0
	for d := range v.Evidence.Own {
		if d >= first {
			own++
		}
	}
	return 10*own > int(usage.DayOf(v.in.Now)-first)
}

// secretUnread names the secrets that nobody reads although the account is not
// idle: they are copies of a live key that can go. A process that never ends
// reads once.
func (v view) secretUnread() []Finding {
	if _, idle := v.idleSince(); idle || !v.managed() || v.off() || v.Spec.Policy.Forever {
		return nil
	}
	rhythm := v.use.Rhythm
	if v.use.Verdict != usage.Used {
		rhythm = max(rhythm, quarter) // for all that can be told
	}
	var found []Finding
	unread := 0
	for _, w := range v.Spec.Wants {
		at, known := v.LastRead[w.Destination]
		since := at
		if since.IsZero() {
			since = v.DeliveredTo[w.Destination] // never read: it may be new
		}
		if !known || since.IsZero() || v.in.Now.Sub(since) < max(v.UnusedAfter, 2*rhythm) || v.hiddenByOurs(since) {
			continue
		}
		unread++
		evidence := []string{"not read for " + span(v.in.Now.Sub(since)) + "; the days on which keyrota read it itself are taken out"}
		if at.IsZero() {
			evidence[0] = "delivered to since " + date(since)
		}
		found = append(found, Finding{
			Code: SecretUnread, Subject: w.Destination.String(), Since: since.Add(v.UnusedAfter),
			Title: w.Destination.String() + " " + lastRead(at), Evidence: evidence, Command: v.status(),
		})
	}
	if unread == len(v.Spec.Wants) && v.use.Verdict == usage.Used {
		for i := range found {
			found[i].Evidence = append(found[i].Evidence, "the account is used all the same, last on "+date(v.use.Last)+": its jobs may have the key from somewhere else")
		}
	}
	return found
}
