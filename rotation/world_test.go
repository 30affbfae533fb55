package rotation

import (
	"fmt"
	"strconv"
	"time"
)

// The world that the explorer and the simulation share: a ledger, a platform,
// some secrets in stores, and processes that run the real Next and the real
// procedures effect by effect. A world is a plain value: copying it forks it.
// What it points to is never changed.
type world struct {
	c   *setting
	now int // ticks since the epoch

	rec    *Record
	rev    int  // never used twice, not even by a restored ledger
	ledger int8 // which ledger it is
	backup *Record

	keys    [maxKeys]apiKey
	made    int // how many of keys were ever made
	nonces  int
	secrets [maxDests]secret
	flights [maxFlights]flight
	procs   [maxProcs]process

	gone   bool // the platform has the account no more
	taken  bool // because we took it out of its team
	runs   [maxRuns]run
	warned int  // since when the account's owner is warned
	used   bool // somebody uses the account that is to be switched off
	// Only in the simulation:
	skew   int              // how many ticks our clock is ahead of the platform's
	before [maxDests]secret // as it was before it last changed
	since  [maxDests]int    // and when that was
	tally  map[string]int   // what happened how often; nil: nobody counts

	cfg  int8 // which of the setting's configurations is wanted
	left budget

	broken string // the promise that broke, in words; empty: none
	log    *trace // nil unless somebody reads along
}

const (
	maxKeys    = 20
	maxDests   = 4
	maxProcs   = 3
	maxFlights = 2
	oldest     = 3 // versions before the current one that are kept at most
)

const oneTick = 10 * time.Minute

func at(tick int) time.Time {
	return time.Date(2030, 1, 7, 9, 0, 0, 0, time.UTC).Add(time.Duration(tick) * oneTick)
}

// setting is what stays the same in one world.
type setting struct {
	name  string
	story string
	start func(*world)

	procs     int
	cas       [maxDests]bool // the store has compare-and-set, and marks that are not atomic
	dests     int            // how many destinations there are in all
	wants     [][]int8       // the configurations: which destinations are wanted
	shape     []Shape        // by configuration; empty: the same
	rotations int            // keys that the schedule asks for
	nonces    int            // labels at most: beyond lies the horizon
	policy    Policy
	writeOnly [maxDests]bool
	noAdmin   bool
	newLedger bool // a lost ledger comes back under another id
	fresh     bool // the account's first key is shown by the platform
	budget    budget
	older     int  // versions before the current one that can be read
	merged    bool // a pass lists and looks in one moment
	late      bool // the listing that was asked for before the looks is answered after them
	mayPark   bool // a person is asked for: that is an end too
	vast      bool // only explored when there is all the time in the world
	small     bool // also explored with -short
	leaks     []leakWords
	wild      bool           // whatever is about to be done may fail
	slots     int            // live keys that the platform allows the account; 0: any
	frozen    []bool         // by configuration
	beats     bool           // the platform tells of runs
	states    []AccountState // by configuration; empty: active
	watched   bool           // the use of the account is known
	findings  bool           // keys with labels that nothing explains may be left for people
}

// budget is how often each thing may still go wrong, or be asked for.
type budget struct {
	crash, lost, refused          int8
	loss, backup, restore         int8
	rotate, rollback, leak        int8
	mint, retire, vanish          int8
	hand, partial, unseen, config int8
	removed, run, use             int8
	// Only in the simulation:
	unmark, foreign, down       int8
	erase, rename, raise, lag   int8
	jump, unverified, throttled int8
}

type apiKey struct {
	label   Label
	dead    bool
	ours    bool // the platform made it at our request
	offered bool
	doomed  bool // a record that was saved condemns it
	known   bool // a person said that others may know it, or one of those made it
	asked   bool // its overlap is what was asked for with the leak
	soon    bool // a person let its readers be broken
	cut     bool // deleted so
	named   bool // a person named it to go
	kept    bool // a person named it to stay
	ended   bool // a person ended its overlap
	by      death
	born    int
	died    int
	renamed bool            // a person took its label away
	forged  bool            // a person gave it a label like ours
	held    [maxDests]int16 // last tick at which a destination held it; -1: never
}

type death uint8

const (
	byNobody death = iota
	retired
	discarded
	byPerson
	switchedOff
)

// What a secret's version may hold besides the index of a key.
const (
	nothing int8 = -1 - iota
	garbage
	someoneElses
	pruned
)

type secret struct {
	n       int // number of the current version; 0: there is none
	values  [oldest + 1]int8
	byHand  bool // a person wrote the current version
	marked  bool
	mark    mark
	of      int // version that the mark speaks of; 0: of none
	unknown bool
	// unrecorded: it had left the configuration when the ledger was lost, and
	// nothing tells of it any more.
	unrecorded bool
}

// mark is a Mark in small.
type mark struct {
	edition Edition
	key     int8
	ledger  int8
	shape   Shape
}

// flight is a write that was sent and whose sender is gone.
type flight struct {
	up       bool
	dest     int8
	value    int8
	mark     mark
	seen     int
	deadline int
}

const accountID AccountID = "a"

func keyID(i int8) KeyID { return KeyID("k" + strconv.Itoa(int(i))) }

func keyIndex(k KeyID) int8 {
	if k == "" {
		return nothing
	}
	n, err := strconv.Atoi(string(k[1:]))
	if err != nil {
		return nothing
	}
	return int8(n)
}

func ledgerID(i int8) string { return string(rune('L')) + strconv.Itoa(int(i)) }

func ledgerIndex(s string) int8 { return int8(s[1] - '0') }

