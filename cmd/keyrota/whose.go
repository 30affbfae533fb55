package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
)

// whoseView is what is known of a key that was found somewhere: see OUTPUT.md.
type whoseView struct {
	Result  string       `json:"result"`
	Key     string       `json:"key,omitempty"`
	Label   string       `json:"label,omitempty"`
	Edition uint64       `json:"edition,omitempty"`
	Created *time.Time   `json:"created,omitempty"`
	Account string       `json:"account,omitempty"` // as the configuration or the record names it
	ID      string       `json:"id,omitempty"`
	Name    string       `json:"name,omitempty"`
	Team    string       `json:"team,omitempty"`
	Scope   string       `json:"scope,omitempty"`
	Owner   string       `json:"owner,omitempty"`
	Purpose string       `json:"purpose,omitempty"`
	UsedBy  []string     `json:"used_by,omitempty"`
	Readers []readerView `json:"readers,omitempty"`

	Credential string `json:"credential,omitempty"` // of keyrota's own, that it is
	Why        string `json:"why,omitempty"`        // what could not be seen
	Next       string `json:"next"`
}

// readerView is a destination of the account that the key is of.
type readerView struct {
	Destination string `json:"destination"`
	Holds       string `json:"holds"` // yes, no or unknown: this very key
	Words       string `json:"words,omitempty"`
}

// What a key can be.
const (
	whoseCurrent     = "current"     // readers are to have it
	whoseOld         = "old"         // it was offered, and works until its overlap is over
	whoseCondemned   = "condemned"   // its deletion was begun
	whoseUnoffered   = "unoffered"   // created by keyrota and given to nobody
	whoseUnexplained = "unexplained" // of an account that keyrota knows; nothing on record explains it
	whoseUnrecorded  = "unrecorded"  // of an account of the configuration of which nothing is on record
	whoseUnshown     = "unshown"     // of such an account; the platform does not show which key it is
	whoseUnmanaged   = "unmanaged"   // of a service account that keyrota does not know
	whosePersonal    = "personal"    // a person's
	whoseUndecided   = "undecided"   // the platform does not say whose kind of account it is
	whoseDead        = "dead"        // it does not work
	whoseUnverified  = "unverified"  // a destination holds it; the platform could not be asked
)

func newWhose(a *app) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "whose --key-file FILE",
		Short: "Whose a key is that was found somewhere, and who reads it",
		Long: `Asks W&B whose key it is, and says what is on record of it: account, label,
edition, age, whether readers still get it, and which destinations hold it. The
key is read from a file or, with -, from standard input, never from an argument,
and is never printed. Nothing is changed; the key is used once, to ask, and in
W&B's audit log that is a user:read of its account.

Where W&B does not answer, the destinations that can be read back are searched
for the very same value.

Exit codes: 0 known, also that it is dead; 3 in part; 1 not known.`,
		Example: `  keyrota whose --key-file -
  keyrota whose --key-file found.txt --output json`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return errors.New("a key never goes into an argument, and what was there is not repeated: if it was one, it is in the shell's history now and every process here could see it, so take it for leaked. Give it by --key-file FILE, or --key-file - for standard input")
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return errors.New("say where the key is: --key-file FILE, or --key-file - for standard input")
			}
			return a.whose(cmd.Context(), file)
		},
	}
	c.Flags().StringVar(&file, "key-file", "", "`FILE` with the key; - for standard input")
	return c
}

func (a *app) whose(ctx context.Context, file string) error {
	value, err := a.readKey(ctx, file)
	if err != nil {
		return fmt.Errorf("reading the key: %w", err)
	}
	s, err := a.open(ctx, ledgerRead)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	q := &question{app: a, s: s}
	if q.records, err = s.records(ctx); err != nil {
		a.warn("warning: nothing on record can be seen: %s", err)
		q.unread = err.Error()
	}
	v, err := q.answer(ctx, value)
	if err != nil {
		return err
	}
	if err := a.print(v, v.write(a)); err != nil {
		return err
	}
	if v.Why != "" {
		return &exitError{code: exitPartly}
	}
	return nil
}

// question is one whose at work.
type question struct {
	app     *app
	s       *system
	records map[rotation.Ref]rotation.Record
	unread  string // why there are none
}

func (q *question) answer(ctx context.Context, value providers.Secret) (whoseView, error) {
	identifier, ok := q.s.inventory.Issuer.(providers.Identifier)
	if !ok {
		return whoseView{}, errors.New("the platform cannot say whose a key is")
	}
	var id providers.Identity
	err := q.s.observer.Call.Read(ctx, inventory.IssuerService, "identify", func(ctx context.Context) (err error) {
		id, err = identifier.Identify(ctx, value)
		return err
	})
	switch {
	case err != nil && providers.KindOf(err) == providers.Denied:
		return whoseView{
			Result: whoseDead,
			Next:   "nothing: whoever has it can do nothing with it at " + q.s.config.WandB.URL + "; if it may be of another W&B server, ask there",
		}, nil
	case err != nil && ctx.Err() == nil:
		return q.search(ctx, value, err)
	case err != nil:
		return whoseView{}, err
	}
	v := whoseView{
		Key: string(id.Key), Label: label(id.Label),
		ID: string(id.Owner.ID), Name: id.Owner.Name, Team: id.Owner.Team, Scope: string(id.Owner.Scope),
	}
	if _, _, _, at, ok := id.Label.Parts(); ok {
		v.Created = moment(at)
	}
	ref := q.managed(id)
	if ref == "" {
		q.stranger(&v, id)
		if setting, at := q.own(ctx, value); setting != "" {
			v.acting(setting, at)
		}
		return v, nil
	}
	v.Account = string(ref)
	q.known(ctx, &v, ref, id.Key)
	return v, nil
}

