package finding

import (
	"github.com/keyrota/keyrota/sync/usage"
)

// quarantine warns the owner of an account that a person wants switched off, or
// says why it is not.
func (v view) quarantine() []Finding {
	o := v.Off
	if o.State == "" || !o.Done.IsZero() {
		return nil
	}
	f := Finding{
		Code: QuarantinePending, Evidence: []string{"state: " + o.State + because(v.Position)},
		Command: "keyrota plan " + string(v.ref), Change: v.write("state: active"),
	}
	switch {
	case o.Refused != "":
		f.Title = "is to be switched off, and that is refused"
		f.Evidence = append(f.Evidence, o.Refused)
		f.Do = "Find out who uses it. If it may break them all the same, write force: true beside state:; else write state: active."
	case o.KeysGo.IsZero():
		f.Title = "is to be switched off"
	default:
		f.Title, f.SafeUntil = "its keys are deleted at "+moment(o.KeysGo), o.KeysGo
	}
	if last := latest(v.Evidence); !last.IsZero() {
		f.Evidence = append(append(f.Evidence, "last use seen on "+date(last)), where(v.Evidence)...)
	} else {
		f.Evidence = append(f.Evidence, "no use was seen")
	}
	return one(f)
}

// usedWhileOff: somebody works with an account that has no key any more, or tries
// to. Of the day on which it was switched off nothing is said: sources know days.
func (v view) usedWhileOff() []Finding {
	if v.Off.Done.IsZero() {
		return nil
	}
	done := usage.DayOf(v.Off.Done)
	used, refused := 0, 0
	for _, t := range v.Evidence.Traces {
		for d, n := range t.Days {
			if d > done {
				used += n
			}
		}
		for d, n := range t.Denied {
			if d > done {
				refused += n
			}
		}
	}
	f := Finding{
		Code: UsedWhileOff, Evidence: []string{"switched off since " + moment(v.Off.Done)}, Command: v.status(),
	}
	if used > 0 {
		f.Title = "is switched off, and was used since"
		f.Evidence = append(f.Evidence, counted(used, "use")+" seen since, the last on "+date(latest(v.Evidence)))
	}
	if refused > 0 {
		if f.Title == "" {
			f.Title = "is switched off, and somebody still tries to use it"
		}
		f.Broken = "its jobs are refused, as a person ordered"
		f.Evidence = append(f.Evidence, counted(refused, "refusal")+" since")
	}
	if f.Title == "" {
		return nil
	}
	return one(f)
}
