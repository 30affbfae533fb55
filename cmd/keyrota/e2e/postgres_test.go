package e2e

import (
	"sync"
	"testing"

	"github.com/keyrota/keyrota/providers/wandb/sandbox"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger/postgrestest"
)

// shared is a world whose ledger is in PostgreSQL, behind a network of its own.
type shared struct {
	*killer
	server *postgrestest.Server
	before *toxic
	direct string       // the ledger without the network before it
	up     sync.RWMutex // held while the database is down
}

func newShared(t *testing.T, command, accounts string, places []place) *shared {
	t.Helper()
	return newSharedOn(t, postgrestest.Start(t), command, accounts, places)
}

func newSharedOn(t *testing.T, server *postgrestest.Server, command, accounts string, places []place) *shared {
	t.Helper()
	s := &shared{server: server}
	w := newWorld(t, sandbox.KeysShown)
	s.direct = s.server.Fresh(t)
	s.before = newToxic(t, s.direct)
	w.ledger = `"${LEDGER}"`
	w.env = append(w.env, "LEDGER="+s.before.URL)
	s.killer = &killer{
		t: t, world: w, command: command, random: seeded(t), accounts: accounts, places: places, settings: w.configure,
		calm: func() { w.well(); s.before.heal() }, moments: map[string]int{}, labels: map[string]bool{},
		recorded: s.onRecord,
	}
	s.faults = []func(){s.platformFault, s.vaultFault, s.databaseFault, s.databaseFault}
	return s
}

// onRecord looks past the network.
func (s *shared) onRecord(label rotation.Label) bool {
	s.up.RLock()
	defer s.up.RUnlock()
	return recordedAt(s.t, s.direct, label)
}

// databaseFault lets the network before the database fail, until all is calm.
func (s *shared) databaseFault() {
	a := ailment{kind: "commit", towards: "upstream", attributes: map[string]any{"after": s.random.IntN(2) == 0, "skip": s.random.IntN(12)}}
	if s.random.IntN(2) == 0 {
		all := ailments()
		a = all[s.random.IntN(len(all))]
	}
	if s.random.IntN(3) > 0 {
		s.before.heal() // one at a time
		s.before.ail(a)
	}
}

// TestKillsOnPostgreSQL kills the program at random moments while its ledger is
// in PostgreSQL and the network before that is slow, swallows, cuts and resets,
// at COMMIT too, before the server has it and after.
func TestKillsOnPostgreSQL(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		command string
		kills   int
	}{{"sync", 15}, {"run", 15}} {
		t.Run(c.command, func(t *testing.T) {
			t.Parallel()
			s := newShared(t, c.command, restlessAccounts, restlessPlaces)
			s.kills, s.failing = c.kills, true
			if c.command == "run" {
				s.flags = []string{"--takeover", "1s"}
			}
			s.put("shared", foreign)
			s.play()
		})
	}
}