// managed returns the account that an identity is on record or in the
// configuration as, and none if it is neither.
func (q *question) managed(id providers.Identity) rotation.Ref {
	for ref, r := range q.records {
		if id.Owner.ID != "" && r.Account == id.Owner.ID {
			return ref
		}
	}
	if known := configured(q.s.config, id); known != nil {
		return rotation.Ref(known.Ref)
	}
	return ""
}

// stranger says what to do with a key that is of no account of ours.
func (q *question) stranger(v *whoseView, id providers.Identity) {
	v.Why = q.unread
	byHand := "in W&B, an admin of its team deletes the key under API keys"
	switch {
	case id.Person:
		v.Result = whosePersonal
		v.Next = "tell this person: they delete it in W&B's user settings, API keys, and look at what was done with it; keyrota never touches a person's key"
	case id.Service:
		v.Result = whoseUnmanaged
		v.Next = "it is not in the configuration, so keyrota cannot rotate it: " + byHand
	default:
		v.Result = whoseUndecided
		v.Next = "W&B does not say whether this is a person or a service account of the organization, and it is not in the configuration: " + byHand + ", or the person themselves"
	}
}

// known says what is on record of a key of an account of ours.
func (q *question) known(ctx context.Context, v *whoseView, ref rotation.Ref, key rotation.KeyID) {
	r := q.records[ref]
	v.Why = q.unread
	v.standing(r, key)
	account, err := q.s.inventory.Find(string(ref))
	if err != nil {
		for _, d := range r.Dests {
			v.Readers = append(v.Readers, readerView{d.String(), "unknown", notLooked})
		}
		v.Next = "the account left the configuration: put it back, then: keyrota rotate --leaked " + string(ref)
		return
	}
	c := account.Config
	v.Owner, v.Purpose, v.UsedBy = c.Owner, c.Purpose, c.UsedBy
	q.readers(ctx, v, account, r, key)
	v.Next = "keyrota rotate --leaked " + string(ref)
	switch since := (&stricken{record: r}).underWay(); {
	case v.Result == whoseUnexplained:
		v.Next += " --delete " + string(key)
	case since.IsZero():
	case v.Result == whoseCurrent && r.Offer.Edition > r.Leaked:
		v.Next += " --anew (the emergency since " + localTime(since) + " replaced others by this one)"
	default:
		v.Next = "an emergency is under way since " + localTime(since) + ", and this key goes: keyrota status " + string(ref) + " says what it waits for"
	}
	if err := writable(account); err != nil {
		v.Next = err.Error() + "; or in W&B, an admin of its team deletes the key under API keys"
	}
}

// standing says what the record makes of a key.
func (v *whoseView) standing(r rotation.Record, key rotation.KeyID) {
	dated := func(edition rotation.Edition, at time.Time) {
		v.Edition = uint64(edition)
		if !at.IsZero() {
			v.Created = moment(at)
		}
	}
	old := slices.IndexFunc(r.Old, func(o rotation.Old) bool { return o.Key == key })
	switch {
	case key == "":
		v.Result = whoseUnshown
	case key == r.Offer.Key:
		v.Result = whoseCurrent
		dated(r.Offer.Edition, r.Offer.Issued)
	case old >= 0:
		v.Result = whoseOld
		if r.Old[old].Condemned {
			v.Result = whoseCondemned
		}
		dated(r.Old[old].Edition, r.Old[old].Issued)
	case v.Label != "" && (v.Label == string(r.Intent.Label) ||
		slices.ContainsFunc(r.Abandoned, func(a rotation.Abandoned) bool { return string(a.Label) == v.Label })):
		v.Result = whoseUnoffered
	case r.Offer.Key == "":
		v.Result = whoseUnrecorded
	default:
		v.Result = whoseUnexplained
	}
}

// readers says which destinations hold a key, by their marks.
func (q *question) readers(ctx context.Context, v *whoseView, account inventory.Account, r rotation.Record, key rotation.KeyID) {
	looking, cancel := context.WithTimeout(ctx, statusLooksFor)
	defer cancel()
	for _, held := range q.s.observer.Look(looking, account, r) {
		reader := readerView{Destination: held.Destination.String(), Holds: "no"}
		switch h := held.Holding; h.State {
		case rotation.StateUnknown:
			reader.Holds, reader.Words = "unknown", h.Words
			v.Why = "not every destination could be looked at"
		case rotation.StateMarked:
			if h.Mark.Key == key && key != "" {
				reader.Holds = "yes"
			}
		case rotation.StateBare, rotation.StateEdited:
			reader.Holds, reader.Words = "unknown", "changed by hand, or not written by keyrota"
		}
		v.Readers = append(v.Readers, reader)
	}
}
