package config

import (
	"testing"
	"time"
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	got, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// Berlin's clocks go from 02:00 to 03:00 on 2026-03-29 and from 03:00 back to
// 02:00 on 2026-10-25.
func TestWindow(t *testing.T) {
	tests := []struct{ story, window, now, opens string }{
		{"open", "Mon-Thu 09:00-16:00 Europe/Berlin", "2026-03-23T08:00:00Z", "2026-03-23T08:00:00Z"},
		{"the end is outside", "Mon-Thu 09:00-16:00 Europe/Berlin", "2026-03-23T15:00:00Z", "2026-03-24T08:00:00Z"},
		{"over the weekend and the change to summer time", "Mon-Thu 09:00-16:00 Europe/Berlin", "2026-03-26T15:00:00Z", "2026-03-30T07:00:00Z"},
		{"over the change to winter time", "Mon-Thu 09:00-16:00 Europe/Berlin", "2026-10-22T14:00:00Z", "2026-10-26T08:00:00Z"},
		{"a skipped hour is no window", "02:00-03:00 Europe/Berlin", "2026-03-29T00:59:00Z", "2026-03-30T00:00:00Z"},
		{"the clocks jump into it", "02:30-04:00 Europe/Berlin", "2026-03-29T00:59:00Z", "2026-03-29T01:00:00Z"},
		{"an hour that comes twice, first", "Sun 02:00-03:00 Europe/Berlin", "2026-10-24T23:59:00Z", "2026-10-25T00:00:00Z"},
		{"an hour that comes twice, second", "Sun 02:00-03:00 Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25T01:30:00Z"},
		{"between the two", "Sun 02:30-03:00 Europe/Berlin", "2026-10-25T01:10:00Z", "2026-10-25T01:30:00Z"},
		{"the clocks go back into it", "Sun 02:00-02:30 Europe/Berlin", "2026-10-25T00:40:00Z", "2026-10-25T01:00:00Z"},
		{"over midnight, in the evening", "Fri 22:00-02:00 UTC", "2026-03-27T23:00:00Z", "2026-03-27T23:00:00Z"},
		{"over midnight, in the morning", "Fri 22:00-02:00 UTC", "2026-03-28T01:59:59Z", "2026-03-28T01:59:59Z"},
		{"over midnight, gone", "Fri 22:00-02:00 UTC", "2026-03-28T02:00:00Z", "2026-04-03T22:00:00Z"},
		{"the morning of its day is not in it", "Fri 22:00-02:00 UTC", "2026-03-27T01:00:00Z", "2026-03-27T22:00:00Z"},
		{"days over the weekend", "Sat-Mon 00:00-24:00 UTC", "2026-03-27T10:00:00Z", "2026-03-28T00:00:00Z"},
		{"single days", "Mon,Wed 10:00-11:00 UTC", "2026-03-23T12:00:00Z", "2026-03-25T10:00:00Z"},
		{"the earlier of two", "Mon 10:00-11:00 UTC, Mon 08:00-09:00 UTC", "2026-03-22T12:00:00Z", "2026-03-23T08:00:00Z"},
		{"always", "always", "2026-03-22T12:00:00Z", "2026-03-22T12:00:00Z"},
	}
	for _, test := range tests {
		t.Run(test.story, func(t *testing.T) {
			w, problem := parseWindow(test.window)
			if problem != "" {
				t.Fatal(problem)
			}
			now, opens := at(t, test.now), at(t, test.opens)
			if got := w.Open(now); got != now.Equal(opens) {
				t.Errorf("open: %v", got)
			}
			got := w.NextOpen(now)
			if !got.Equal(opens) {
				t.Errorf("opens %s, want %s", got.UTC(), opens)
			}
			if !w.Open(got) {
				t.Error("closed when it opens")
			}
		})
	}
}

// NextOpen agrees with asking Open of every minute, over both changes of the
// clocks and in zones whose clocks change by other amounts or at midnight.
func TestWindowNextOpenIsTheFirst(t *testing.T) {
	for _, text := range []string{
		"02:15-02:45 Europe/Berlin", "Sun 02:30-03:00 Europe/Berlin", "Sat 22:00-02:30 Europe/Berlin",
		"01:45-02:15 Australia/Lord_Howe", "00:00-00:30 Africa/Cairo",
	} {
		w, problem := parseWindow(text)
		if problem != "" {
			t.Fatal(problem)
		}
		for _, around := range []string{"2026-03-28T12:00:00Z", "2026-04-04T00:00:00Z", "2026-04-23T12:00:00Z", "2026-10-03T00:00:00Z", "2026-10-24T12:00:00Z", "2026-10-29T12:00:00Z"} {
			first := at(t, around)
			next := w.NextOpen(first)
			for m := first; m.Before(next) && m.Before(first.Add(60*time.Hour)); m = m.Add(time.Minute) {
				if w.Open(m) {
					t.Fatalf("%s is open at %s, NextOpen(%s) = %s", text, m, first, next)
				}
			}
		}
	}
}

func TestSchedule(t *testing.T) {
	tests := []struct{ story, cron, made, due string }{
		{"weekly", "0 9 * * Mon Europe/Berlin", "2026-03-23T12:00:00Z", "2026-03-30T07:00:00Z"},
		{"zone first", "CRON_TZ=Europe/Berlin 0 9 * * Mon", "2026-10-20T12:00:00Z", "2026-10-26T08:00:00Z"},
		{"daily, by name", "@daily UTC", "2026-03-23T12:00:00Z", "2026-03-24T00:00:00Z"},
		{"a skipped hour waits for the next day", "30 2 * * * Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-30T00:30:00Z"},
		{"leap day", "0 0 29 2 * UTC", "2026-03-23T12:00:00Z", "2028-02-29T00:00:00Z"},
	}
	for _, test := range tests {
		t.Run(test.story, func(t *testing.T) {
			s, problem := parseCron(test.cron)
			if problem != "" {
				t.Fatal(problem)
			}
			if got := s.Next(at(t, test.made)); !got.Equal(at(t, test.due)) {
				t.Errorf("due %s, want %s", got.UTC(), test.due)
			}
		})
	}
	made := at(t, "2026-03-23T12:00:00Z")
	if got := (Schedule{Every: 90 * 24 * time.Hour}).Next(made); !got.Equal(at(t, "2026-06-21T12:00:00Z")) {
		t.Errorf("maximum age: due %s", got)
	}
}

func TestFreezes(t *testing.T) {
	c, problems := Parse("k.yaml", []byte(`
instance: prod
stores: {vault: {}}
defaults:
  freeze:
    - {from: 2026-12-20, until: 2027-01-06, zone: Europe/Berlin, reason: year end}
    - {from: 2027-01-06 18:00, until: 2027-01-08 06:00, zone: UTC}
accounts: [{name: ci-training, team: ml, deliver: vault:a#b}]
`), Options{Env: testEnv})
	if c == nil {
		t.Fatal(problems)
	}
	f := c.Accounts[0].Freezes
	for now, opens := range map[string]string{
		"2026-12-19T22:59:59Z": "2026-12-19T22:59:59Z",
		"2026-12-19T23:00:00Z": "2027-01-08T06:00:00Z", // the second begins before the first ends
		"2027-01-06T22:59:00Z": "2027-01-08T06:00:00Z", // the last day is frozen
		"2027-01-08T06:00:00Z": "2027-01-08T06:00:00Z",
	} {
		if got := f.NextOpen(at(t, now)); !got.Equal(at(t, opens)) {
			t.Errorf("%s: opens %s, want %s", now, got, opens)
		}
		if got := f.Open(at(t, now)); got != (now == opens) {
			t.Errorf("%s: open %v", now, got)
		}
	}
	if on, ok := f.On(at(t, "2026-12-24T12:00:00Z")); !ok || on.Reason != "year end" {
		t.Errorf("on: %+v, %v", on, ok)
	}
}
