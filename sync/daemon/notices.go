package daemon

import (
	"log/slog"
	"sync"

	"github.com/keyrota/keyrota/rotation"
)

// notices logs what is in the way, once for each change of words and not once
// for each try, and when it is over.
type notices struct {
	log  *slog.Logger
	lock sync.Mutex
	said map[notice]string // the words that hold now
}

// notice is what words are about: one account, or a part of the engine.
type notice struct {
	account rotation.Ref
	part    string
}

// The parts of the engine that can be in trouble.
const (
	noticeSweep    = "the sweep"
	noticeEvents   = "following the ledger"
	noticeQueue    = "the queue"
	noticeWatchdog = "the watchdog"
	noticeReplica  = "the ledger shared with other replicas"
	noticeSurvey   = "what people are told of"
	noticeConfig   = "the configuration"
)

func newNotices(log *slog.Logger) *notices {
	return &notices{log: log, said: map[notice]string{}}
}

// saved logs an event that was saved.
func (d *Daemon) saved(ref rotation.Ref, e rotation.Event) {
	log := d.log.Info
	switch e.Kind {
	case rotation.EventParked, rotation.EventIssueFailed, rotation.EventAbandoned, rotation.EventGone, rotation.EventStrange, rotation.EventLeaked:
		log = d.log.Warn
	}
	attrs := []any{slog.String("account", string(ref))}
	if e.Edition != 0 {
		attrs = append(attrs, slog.Uint64("edition", uint64(e.Edition)))
	}
	for _, a := range []struct{ name, value string }{
		{"key", string(e.Key)}, {"label", string(e.Label)}, {"words", e.Words},
	} {
		if a.value != "" {
			attrs = append(attrs, slog.String(a.name, a.value))
		}
	}
	if e.Destination != (rotation.Destination{}) {
		attrs = append(attrs, slog.String("destination", e.Destination.String()))
	}
	log(string(e.Kind), attrs...)
	if e.Kind == rotation.EventParked {
		d.notices.told(notice{account: ref}, e.Words)
	}
}

// told notes that words were logged otherwise.
func (n *notices) told(about notice, words string) {
	n.lock.Lock()
	defer n.lock.Unlock()
	n.said[about] = words
}

// waits takes down what an account waits for.
func (n *notices) waits(ref rotation.Ref, r rotation.Record, wait rotation.Action) {
	words := ""
	switch {
	case r.Parked != "":
		words = r.Parked
	case wait.Overdue:
		words = wait.Why
	}
	n.say(n.log.Warn, notice{account: ref}, words)
}

// failed takes down that an account could not be worked on at all.
func (n *notices) failed(ref rotation.Ref, err error) {
	n.say(n.log.Error, notice{account: ref}, err.Error())
}

// about takes down how a part of the engine is; nil: well.
func (n *notices) about(part string, err error) {
	words := ""
	if err != nil {
		words = err.Error()
	}
	n.say(n.log.Error, notice{part: part}, words)
}

func (n *notices) say(log func(msg string, args ...any), about notice, words string) {
	n.lock.Lock()
	was := n.said[about]
	if words == "" {
		delete(n.said, about)
	} else {
		n.said[about] = words
	}
	n.lock.Unlock()
	if words == was {
		return
	}
	attr := slog.String("part", about.part)
	if about.account != "" {
		attr = slog.String("account", string(about.account))
	}
	if words == "" {
		n.log.Info("nothing is in the way any more", attr)
		return
	}
	log("something is in the way", attr, slog.String("why", words))
}

// keep forgets the accounts that are not wanted any more.
func (n *notices) keep(wanted func(rotation.Ref) bool) {
	n.lock.Lock()
	defer n.lock.Unlock()
	for about := range n.said {
		if about.account != "" && !wanted(about.account) {
			delete(n.said, about)
		}
	}
}
