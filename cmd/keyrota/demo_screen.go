package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// screen tells what happens, each thing on a line with the seconds since the
// start, and how far things are: on a terminal in one line at the bottom that
// is written again and again, elsewhere in a line now and then.
type screen struct {
	app    *app
	out    io.Writer
	begun  time.Time
	live   bool // the last line can be written again
	bottom bool // it is there
	plain  time.Time
}

// newScreen writes to standard output, and where that is for data to standard
// error.
func newScreen(a *app) *screen {
	s := &screen{app: a, out: a.stdout, begun: a.now()}
	if a.output == outputJSON || a.output == outputYAML {
		s.out = a.stderr
	}
	s.live = terminal(s.out)
	s.plain = s.begun.Add(plainEvery)
	return s
}

const (
	whoWidth   = 15 // the longest name of the quickstart's accounts
	lineIndent = 8 + whoWidth + 2
	plainEvery = 5 * time.Second
)

func (s *screen) elapsed() string {
	return fmt.Sprintf("%5.1fs", s.app.now().Sub(s.begun).Seconds())
}

// heading begins a part of the story.
func (s *screen) heading(text string) {
	s.clear()
	for i, part := range wrap(text, s.width()) {
		if i == 0 {
			part = "\n" + part
		}
		s.write(part + "\n")
	}
}

// line tells what someone did.
func (s *screen) line(who, text string) {
	s.clear()
	begin := fmt.Sprintf("%s  %-*s  ", s.elapsed(), whoWidth, who)
	for _, part := range wrap(text, s.width()-utf8.RuneCountInString(begin)) {
		s.write(begin + part + "\n")
		begin = strings.Repeat(" ", lineIndent)
	}
}

// progress says how far things are.
func (s *screen) progress(text string) {
	now := s.app.now()
	switch {
	case s.live:
		line := s.elapsed() + "  " + text
		if room := s.width() - 1; room > 0 && utf8.RuneCountInString(line) > room {
			line = string([]rune(line)[:room])
		}
		s.write("\r\x1b[K" + line)
		s.bottom = true
	case !now.Before(s.plain):
		s.line("readers", text)
		s.plain = now.Add(plainEvery)
	}
}

// clear takes the bottom line away.
func (s *screen) clear() {
	if s.bottom {
		s.write("\r\x1b[K")
		s.bottom = false
	}
}

// write shows text; a screen that is gone is no reason to stop half way.
func (s *screen) write(text string) { _, _ = io.WriteString(s.out, text) }

// width is the terminal's, 0 where there is none: nothing is wrapped then.
func (s *screen) width() int {
	if !s.live {
		return 0
	}
	return (&app{stdout: s.out}).width()
}