var destinations = [maxDests]Destination{
	{Store: "s0", Path: "p"}, {Store: "s1", Path: "p"}, {Store: "s2", Path: "p"}, {Store: "s3", Path: "p"},
}

func destIndex(d Destination) int8 { return int8(d.Store[1] - '0') }

func version(n int) Version {
	if n == 0 {
		return ""
	}
	return Version(strconv.Itoa(n))
}

func versionNumber(v Version) int {
	n, _ := strconv.Atoi(string(v))
	return n
}

func (m mark) full() Mark {
	return Mark{
		Instance: "prod", Ledger: ledgerID(m.ledger), Account: accountID,
		Edition: m.edition, Key: keyID(m.key), Shape: m.shape,
	}
}

// oncePerOverlap has a key due when it is as old as the overlap, until the
// setting's number was made.
type oncePerOverlap struct{ overlap time.Duration }

func (s oncePerOverlap) Next(t time.Time) time.Time { return t.Add(s.overlap) }

// shut is a freeze that nobody knows the end of.
type shut struct{}

func (shut) Open(time.Time) bool          { return false }
func (shut) NextOpen(time.Time) time.Time { return time.Time{} }

// clock is what our clocks show.
func (w *world) clock() time.Time { return at(w.now + w.skew) }

// spec is what process p wants, by the configuration it was started with.
func (w *world) spec(p *process) Spec {
	s := Spec{
		Account:  Account{Ref: "ml/ci", Name: "ci", ID: accountID, Scope: ScopeTeam, Team: "ml"},
		Instance: "prod", Ledger: ledgerID(p.ledger), Policy: w.c.policy,
		Admin: !w.c.noAdmin, FirstKey: w.c.fresh, Beats: w.c.beats, Force: !w.c.watched, QuarantineWait: 2 * oneTick,
	}
	if len(w.c.states) > 0 {
		s.State = w.c.states[p.cfg]
	}
	if w.c.wild {
		s.QuarantineWait = 6 * oneTick
	}
	if len(w.c.frozen) > 0 && w.c.frozen[p.cfg] {
		s.Policy.Freeze = shut{}
	}
	if w.nonces < w.c.rotations {
		s.Policy.Schedule = oncePerOverlap{w.c.policy.Overlap}
	}
	shape := Shape("raw")
	if len(w.c.shape) > 0 {
		shape = w.c.shape[p.cfg]
	}
	for _, d := range w.c.wants[p.cfg] {
		s.Wants = append(s.Wants, Want{Destination: destinations[d], Shape: shape, Readable: !w.c.writeOnly[d]})
	}
	return s
}

// violate records the first promise that breaks.
func (w *world) violate(format string, args ...any) {
	if w.broken == "" {
		w.broken = fmt.Sprintf(format, args...)
		w.say(-1, "BROKEN: %s", w.broken)
	}
}

// trace is what people read of a run.
type trace struct{ lines []string }

func (w *world) say(p int, format string, args ...any) {
	if w.log == nil {
		return
	}
	who := "          "
	if p >= 0 {
		who = fmt.Sprintf("process %d ", p)
	}
	w.log.lines = append(w.log.lines, fmt.Sprintf("t=%-3d %s%s", w.now, who, fmt.Sprintf(format, args...)))
}

// steady is the world most settings start from: an adopted key that bears no
// label, delivered everywhere long ago.
func steady(w *world) {
	w.addKey("", false)
	w.keys[0].offered, w.keys[0].born = true, -100
	r := &Record{
		Account: accountID, Seq: 1, Offer: Offer{Edition: 1, Key: keyID(0)}, Agreed: at(-100),
	}
	for _, d := range w.c.wants[0] {
		r.Dests = append(r.Dests, destinations[d])
		s := &w.secrets[d]
		s.n, s.values[0], s.marked, s.of = 1, 0, true, 1
		s.mark = mark{edition: 1, key: 0, shape: "raw"}
	}
	w.rec = r
}

// born is an account that nothing was ever done for; the platform shows its
// first key.
func born(w *world) {
	w.addKey("", false)
	w.rec = &Record{}
}

// retiring is a world in which a rotation has just been agreed.
func retiring(w *world) {
	steady(w)
	w.addKey(NewLabel("prod", accountID, 2, at(-3), "a"), true)
	w.nonces++
	w.keys[1].offered, w.keys[1].born = true, -3
	r := w.rec.Clone()
	r.Seq, r.Offer, r.Agreed = 2, Offer{Edition: 2, Key: keyID(1), Issued: at(-3)}, at(0)
	r.Old = []Old{{Key: keyID(0), Edition: 1}}
	w.rec = &r
	for _, d := range w.c.wants[0] {
		s := &w.secrets[d]
		s.n, s.of, s.values = 2, 2, [oldest + 1]int8{1, 0, nothing, nothing}
		s.mark = mark{edition: 2, key: 1, shape: "raw"}
	}
}

func newWorld(c *setting) *world {
	w := &world{c: c, left: c.budget, rec: &Record{}, rev: 1}
	for i := range w.keys {
		for d := range w.keys[i].held {
			w.keys[i].held[d] = -1
		}
	}
	for i := range w.secrets {
		for j := range w.secrets[i].values {
			w.secrets[i].values[j] = nothing
		}
	}
	for i := range w.procs {
		w.procs[i].mem, w.procs[i].auth = nothing, nothing
	}
	c.start(w)
	for d := range w.secrets {
		if v := w.secrets[d].values[0]; v >= 0 {
			w.keys[v].held[d] = 0
		}
	}
	return w
}

func (w *world) addKey(l Label, ours bool) int8 {
	i := w.made
	w.made++
	w.keys[i].label, w.keys[i].ours, w.keys[i].born = l, ours, w.now
	return int8(i)
}
