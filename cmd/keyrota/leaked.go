package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
)

// leak is what a person says of keys that others may know.
type leak struct {
	overlap string
	now     bool
	all     bool
	anew    bool
	wait    bool
	remove  []string // keys by id that nothing of ours explains, and that go
	keep    []string // the same, and that stay

	lasts time.Duration // overlap, parsed
}

func (l *leak) check(names []string) error {
	var err error
	switch {
	case l.now && l.overlap != "":
		return errors.New("--now waits for no overlap: write --now or --overlap, not both")
	case l.overlap != "":
		if l.lasts, err = config.ParseDuration(l.overlap); err != nil {
			return fmt.Errorf("--overlap %q: %w: write a duration like 30m, or 0", l.overlap, err)
		}
	}
	for _, id := range l.keep {
		if slices.Contains(l.remove, id) {
			return fmt.Errorf("key %s is under --delete and under --keep: write it under one of them", id)
		}
	}
	switch {
	case l.all && len(names) > 0:
		return errors.New("--all means every account: leave the names out, or --all")
	case !l.all && len(names) == 0:
		return errors.New("name the account whose key has leaked, like keyrota rotate --leaked ml-platform/nightly-eval, or write --all: keyrota whose --key-file - says whose a key is")
	}
	return nil
}

// stricken is one account in an emergency, as it stands when that is declared.
type stricken struct {
	account inventory.Account
	record  rotation.Record
	seen    rotation.Observed
	keys    []strickenKey
	at      time.Time // when the emergency was declared that this one adds to; zero: it is a new one
}

// rotateLeaked declares an emergency.
func (a *app) rotateLeaked(ctx context.Context, names []string, l leak, k consent) error {
	if err := l.check(names); err != nil {
		return err
	}
	s, err := a.open(ctx, a.ledgerFor(k))
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	accounts, err := s.concerned(ctx, names, l)
	if err != nil {
		return err
	}
	e := &emergency{app: a, s: s, leak: l, consent: k, at: a.now()}
	if e.accounts, err = e.look(ctx, accounts); err != nil {
		return err
	}
	if l.all {
		if err := e.goOn(ctx); err != nil {
			return err
		}
	}
	if err := e.assign(); err != nil {
		return err
	}
	if err := e.oneThing(); err != nil {
		return err
	}
	if err := e.agreed(ctx); err != nil {
		return err
	}
	return e.carryOut(ctx)
}

// emergency is one rotate --leaked at work.
type emergency struct {
	app      *app
	s        *system
	leak     leak
	consent  consent
	at       time.Time
	accounts []*stricken
	skipped  []string // lines about accounts that are left out, for people
}

// concerned returns the accounts of an emergency: those named, or with --all
// every one that keyrota rotates.
func (s *system) concerned(ctx context.Context, names []string, l leak) ([]inventory.Account, error) {
	if !l.all {
		return s.rotated(ctx, names)
	}
	var accounts []inventory.Account
	for _, account := range s.inventory.Accounts {
		if writable(account) == nil {
			accounts = append(accounts, account)
		}
	}
	if len(accounts) == 0 {
		return nil, errors.New("there is no account that keyrota rotates")
	}
	return accounts, nil
}

