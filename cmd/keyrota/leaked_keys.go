package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

// strickenKey is one key of an account in an emergency.
type strickenKey struct {
	id      rotation.KeyID
	label   rotation.Label
	edition rotation.Edition
	issued  time.Time
	fate    fate
	what    string
}

// fate is what becomes of a key in an emergency.
type fate uint8

const (
	fateOurs   fate = iota // ours: replaced and deleted
	fateOpen               // not ours, and nobody has said
	fateDelete             // not ours, and confirmed by id
	fateKeep               // not ours, and kept by id
)

// list returns every key of the account that is known: those that the platform
// lists, and where it does not answer those on record.
func (s *stricken) list() []strickenKey {
	r := s.record
	var keys []strickenKey
	add := func(k rotation.Key) {
		key := strickenKey{id: k.ID, label: k.Label}
		if _, _, e, at, ok := k.Label.Parts(); ok {
			key.edition, key.issued = e, at
		}
		old := slices.IndexFunc(r.Old, func(o rotation.Old) bool { return o.Key == k.ID })
		switch {
		case k.ID == r.Offer.Key:
			key.edition, key.issued, key.what = r.Offer.Edition, r.Offer.Issued, "readers have it"
		case old >= 0:
			key.edition, key.issued, key.what = r.Old[old].Edition, r.Old[old].Issued, "an old one"
		case k.Label != "" && (k.Label == r.Intent.Label || slices.ContainsFunc(r.Abandoned, func(a rotation.Abandoned) bool { return a.Label == k.Label })):
			key.what = "never given to anyone"
		default:
			key.fate, key.what = fateOpen, "NOT KEYROTA'S"
			if k.Label != "" {
				key.what += fmt.Sprintf(" (%s)", label(k.Label))
			}
			switch said := s.said(); {
			case slices.Contains(said.Leak.Keep, k.ID):
				key.fate = fateKeep
			case slices.Contains(said.Keys, k.ID):
				key.fate = fateDelete
			}
		}
		keys = append(keys, key)
	}
	if s.seen.Listing.Complete {
		for _, k := range s.seen.Listing.Keys {
			add(k)
		}
		return keys
	}
	if r.Offer.Key != "" {
		add(rotation.Key{ID: r.Offer.Key})
	}
	for _, old := range r.Old {
		add(rotation.Key{ID: old.Key})
	}
	return keys
}

// heading is above the table of keys.
func (s *stricken) heading() string {
	if s.seen.Listing.Complete {
		return fmt.Sprintf("%s has %s (when each was last used, W&B shows in its API Keys tab alone):", s.account.Ref(), count(len(s.keys), "key"))
	}
	why := s.seen.Listing.Words
	if why == "" {
		why = "no live key of the account can be read back to list them with"
	}
	return fmt.Sprintf("The keys of %s cannot be listed now (%s). On record are %d. The emergency is put on record all the same; keys that are found then wait for your word:", s.account.Ref(), why, len(s.keys))
}

// table prints the keys for a person, beside the question.
func (s *stricken) table(a *app) {
	rows := make([][]string, 0, len(s.keys))
	for _, key := range s.keys {
		edition := "-"
		if key.edition > 0 {
			edition = fmt.Sprint(key.edition)
		}
		created := "unknown"
		if !key.issued.IsZero() {
			created = localTime(key.issued)
		}
		becomes := map[fate]string{fateOurs: "deleted", fateOpen: "for you to say", fateDelete: "deleted, as you say", fateKeep: "kept, as you say"}[key.fate]
		if key.fate == fateOurs && s.replacedBy(key) {
			becomes = "made since the leak, and stays"
		}
		rows = append(rows, []string{string(key.id), edition, created, key.what + ": " + becomes})
	}
	table{indent: 2, header: []string{"KEY", "EDITION", "CREATED", "WHAT"}, rows: rows}.write(a.stderr, widthOf(a.stderr))
}

// replacedBy reports whether the emergency under way made this key, and it is
// not said to have leaked too.
func (s *stricken) replacedBy(key strickenKey) bool {
	return !s.at.IsZero() && s.at.Equal(s.record.Leak.At) && key.edition > s.record.Leaked
}

// decide asks about each key that nothing explains.
func (s *stricken) decide(ctx context.Context, a *app) error {
	for i, key := range s.keys {
		if key.fate != fateOpen {
			continue
		}
		a.warn("Key %s was not made by keyrota. Whoever holds a leaked key can make more.", key.id)
		answer, err := a.ask(ctx, "Type delete, keep or later: ")
		switch {
		case err != nil:
			return err
		case answer == "delete":
			s.keys[i].fate = fateDelete
		case answer == "keep":
			s.keys[i].fate = fateKeep
		case answer != "later":
			return fmt.Errorf("nothing was changed: %q is none of delete, keep and later", answer)
		}
	}
	return nil
}

// undecided counts the keys of which nobody has said what becomes of them.
func (e *emergency) undecided() int {
	n := 0
	for _, one := range e.accounts {
		for _, key := range one.keys {
			if key.fate == fateOpen {
				n++
			}
		}
	}
	return n
}

// assign gives --delete and --keep to the accounts that the keys are of.
func (e *emergency) assign() error {
	for _, said := range []struct {
		flag string
		ids  []string
		fate fate
	}{{"--delete", e.leak.remove, fateDelete}, {"--keep", e.leak.keep, fateKeep}} {
		for _, id := range said.ids {
			if err := e.mark(said.flag, rotation.KeyID(id), said.fate); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *emergency) mark(flag string, id rotation.KeyID, f fate) error {
	unlisted := ""
	for _, one := range e.accounts {
		for i, key := range one.keys {
			switch {
			case key.id != id:
				continue
			case key.fate == fateOurs && f == fateKeep:
				return fmt.Errorf("--keep %s: it is keyrota's own key of %s, and may have leaked: it is replaced and deleted", id, one.account.Ref())
			case key.fate == fateOurs:
				return nil // it goes anyhow
			}
			one.keys[i].fate = f
			return nil
		}
		if !one.seen.Listing.Complete {
			unlisted = string(one.account.Ref())
		}
	}
	if unlisted != "" {
		return fmt.Errorf("%s %s: the keys of %s cannot be listed now, so whose it is cannot be seen: leave it out and say it later", flag, id, unlisted)
	}
	return fmt.Errorf("%s %s: none of these accounts has such a key: the ids are those of keyrota rotate --leaked and keyrota status", flag, id)
}
