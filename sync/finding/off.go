package finding

import (
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/usage"
)

// quarantine warns the owner of an account that a person wants switched off, or
// says why it is not.
func (v view) quarantine() []Finding {
	off := v.Record.Off
	if !v.off() || v.Spec.State == rotation.Quarantined && !off.Done.IsZero() || !off.Gone.IsZero() {
		return nil
	}
	f := Finding{
		Code: QuarantinePending, Evidence: []string{"state: " + string(v.Spec.State) + because(v.Position)},
		Command: "keyrota plan " + string(v.ref), Change: v.write("state: active"),
	}
	switch goes := off.Warned.Add(v.Spec.QuarantineWait); {
	case !off.Done.IsZero():
		f.Title, f.Change = "has no key any more, and is to be removed", ""
		f.Do = "Nothing, if it goes on by itself. Else run the command: it says what is in the way."
	case v.dark():
		f.Title, f.Change = "its keys are being deleted", ""
		f.Do = "Nothing, if it goes on by itself. Else run the command: it says what is in the way."
	case off.State == "":
		f.Title = "is to be switched off, and that has not begun"
		f.Do = "If the lines name a use, find out whose it is. If it may be broken all the same, write force: true beside its state; else write state: active."
	default:
		f.Title, f.SafeUntil = "its keys are deleted from "+moment(goes)+" on", goes
		f.Since = off.Warned
	}
	f.Evidence = append(f.Evidence, v.next()...)
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
	off := v.Record.Off
	if !v.off() || off.Done.IsZero() {
		return nil
	}
	done := usage.DayOf(off.Done)
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
		Code: UsedWhileOff, Evidence: []string{"switched off since " + moment(off.Done)}, Command: v.status(),
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
