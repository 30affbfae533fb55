package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/pace"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/ledger"
)

// service is one secrets manager of the bench.
type service interface {
	name() string             // of the store in the configuration
	block() string            // of the configuration
	environment() []string    // for the program
	destination(i int) string // of the i-th account
	open(*pace.Paces) (providers.SecretStore, error)
	reset() // calls forgotten, published quotas in force
	traffic() traffic
	read(i int) string // what a reader of the i-th account finds
	close()
}

// world is the servers of one run, and a directory for the program.
type world struct {
	dir      string
	accounts int
	road     *meter
	platform *platform
	services []service
}

var errNoVault = errors.New("no Vault server on this machine: make vault builds one")

func newWorld(ctx context.Context, dir string, accounts, stores int) (w *world, err error) {
	w = &world{dir: dir, accounts: accounts, road: &meter{}}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.platform, err = newPlatform(ctx, w.road, accounts); err != nil {
		return w, err
	}
	for _, start := range []func(context.Context, *meter) (service, error){newAWS, newAzure, newVault}[:stores] {
		s, err := start(ctx, w.road)
		if err != nil {
			return w, err
		}
		w.services = append(w.services, s)
	}
	return w, nil
}

func (w *world) close() {
	for _, s := range w.services {
		s.close()
	}
	if w.platform != nil {
		w.platform.close()
	}
}

func (w *world) configuration(every string, workers int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "instance: bench\nledger: ledger.db\nlisten: off\nmax_rotations_per_day: 100%%\nworkers: %d\n", workers)
	fmt.Fprintf(&b, "wandb: {url: %q, organization: acme, admin_key: env:WANDB_ADMIN_KEY}\n", w.platform.url)
	fmt.Fprintf(&b, "defaults: {every: %s, overlap: 24h, owner: bench}\nstores:\n", every)
	for _, s := range w.services {
		fmt.Fprintf(&b, "  %s: %s\n", s.name(), s.block())
	}
	b.WriteString("accounts:\n")
	for i := range w.accounts {
		fmt.Fprintf(&b, "  - {name: %s, team: %s, deliver: [", accountName(i), teamName(i))
		for n, s := range w.services {
			if n > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "%q", s.name()+":"+s.destination(i))
		}
		b.WriteString("]}\n")
	}
	return b.String()
}

func (w *world) environment() []string {
	all := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "TZ=UTC", "WANDB_ADMIN_KEY=" + adminKey,
	}
	for _, name := range []string{"GOGC", "GOMEMLIMIT", "GODEBUG"} { // to try them
		if value, ok := os.LookupEnv(name); ok {
			all = append(all, name+"="+value)
		}
	}
	for _, s := range w.services {
		all = append(all, s.environment()...)
	}
	return all
}

// fill brings everything into the state that keyrota leaves behind: each
// account with one key, delivered everywhere, on record as agreed.
func (w *world) fill(ctx context.Context) error {
	c, problems := config.Parse("keyrota.yaml", []byte(w.configuration("90d", 1)), config.Options{})
	if err := problems.Err(); err != nil {
		return err
	}
	stores := map[string]providers.SecretStore{}
	for _, s := range w.services {
		store, err := s.open(&pace.Paces{Unlimited: true})
		if err != nil {
			return err
		}
		stores[s.name()] = store
	}
	l, err := ledger.Open(ctx, filepath.Join(w.dir, "ledger.db"), ledger.Options{Instance: c.Instance, By: "bench", Now: time.Now})
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }()
	inv, err := inventory.Build(c, inventory.Providers{
		Stores: stores, Abilities: func(rotation.Account) inventory.Abilities { return inventory.Abilities{Admin: true} },
	}, l.ID())
	if err != nil {
		return err
	}
	group, delivering := errgroup.WithContext(ctx)
	const atOnce = 8
	group.SetLimit(atOnce)
	for i, a := range inv.Accounts {
		group.Go(func() error { return w.deliver(delivering, l, stores, i, a) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	// A rotation has gone over these stores before: none goes first alone.
	for _, a := range inv.Accounts[:min(1, len(inv.Accounts))] {
		if err := errors.Join(l.Begin(ctx, a.Ref(), a.Lanes), l.Prove(ctx, a.Ref(), time.Now().Add(time.Hour), a.Lanes)); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) deliver(ctx context.Context, l *ledger.Ledger, stores map[string]providers.SecretStore, i int, a inventory.Account) error {
	id, key, value := w.platform.first(i)
	issued := time.Now().Add(-time.Hour)
	r := rotation.Record{Account: id, Seq: 1, Offer: rotation.Offer{Edition: 1, Key: key, Issued: issued}, Agreed: issued}
	for _, want := range a.Wants {
		d := want.Destination
		payload, err := a.Format(d).Render(value)
		if err != nil {
			return err
		}
		mark := rotation.Mark{Instance: a.Instance, Ledger: a.Ledger, Account: id, Edition: 1, Key: key, Shape: want.Shape}
		nothing := rotation.Holding{State: rotation.StateAbsent, Fresh: true}
		if _, err := stores[d.Store].Put(ctx, d, payload, mark, nothing); err != nil {
			return err
		}
		r.Dests = append(r.Dests, d)
	}
	_, err := l.Save(ctx, a.Ref(), r, 0)
	return err
}

// reset has the servers count from here on, each behind a round trip.
func (w *world) reset(rtt time.Duration) {
	w.platform.reset()
	for _, s := range w.services {
		s.reset()
	}
	w.road.reset(rtt)
}

func (w *world) traffic() []traffic {
	all := []traffic{w.platform.traffic()}
	for _, s := range w.services {
		all = append(all, s.traffic())
	}
	return all
}

// check holds what came of a pass against what should.
func (w *world) check(pass string) error {
	w.road.reset(0)
	for i := range w.accounts {
		_, first, _ := w.platform.first(i)
		for _, s := range w.services {
			id, live := w.platform.server.KeyID(s.read(i))
			if rotated := id != string(first); !live || rotated != (pass == "rotation") {
				return fmt.Errorf("a reader of %s finds key %q at %s: live %v", accountName(i), id, s.name(), live)
			}
		}
	}
	for _, t := range w.traffic() {
		if pass == "steady" && t.values > 0 {
			return fmt.Errorf("%s was asked for %d values", t.service, t.values)
		}
	}
	return nil
}

// listen serves a handler on loopback until the returned function is called.
func listen(ctx context.Context, h http.Handler) (url string, stop func(), err error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }()
	return "http://" + l.Addr().String(), func() { _ = server.Close() }, nil
}
