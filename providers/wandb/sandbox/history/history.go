// Package history makes years of use of many service accounts on a sandbox, and says what is true of each: how it was
// used, whether that can be seen, and which findings are right about it. So what keyrota finds can be held against it.
//
//	h := history.Make(1, now, 500)
//	server, err := sandbox.New(h.Seed, sandbox.Options{Now: …})
//	text := h.Config(history.Setting{URL: url, …})
//
// Everything follows from the seed number, the time and the number of accounts. The package imports nothing of keyrota
// but the sandbox: codes of findings are plain words here.
package history

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

// Years is how long ago a history begins.
const Years = 2

// The names that every history has.
const (
	Organization = "acme"
	Instance     = "prod" // in the labels of keys
	AdminKey     = "local-CANARYHISTORYADMIN-0123456789-0123456789-0123456789"
)

const day = 24 * time.Hour

// Truth is what is so about one account, whatever can be seen of it.
type Truth struct {
	Ref      string // as the configuration names it: team/name, or organization//name
	Name     string
	Team     string // of organization scope: the default team
	Scope    sandbox.Scope
	Kind     Kind
	ID       string // the platform's; empty: it is not there
	Username string
	KeyID    string
	Key      string // the value of the key that it has now
	Managed  bool   // it is in the configuration
	// Delivered is when it was first given a key, Issued when the key that it has was made.
	Delivered, Issued time.Time
	Last              time.Time // its last use that left a trace at the platform; zero: never
	Read              time.Time // when a job last read its key where it is delivered; zero: never
	CopyRead          time.Time // the same of a second place, for Copied accounts
	Codes             []string  // the findings that are right about it, sorted
	Also              []string  // findings that are neither right nor wrong
	// Unknown says that some of its use leaves no trace that can be seen: it must never be called unused.
	Unknown bool
}

// History is what happened on a sandbox.
type History struct {
	Now      time.Time
	Seed     sandbox.Seed
	Truths   []Truth
	accounts []*account
}

// Make makes the history of a number of accounts up to now. Each kind of account is there at least once, so that there
// may be some more than asked for.
func Make(seed uint64, now time.Time, accounts int) *History {
	now = now.UTC().Truncate(time.Second)
	g := &generator{
		// Repeatable, not secret: the keys are no better than their names say.
		rand: rand.New(rand.NewPCG(seed, 0)), //nolint:gosec // see above
		now:  now, begin: now.AddDate(-Years, 0, 0), projects: map[string]bool{},
		h: &History{Now: now, Seed: sandbox.Seed{
			Organization: Organization, Settings: sandbox.Settings{Keys: sandbox.KeysHashed, KeyPrefix: "local"},
		}},
	}
	all := shares(accounts)
	g.rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	g.addPeople(len(all))
	for i, k := range all {
		a := g.newAccount(i, k)
		k.make(g, a)
		g.place(a)
		g.h.accounts = append(g.h.accounts, a)
	}
	g.finish()
	return g.h
}

// shares returns the kind of each account, by the kinds' weights.
func shares(accounts int) []kind {
	kinds := kinds()
	total := 0
	for _, k := range kinds {
		total += k.weight
	}
	var all []kind
	for _, k := range kinds[1:] {
		all = append(all, slices.Repeat([]kind{k}, max(1, k.weight*accounts/total))...)
	}
	// The first kind, the usual one, fills up.
	return append(slices.Repeat(kinds[:1], max(1, accounts-len(all))), all...)
}

type generator struct {
	h        *History
	rand     *rand.Rand
	now      time.Time
	begin    time.Time
	projects map[string]bool // team/name of those that are there
	ids      int
}

func (g *generator) id(kind string) string {
	g.ids++
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s:%d", kind, g.ids))
}

// ago is a time between two numbers of days ago.
func (g *generator) ago(from, to int) time.Time {
	return g.now.Add(-time.Duration(from)*day - time.Duration(g.rand.Int64N(int64(max(1, to-from))*int64(day))))
}

// finish puts everything into the order in which it happened.
func (g *generator) finish() {
	for _, a := range g.h.accounts {
		slices.Sort(a.Codes)
		g.h.Truths = append(g.h.Truths, a.Truth)
	}
	slices.SortStableFunc(g.h.Seed.Runs, func(a, b sandbox.Run) int { return a.CreatedAt.Compare(b.CreatedAt) })
	slices.SortStableFunc(g.h.Seed.AuditLog, func(a, b sandbox.AuditEntry) int { return a.Timestamp.Compare(b.Timestamp) })
	g.h.Seed.NextID = g.ids
}
