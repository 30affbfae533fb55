package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
)

// estateView is what a person needs to run an account without keyrota.
type estateView struct {
	Account      string            `json:"account"`
	ID           string            `json:"id,omitempty"` // the platform's
	Owner        string            `json:"owner,omitempty"`
	Purpose      string            `json:"purpose,omitempty"`
	UsedBy       []string          `json:"used_by,omitempty"`
	Keys         []estateKeyView   `json:"keys"`
	Unlisted     string            `json:"unlisted,omitempty"` // why the platform did not list its keys
	Destinations []estatePlaceView `json:"destinations"`
}

// estateKeyView is one key of an account.
type estateKeyView struct {
	Key   string `json:"key"`
	Label string `json:"label,omitempty"`
	Is    string `json:"is"` // what it is
}

// estatePlaceView is one secret, and the key in it.
type estatePlaceView struct {
	Destination string `json:"destination"`
	Key         string `json:"key,omitempty"` // which is in it, by its mark
	Seen        string `json:"seen"`          // delivered, edited, absent, not ours or unknown
	Words       string `json:"words,omitempty"`
}

// whatLivesWhere looks at everything that belongs to some accounts.
func (s *system) whatLivesWhere(ctx context.Context, refs []rotation.Ref, records map[rotation.Ref]rotation.Record) ([]estateView, error) {
	views := make([]estateView, len(refs))
	var g errgroup.Group
	g.SetLimit(s.config.Workers)
	for i, ref := range refs {
		g.Go(func() (err error) {
			defer providers.Guard(&err)
			account, _ := s.wantedOrFormer(ref)
			views[i] = s.estate(ctx, account, records[ref])
			return nil
		})
	}
	return views, g.Wait()
}

func (s *system) estate(ctx context.Context, account inventory.Account, r rotation.Record) estateView {
	v := estateView{Account: string(account.Ref()), ID: string(r.Account), Keys: []estateKeyView{}, Destinations: []estatePlaceView{}}
	if c := account.Config; c != nil {
		v.Owner, v.Purpose, v.UsedBy = c.Owner, c.Purpose, c.UsedBy
	}
	listing := rotation.Listing{Words: "the account was never found at the platform"}
	if r.Account != "" {
		listing = s.observer.List(ctx, account, r, providers.Secret{})
	}
	v.Unlisted = listing.Words
	labels := map[rotation.KeyID]string{}
	for _, k := range listing.Keys {
		labels[k.ID] = string(k.Label)
	}
	add := func(key rotation.KeyID, e rotation.Edition, is string) {
		if key == "" {
			return
		}
		if r.Leaked > 0 && e <= r.Leaked {
			is += "; others may know it, so replace it"
		}
		label, listed := labels[key]
		if listing.Complete && !listed {
			is += "; the platform does not list it, so it is deleted"
		}
		delete(labels, key)
		v.Keys = append(v.Keys, estateKeyView{string(key), label, is})
	}
	add(r.Offer.Key, r.Offer.Edition, "what readers should have")
	for _, o := range r.Old {
		is := "an old one, kept for its overlap: delete it when no reader has it any more"
		if o.Condemned {
			is = "an old one that was about to be deleted: delete it"
		}
		add(o.Key, o.Edition, is)
	}
	for _, k := range listing.Keys {
		if _, left := labels[k.ID]; left {
			add(k.ID, r.Leaked+1, "not keyrota's, or made and never given to readers: for you to judge")
		}
	}
	for _, held := range s.observer.Look(ctx, account, r) {
		h := held.Holding
		p := estatePlaceView{Destination: held.Destination.String(), Seen: h.State.String(), Words: h.Words}
		if h.Mark.Account == r.Account && h.Mark.Instance == s.config.Instance {
			p.Key = string(h.Mark.Key)
		} else if standing := account.Standing(r, h, held.Destination); standing == rotation.StandsForeign {
			p.Seen, p.Words = standing.String(), whyStands(standing, h)
		}
		v.Destinations = append(v.Destinations, p)
	}
	return v
}

func (a *app) printEstate(views []estateView) error {
	return a.print(struct {
		Accounts []estateView `json:"accounts"`
	}{views}, func(w io.Writer) {
		for _, v := range views {
			_, _ = fmt.Fprintf(w, "%s\n", v.Account)
			facts := [][2]string{{"id", v.ID}, {"owner", v.Owner}, {"purpose", v.Purpose}, {"used by", strings.Join(v.UsedBy, ", ")}, {"keys not listed", v.Unlisted}}
			if v.Owner == "" {
				facts[1][1] = "not known: it went with the account from the configuration"
			}
			for _, f := range facts {
				if f[1] != "" {
					_, _ = fmt.Fprintf(w, "  %s: %s\n", f[0], f[1])
				}
			}
			var keys, places [][]string
			for _, k := range v.Keys {
				keys = append(keys, []string{k.Key, orDash(k.Label), k.Is})
			}
			for _, p := range v.Destinations {
				places = append(places, []string{p.Destination, orDash(p.Key), strings.TrimSuffix(p.Seen+": "+p.Words, ": ")})
			}
			if len(keys) > 0 {
				table{indent: 2, header: []string{"KEY", "LABEL", "WHAT"}, rows: keys}.write(w, a.width())
			}
			if len(places) > 0 {
				table{indent: 2, header: []string{"DESTINATION", "KEY", "SEEN"}, rows: places}.write(w, a.width())
			}
			_, _ = fmt.Fprintln(w)
		}
	})
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
