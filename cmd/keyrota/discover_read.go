package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// sight is all that was seen.
type sight struct {
	sources []sourceView
	found   []*foundKey
	unread  []unreadView
}

// foundKey is one value in one place that may be a key.
type foundKey struct {
	candidate
	listed providers.Listed
	mark   rotation.Mark
	owner  string // who seems to keep the place, for people

	identity providers.Identity // where err is nil
	err      error              // why there is none
}

const (
	readsAtOnce = 8 // secrets read at a time, of all stores
	asksAtOnce  = 4 // keys asked about at a time
)

// read lists and reads the secrets, and keeps of them what may be a key.
func (d *discovery) read(ctx context.Context, places []below) sight {
	var s sight
	var mu sync.Mutex
	read := map[string]bool{} // by physical place: prefixes may overlap, and stores be the same
	for _, place := range places {
		all, source := d.list(ctx, place)
		s.sources = append(s.sources, source)
		all = slices.DeleteFunc(all, func(l providers.Listed) bool {
			id := d.stores[place.store].Identity(rotation.Destination{Store: place.store, Path: l.Path})
			again := read[id]
			read[id] = true
			return again
		})
		d.tell("reading %s below %s", count(len(all), "secret"), place)
		var g errgroup.Group
		g.SetLimit(readsAtOnce)
		for n, l := range all {
			if ctx.Err() != nil {
				break
			}
			g.Go(func() error {
				at := rotation.Destination{Store: place.store, Path: l.Path}
				var value providers.Secret
				err := d.call.Read(ctx, place.store, "read", func(ctx context.Context) (err error) {
					value, err = d.stores[place.store].Read(ctx, at, "")
					return err
				})
				mu.Lock()
				defer mu.Unlock()
				if d.progress.live && n%50 == 0 {
					d.tell("reading %d of %s below %s", n, count(len(all), "secret"), place)
				}
				switch {
				case err != nil && providers.KindOf(err) == providers.NotFound: // deleted meanwhile
				case err != nil:
					s.unread = append(s.unread, unreadView{at.String(), err.Error()})
				default:
					for _, c := range candidates(at, value) {
						s.found = append(s.found, &foundKey{candidate: c, listed: l, owner: l.Owner})
					}
				}
				return nil
			})
		}
		_ = g.Wait()
	}
	slices.SortFunc(s.found, func(a, b *foundKey) int {
		return cmp.Or(cmp.Compare(a.at.String(), b.at.String()), cmp.Compare(a.name, b.name))
	})
	slices.SortFunc(s.unread, func(a, b unreadView) int { return cmp.Compare(a.Secret, b.Secret) })
	return s
}

// list returns what a store lists, and whether that is all.
func (d *discovery) list(ctx context.Context, place below) ([]providers.Listed, sourceView) {
	d.tell("listing %s", place)
	call := d.call
	call.Timeout *= 10 // it goes through many pages
	var all []providers.Listed
	err := call.Read(ctx, place.store, "list", func(ctx context.Context) error {
		all = nil
		return d.stores[place.store].List(ctx, place.prefix, func(l providers.Listed) error {
			all = append(all, l)
			return nil
		})
	})
	source := sourceView{Store: place.store, Prefix: place.prefix, Secrets: len(all)}
	if err != nil {
		source.Why = err.Error()
	}
	return all, source
}

// ask asks the platform about each distinct value once.
func (d *discovery) ask(ctx context.Context, s *sight) {
	byValue := map[[sha256.Size]byte][]*foundKey{}
	for _, f := range s.found {
		sum := sha256.Sum256([]byte(f.value.Expose()))
		byValue[sum] = append(byValue[sum], f)
	}
	d.tell("asking W&B about %s", count(len(byValue), "value"))
	var g errgroup.Group
	g.SetLimit(asksAtOnce)
	for _, same := range byValue {
		g.Go(func() error {
			var id providers.Identity
			err := d.call.Read(ctx, "issuer", "identify", func(ctx context.Context) (err error) {
				id, err = d.identifier.Identify(ctx, same[0].value)
				return err
			})
			for _, f := range same {
				f.identity, f.err = id, err
			}
			return nil
		})
	}
	_ = g.Wait()
}

// marks looks who keeps the places where keys are.
func (d *discovery) marks(ctx context.Context, s *sight) {
	byStore := map[string]map[rotation.Destination][]*foundKey{}
	for _, f := range s.found {
		if f.err != nil {
			continue
		}
		if byStore[f.at.Store] == nil {
			byStore[f.at.Store] = map[rotation.Destination][]*foundKey{}
		}
		byStore[f.at.Store][f.at] = append(byStore[f.at.Store][f.at], f)
	}
	for name, places := range byStore {
		var all []rotation.Destination
		for at := range places {
			all = append(all, at)
		}
		slices.SortFunc(all, func(a, b rotation.Destination) int { return strings.Compare(a.String(), b.String()) })
		call := d.call
		call.Timeout *= 10
		err := call.Read(ctx, name, "observe", func(ctx context.Context) error {
			return d.stores[name].Observe(ctx, all, func(at rotation.Destination, h rotation.Holding) error {
				for _, f := range places[at] {
					f.mark, f.owner = h.Mark, cmp.Or(h.Owner, f.owner)
				}
				return nil
			})
		})
		if err != nil {
			s.unread = append(s.unread, unreadView{name, "who keeps the secrets in it: " + err.Error()})
		}
	}
}

// lastRead is for people; empty where the store does not tell.
func (f *foundKey) lastRead() string {
	if f.listed.LastRead.IsZero() {
		return ""
	}
	return f.listed.LastRead.UTC().Format(time.DateOnly)
}