// look looks at the accounts as closely as their number allows. What cannot be
// seen is unknown, and no reason to wait.
func (e *emergency) look(ctx context.Context, accounts []inventory.Account) ([]*stricken, error) {
	all := make([]*stricken, len(accounts))
	if e.leak.all || e.s.ledger == nil {
		records, err := e.s.records(ctx)
		if err != nil {
			return nil, err
		}
		seen := e.s.observer.Sweep(ctx, accounts, records)
		for i, account := range accounts {
			all[i] = &stricken{account: account, record: records[account.Ref()], seen: seen[account.Ref()].AsFresh()}
		}
	} else {
		var g errgroup.Group
		g.SetLimit(readsAtOnce)
		for i, account := range accounts {
			g.Go(func() error {
				_, r, seen, err := e.app.closer(ctx, e.s, string(account.Ref()))
				all[i] = &stricken{account: account, record: r, seen: seen}
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return nil, err
		}
	}
	for _, one := range all {
		one.keys = one.list()
		if at := one.underWay(); !e.leak.anew {
			one.at = at
		}
	}
	return all, ctx.Err()
}

// oneThing refuses what would be taken for a word about the emergency under way
// alone: that its new keys have leaked too is said by itself.
func (e *emergency) oneThing() error {
	for _, one := range e.accounts {
		if !e.leak.anew || one.underWay().IsZero() {
			continue
		}
		if w, _ := e.wish(one); one.differs(w.request) {
			return fmt.Errorf("an emergency of %s is under way: say --anew with its own pace (%s) and without --delete and --keep, and then the rest with another rotate --leaked", one.account.Ref(), paceWords(one.said().Leak))
		}
	}
	return nil
}

func paceWords(l rotation.Leak) string {
	switch {
	case l.Now:
		return "--now"
	case l.Overlap > 0:
		return "--overlap " + span(l.Overlap)
	}
	return "neither --now nor --overlap"
}

// said is what is on record of the emergency: what nobody has taken up yet, or
// what is under way; its time is zero where there is none.
func (s *stricken) said() rotation.Request {
	if s.record.Request.Kind == rotation.RequestLeaked {
		return s.record.Request
	}
	return rotation.Request{At: s.record.Leak.At, Leak: s.record.Leak}
}

// underWay returns when the emergency was declared that is not over yet; zero:
// there is none.
func (s *stricken) underWay() time.Time { return s.said().At }

// differs reports whether a request says more than what is on record.
func (s *stricken) differs(q rotation.Request) bool {
	before := s.said()
	more := func(now, before []rotation.KeyID) bool {
		return slices.ContainsFunc(now, func(k rotation.KeyID) bool { return !slices.Contains(before, k) })
	}
	return more(q.Keys, before.Keys) || more(q.Leak.Keep, before.Leak.Keep) ||
		q.Leak.Now != before.Leak.Now || q.Leak.Overlap != before.Leak.Overlap
}

// pace is how fast the old keys of an account go: as said now or, where nothing
// is, as the emergency under way has it.
func (e *emergency) pace(one *stricken) rotation.Leak {
	if one.at.IsZero() || e.leak.now || e.leak.overlap != "" {
		return rotation.Leak{Overlap: e.leak.lasts, Now: e.leak.now}
	}
	return one.said().Leak
}

// wish is the request that is put on record for one account, and false where
// an emergency is under way and nothing more is said about it.
func (e *emergency) wish(one *stricken) (wish, bool) {
	w := e.app.newWish(one.account, rotation.RequestLeaked, e.consent)
	w.all = e.leak.all
	w.request.At = e.at
	pace := e.pace(one)
	w.request.Leak = rotation.Leak{Overlap: pace.Overlap, Now: pace.Now}
	for _, key := range one.keys {
		switch {
		case key.fate == fateDelete:
			w.request.Keys = append(w.request.Keys, key.id)
		case key.fate == fateKeep && !slices.Contains(one.record.Leak.Keep, key.id): // what stays already goes on to
			w.request.Leak.Keep = append(w.request.Leak.Keep, key.id)
		}
	}
	if one.at.IsZero() {
		return w, true
	}
	w.request.At = one.at // the same emergency
	return w, one.differs(w.request)
}

// carryOut puts the emergency on record, for every account first, so that
// whoever goes on finds all of it; then it is carried out.
func (e *emergency) carryOut(ctx context.Context) error {
	var accounts []inventory.Account
	for i, one := range e.accounts {
		if w, said := e.wish(one); said {
			if err := e.s.request(ctx, w); err != nil {
				if ctx.Err() != nil {
					return e.interrupted(i)
				}
				return err
			}
		}
		accounts = append(accounts, one.account)
	}
	var err error
	if e.leak.wait {
		err = e.app.follow(ctx, e.s, accounts)
	} else {
		err = e.app.carryOut(ctx, e.s, accounts)
		if engines, unasked := e.s.engines(ctx); unasked == nil && len(engines) > 0 {
			e.app.warn("If the daemon hangs, stop it and run this again: then it is done here.")
		}
	}
	if ctx.Err() != nil {
		return e.interrupted(len(accounts))
	}
	return err
}

// interrupted says what is on record when a person stopped an emergency.
func (e *emergency) interrupted(recorded int) error {
	text := "interrupted: the emergency is on record"
	if recorded < len(e.accounts) {
		text = fmt.Sprintf("interrupted: the emergency is on record of %d of %s", recorded, count(len(e.accounts), "account"))
	}
	return errors.New(text + "; a daemon, keyrota sync or the same command again goes on with it")
}

// agreed says what will happen, asks about keys that nothing explains, and
// returns nil if a person agrees.
func (e *emergency) agreed(ctx context.Context) error {
	if err := e.consent.check(); err != nil {
		return err
	}
	for _, one := range e.accounts {
		if e.leak.all {
			continue
		}
		e.app.warn("%s", one.heading())
		one.table(e.app)
		if !e.consent.yes && terminal(e.app.stdin) {
			if err := one.decide(ctx, e.app); err != nil {
				return err
			}
		}
	}
	c := change{does: strings.Join(e.does(), "\n"), word: string(e.accounts[0].account.Ref())}
	if n := len(e.accounts); n > 1 {
		c.word = count(n, "account")
	}
	return e.app.confirm(ctx, e.consent, c)
}

// does says what will happen, in lines.
func (e *emergency) does() []string {
	var lines []string
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, line := range e.skipped {
		say("%s", line)
	}
	begun := 0
	for _, one := range e.accounts {
		if !one.at.IsZero() && !e.leak.all {
			say("An emergency of %s is under way since %s, and goes on; --anew says that the newest key has leaked too.", one.account.Ref(), localTime(one.at))
		}
		if one.at.IsZero() {
			begun++
		}
	}
	if e.leak.all && begun > 0 {
		say("Every key of %s is taken for leaked.", count(begun, "account"))
	}
	if age := e.oldest(); e.leak.all && begun > 0 && age < time.Hour {
		say("The keys that readers have now were made within the last %s.", span(age))
	}
	if begun > 0 {
		say("A new key is made and delivered now, whatever schedule, window and freeze say.")
	}
	deadline := e.accounts[0].account.Policy.WriteDeadline
	switch pace := e.pace(e.accounts[0]); {
	case pace.Now:
		say("Every other key is deleted at once, when one destination that can be read back holds the new one.")
	case pace.Overlap > deadline:
		say("Every other key is deleted %s after all destinations hold the new one.", span(pace.Overlap))
	default:
		say("Every other key is deleted %s after all destinations hold the new one, since a write may land so late; --now does not wait.", span(deadline))
	}
	e.overrides(say)
	e.breaks(say)
	if n := e.undecided(); n > 0 && !e.leak.all {
		say("It is not over before you have said of %s above: --delete KEY or --keep KEY.", count(n, "key"))
	} else if n > 0 {
		say("%s that nothing on record explains will be left: keyrota rotate --leaked ACCOUNT asks about each.", count(n, "key"))
	}
	return lines
}

// breaks says who is cut off.
func (e *emergency) breaks(say func(string, ...any)) {
	const most = 12 // lines about destinations
	shown, more := 0, 0
	for _, one := range e.accounts {
		for _, d := range rotation.Breaks(one.account.Spec, one.record, one.seen) {
			if shown++; shown > most {
				more++
				continue
			}
			h := one.seen.Holding(d)
			words := one.account.Standing(one.record, h, d).String()
			if why := whyStands(one.account.Standing(one.record, h, d), h); why != "" {
				words += ": " + why
			}
			switch {
			case e.pace(one).Now:
				say("  BREAKS %s of %s (%s): its readers hold a key that is deleted", d, one.account.Ref(), words)
			default:
				say("  %s of %s cannot be delivered to now (%s): no key of it is deleted meanwhile; --now breaks it", d, one.account.Ref(), words)
			}
		}
	}
	if more > 0 {
		say("  and %s more: keyrota status names them", count(more, "destination"))
	}
	say("Jobs that run with an old key stop logging to W&B then, and train on: restart them once they read the new one.")
	if len(e.accounts) == 1 {
		say("  used by %s", usedBy(e.accounts[0].account))
	}
}

// oldest is the age of the oldest key that readers have; that of one whose age
// nobody knows is taken for long.
func (e *emergency) oldest() time.Duration {
	var age time.Duration
	for _, one := range e.accounts {
		age = max(age, e.app.now().Sub(one.record.Offer.Issued))
	}
	return age
}

// overrides says which freezes an emergency does not heed.
func (e *emergency) overrides(say func(string, ...any)) {
	var told []string
	for _, one := range e.accounts {
		for _, f := range e.s.frozen(one.account, e.app.now()) {
			if words := f.words(); !slices.Contains(told, words) {
				told = append(told, words)
				say("  overrides: %s", words)
			}
		}
	}
}
