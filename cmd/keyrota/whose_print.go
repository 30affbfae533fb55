package main

import (
	"fmt"
	"io"
	"strings"
)

// write prints what is known of a key for whoever found it.
func (v whoseView) write(a *app) func(io.Writer) {
	return func(w io.Writer) {
		for _, line := range wrap(v.sentence(), a.width()) {
			_, _ = fmt.Fprintln(w, line)
		}
		if rows := v.facts(a); len(rows) > 0 {
			_, _ = fmt.Fprintln(w)
			table{indent: 2, header: rows[0], rows: rows[1:]}.write(w, a.width())
		}
		_, _ = fmt.Fprintln(w)
		for _, line := range wrap("Next: "+v.Next, a.width()) {
			_, _ = fmt.Fprintln(w, line)
		}
	}
}

// sentence is the answer in one sentence.
func (v whoseView) sentence() string {
	key := "This key"
	if v.Key != "" {
		key = "Key " + v.Key
	}
	who := v.Account
	if who == "" {
		who = fmt.Sprintf("%q", v.Name)
	}
	switch v.Result {
	case whoseCurrent:
		return key + " works, and is the one that the readers of " + who + " are to have now."
	case whoseOld:
		return key + " works, and is an old one of " + who + ", kept until its overlap is over."
	case whoseCondemned:
		return key + " still works, and is one of " + who + " that is being deleted."
	case whoseUnoffered:
		return key + " works, and was created for " + who + " and never given to anyone: it is being deleted."
	case whoseUnexplained:
		return key + " works, and is of " + who + ", where nothing on record explains it: someone made it by hand."
	case whoseUnrecorded:
		return key + " works, and is of " + who + ", of which keyrota has no key on record."
	case whoseUnshown:
		return key + " works, and is of " + who + "; W&B does not show which of its keys it is."
	case whoseUnmanaged:
		return key + " works, and is of the service account " + who + ", which keyrota does not manage."
	case whosePersonal:
		return key + " works, and is the key of a person, " + who + "."
	case whoseUndecided:
		return key + " works, and is of " + who + ", which keyrota does not manage."
	case whoseUnverified:
		return "A destination of " + who + " holds this key; whether it works is not known."
	}
	return "This key does not work: it was deleted, or is not of this W&B server."
}

func (v whoseView) facts(a *app) [][]string {
	var rows [][]string
	add := func(name, text string) {
		if text != "" {
			rows = append(rows, []string{name, text})
		}
	}
	if v.Result == whoseDead {
		return nil
	}
	if v.ID != "" {
		at := fmt.Sprintf("%q, id %s", v.Name, v.ID)
		if v.Team != "" {
			at += ", team " + v.Team
		}
		add("at W&B", at)
	}
	if v.Edition > 0 {
		add("edition", fmt.Sprint(v.Edition))
	}
	switch {
	case v.Created != nil:
		add("created", localTime(*v.Created)+", "+span(a.now().Sub(*v.Created))+" ago")
	case v.Result != whoseUnverified:
		add("created", "unknown: W&B does not say")
	}
	add("keyrota's", v.Credential)
	add("label", v.Label)
	add("purpose", v.Purpose)
	add("owner", v.Owner)
	add("used by", strings.Join(v.UsedBy, ", "))
	for i, r := range v.Readers {
		name := ""
		if i == 0 {
			name = "readers"
		}
		text := r.Destination + map[string]string{"yes": " holds this key", "no": " holds another", "unknown": ": unknown"}[r.Holds]
		if r.Words != "" {
			text += " (" + r.Words + ")"
		}
		rows = append(rows, []string{name, text})
	}
	add("not seen", v.Why)
	return rows
}
