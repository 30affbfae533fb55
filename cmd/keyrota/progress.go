package main

import (
	"fmt"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
)

// progress tells on standard error what is done, one line for each event as it
// is put on record; standard output is for the result alone. On a terminal a
// last line says how far things are.
type progress struct {
	app     *app
	live    bool // a line can be taken back
	names   int  // width of the longest account
	lock    sync.Mutex
	pending int
	ready   int
	events  map[rotation.Ref][]rotation.Event
}

func newProgress(a *app, accounts []inventory.Account) *progress {
	p := &progress{app: a, live: terminal(a.stderr), events: map[rotation.Ref][]rotation.Event{}}
	for _, account := range accounts {
		p.names = max(p.names, utf8.RuneCountInString(string(account.Ref())))
	}
	return p
}

// say shows text on the last line of a terminal, in place of what was there.
func (p *progress) say(text string) {
	if p.live {
		_, _ = fmt.Fprint(p.app.stderr, "\r\x1b[K"+text)
	}
}

// end takes the last line away.
func (p *progress) end() { p.say("") }

// start says how many accounts there is something to do for.
func (p *progress) start(pending int) {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.pending = pending
	p.far()
}

func (p *progress) far() {
	text := ""
	if p.pending > 1 {
		text = fmt.Sprintf("%d of %s done", p.ready, count(p.pending, "account"))
	}
	p.say(text)
}

// saved tells one event.
func (p *progress) saved(ref rotation.Ref, e rotation.Event) {
	text := describe(e)
	if e.Kind == rotation.EventParked {
		text = "parked: a person must act" // the result has the words
	}
	p.lock.Lock()
	defer p.lock.Unlock()
	p.events[ref] = append(p.events[ref], e)
	p.say("")
	at := localTime(p.app.now())
	if p.live {
		at = p.app.now().Local().Format(time.TimeOnly)
	}
	table{
		header: []string{at, fmt.Sprintf("%-*s", p.names, ref), text},
	}.write(p.app.stderr, widthOf(p.app.stderr))
	p.far()
}

// done counts an account and returns what was told of it.
func (p *progress) done(ref rotation.Ref) []rotation.Event {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.ready++
	p.far()
	told := p.events[ref]
	delete(p.events, ref)
	return told
}
