package config

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Window says when keys may be issued and deleted, by the wall clock of a
// time zone. The zero Window is always open.
type Window struct{ spans []span }

// span is one daily stretch of wall clock time on some days of the week.
type span struct {
	text     string
	days     [7]bool // by time.Weekday: the days on which it begins
	from, to int     // minutes of the day; it ends on the next day if to <= from
	zone     *time.Location
}

// Open says whether t is inside. An hour that the clocks skip is not inside
// any window, and one that they repeat is inside twice.
func (w Window) Open(t time.Time) bool {
	return len(w.spans) == 0 || slices.ContainsFunc(w.spans, func(s span) bool { return s.open(t) })
}

// NextOpen returns the first time at or after t at which the window is open.
func (w Window) NextOpen(t time.Time) time.Time {
	if w.Open(t) {
		return t
	}
	var first time.Time
	for _, s := range w.spans {
		if next := s.nextOpen(t); first.IsZero() || next.Before(first) {
			first = next
		}
	}
	return first.In(t.Location())
}

// String returns the window as written, or "always".
func (w Window) String() string {
	if len(w.spans) == 0 {
		return "always"
	}
	texts := make([]string, len(w.spans))
	for i, s := range w.spans {
		texts[i] = s.text
	}
	return strings.Join(texts, ", ")
}

func (s span) open(t time.Time) bool {
	t = t.In(s.zone)
	minute := t.Hour()*60 + t.Minute()
	today := s.days[t.Weekday()]
	if s.from < s.to {
		return today && minute >= s.from && minute < s.to
	}
	yesterday := s.days[(t.Weekday()+6)%7]
	return today && minute >= s.from || yesterday && minute < s.to
}

// nextOpen goes from one change of the clocks to the next: between two of
// them the wall clock runs evenly, and at one it may jump into the span.
func (s span) nextOpen(t time.Time) time.Time {
	for !s.open(t) {
		local := t.In(s.zone)
		name, offset := local.Zone()
		even := time.FixedZone(name, offset)
		var start time.Time
		for i := 0; ; i++ {
			start = time.Date(local.Year(), local.Month(), local.Day()+i, 0, s.from, 0, 0, even)
			if s.days[start.Weekday()] && start.After(t) {
				break
			}
		}
		if _, end := local.ZoneBounds(); !end.IsZero() && end.Before(start) {
			start = end
		}
		t = start
	}
	return t
}

const windowHint = "write days, hours and a time zone, like Mon-Thu 09:00-16:00 Europe/Berlin, or always"

// decodeNode reads one window or several, separated by commas or as a list.
func (w *Window) decodeNode(d *decoder, n *node) {
	parts := []*node{n}
	if n.kind == kindList {
		parts = n.items
	}
	var all Window
	for _, p := range parts {
		if !d.wants(p, kindScalar, windowHint) {
			return
		}
		got, problem := parseWindow(p.text)
		if problem != "" {
			d.errorAt(p.path, problem, windowHint)
			return
		}
		all.spans = append(all.spans, got.spans...)
		if len(got.spans) == 0 && len(parts) > 1 {
			d.errorAt(p.path, "always stands alone", "remove the other windows, or this one")
			return
		}
	}
	if len(parts) == 0 {
		d.errorAt(n.path, "an empty list of windows", windowHint)
		return
	}
	*w = all
}

func parseWindow(text string) (w Window, problem string) {
	if strings.TrimSpace(text) == "always" {
		return w, ""
	}
	days := ""
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if !strings.Contains(part, ":") && part != "" {
			// A day of a list like Mon,Wed 09:00-16:00.
			days += part + ","
			continue
		}
		s, problem := parseSpan(days + part)
		if problem != "" {
			return Window{}, problem
		}
		days = ""
		w.spans = append(w.spans, s)
	}
	if days != "" {
		return Window{}, "a window without hours"
	}
	return w, ""
}

func parseSpan(text string) (s span, problem string) {
	words := strings.Fields(text)
	s.text = strings.Join(words, " ")
	if len(words) > 0 && !strings.Contains(words[0], ":") {
		if !s.parseDays(words[0]) {
			return s, "the days of a window are not known"
		}
		words = words[1:]
	} else {
		s.days = [7]bool{true, true, true, true, true, true, true}
	}
	if len(words) == 0 || len(words) > 2 {
		return s, "not a window"
	}
	from, to, _ := strings.Cut(words[0], "-")
	var okFrom, okTo bool
	s.from, okFrom = parseClock(from)
	s.to, okTo = parseClock(to)
	if !okFrom || !okTo || s.from == 24*60 {
		return s, "the hours of a window are not like 09:00-16:00"
	}
	if s.from == s.to {
		return s, "a window that begins when it ends; a whole day is 00:00-24:00"
	}
	if len(words) == 1 {
		return s, "no time zone"
	}
	var ok bool
	if s.zone, ok = zone(words[1]); !ok {
		return s, "the time zone is not known"
	}
	return s, ""
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// parseDays reads Mon, Mon-Thu and Mon,Wed-Fri; Sat-Mon goes over the weekend.
func (s *span) parseDays(text string) bool {
	for part := range strings.SplitSeq(strings.ToLower(text), ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		i, j := slices.Index(weekdays, first), slices.Index(weekdays, last)
		if i < 0 || j < 0 {
			return false
		}
		for ; ; i = (i + 1) % 7 {
			s.days[i] = true
			if i == j {
				break
			}
		}
	}
	return true
}

func parseClock(s string) (minutes int, ok bool) {
	if len(s) != 5 || s[2] != ':' {
		return 0, false
	}
	h, errH := strconv.ParseUint(s[:2], 10, 8)
	m, errM := strconv.ParseUint(s[3:], 10, 8)
	minutes = int(h)*60 + int(m)
	return minutes, errH == nil && errM == nil && m < 60 && minutes <= 24*60
}
