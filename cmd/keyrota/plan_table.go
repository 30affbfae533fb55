package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/keyrota/keyrota/sync/plan"
)

// planText prints a plan for people. What steps rest on and what the plan does
// not know stands below the tables, each once.
type planText struct {
	*app
	out     io.Writer
	assumed []string
}

func (t *planText) say(format string, args ...any) { _, _ = fmt.Fprintf(t.out, format+"\n", args...) }

func (t *planText) write(steps []stepView, waiting []waitingView) {
	now := slices.IndexFunc(steps, func(s stepView) bool { return !s.Now })
	if now < 0 {
		now = len(steps)
	}
	late := 0
	for _, v := range waiting {
		if v.Overdue {
			late++
		}
	}
	switch {
	case now == 0 && late > 0:
		t.say("Nothing can be done now; something is in the way of %s:", count(late, "account"))
	case now == 0:
		t.say("Nothing to do now.")
	default:
		t.say("Now, %s:", count(now, "step"))
		t.steps(steps[:now], false)
	}
	t.say("\nThen:")
	t.waiting(waiting)
	if len(steps) > now {
		t.say("\nLater, if nothing else happens, %s:", count(len(steps)-now, "step"))
		t.steps(steps[now:], true)
	}
	if len(t.assumed) > 0 {
		t.say("\nAssuming that")
		rows := make([][]string, 0, len(t.assumed))
		for i, text := range t.assumed {
			rows = append(rows, []string{footnote(i), text})
		}
		t.list(rows)
	}
	t.notes(waiting)
}

func (t *planText) steps(steps []stepView, times bool) {
	header, rows := []string{"ACCOUNT", "STEP", "WHY"}, make([][]string, 0, len(steps))
	if times {
		header = append([]string{"WHEN"}, header...)
	}
	for _, s := range steps {
		row := []string{s.Account, step(s), t.why(s)}
		if times {
			row = append([]string{localTime(s.When)}, row...)
		}
		rows = append(rows, row)
	}
	table{indent: 2, header: header, rows: rows}.write(t.out, t.width())
}

// step says what is done.
func step(s stepView) string {
	switch {
	case s.Destination != "":
		return fmt.Sprintf("%s edition %d to %s", s.Step, s.Edition, s.Destination)
	case s.Key != "":
		return s.Step + " key " + s.Key
	}
	return s.Step
}

func (t *planText) why(s stepView) string {
	why := local(s.Why)
	if s.Step == string(plan.Park) {
		why = "a person must act: see below" // what it waits for then
	}
	if s.Assuming == "" {
		return why
	}
	assuming := strings.ReplaceAll(s.Assuming, s.Account, "ACCOUNT")
	i := slices.Index(t.assumed, assuming)
	if i < 0 {
		i = len(t.assumed)
		t.assumed = append(t.assumed, assuming)
	}
	return why + " " + footnote(i)
}

func footnote(i int) string { return "[" + strconv.Itoa(i+1) + "]" }

func (t *planText) waiting(waiting []waitingView) {
	rows := make([][]string, 0, len(waiting))
	for _, v := range waiting {
		until := "-"
		if v.Until != nil {
			until = localTime(*v.Until)
		}
		rows = append(rows, []string{v.Account, v.Phase, until, local(v.Why)})
	}
	table{indent: 2, header: []string{"ACCOUNT", "PHASE", "UNTIL", "WAITS FOR"}, rows: rows}.write(t.out, t.width())
}

// notes says each note once, and whom it is about unless that is everybody.
func (t *planText) notes(waiting []waitingView) {
	var texts []string
	about := map[string][]string{}
	for _, v := range waiting {
		for _, note := range v.Notes {
			if about[note] == nil {
				texts = append(texts, note)
			}
			about[note] = append(about[note], v.Account)
		}
	}
	if len(texts) == 0 {
		return
	}
	rows := make([][]string, 0, len(texts))
	for _, text := range texts {
		who := ""
		if len(about[text]) < len(waiting) {
			who = " (" + strings.Join(about[text], ", ") + ")"
		}
		rows = append(rows, []string{"-", local(text) + who})
	}
	t.say("\nNotes:")
	t.list(rows)
}

// list prints rows without a header.
func (t *planText) list(rows [][]string) {
	table{indent: 2, header: rows[0], rows: rows[1:]}.write(t.out, t.width())
}
