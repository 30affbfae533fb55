package rotation

// useSettings are the worlds in which a run keeps an old key.
func useSettings(one func(string, string, budget) *setting, both func(string, string, budget, ...func(*setting)) []*setting) []*setting {
	goesOn := func(c *setting) {
		c.start, c.rotations, c.beats, c.mayPark, c.policy.MaxOverlap = training, 0, true, true, 4*oneTick
	}
	begins := func(c *setting) { goesOn(c); c.start, c.rotations, c.nonces = steady, 1, 1 }
	with := func(c *setting, more ...func(*setting)) *setting {
		for _, f := range more {
			f(c)
		}
		return c
	}
	all := []*setting{
		with(one("run", "a run that is older than the new key goes on", budget{crash: 1}), goesOn),
		with(one("run/unseen", "and whether it does cannot always be told", budget{unseen: 2}), goesOn),
		with(one("run/begins", "a run begins while a key is replaced", budget{run: 1}), begins),
		with(one("run/leak", "and the keys leak", budget{leak: 1}), goesOn),
		with(one("run/retire", "and a person gives it up", budget{retire: 1}), goesOn),
	}
	return append(all, both("run", "a run that is older than the new key goes on", budget{}, goesOn)...)
}

// offSettings are the worlds in which the configuration switches the account off,
// and on again.
func offSettings(one func(string, string, budget) *setting, both func(string, string, budget, ...func(*setting)) []*setting) []*setting {
	off := func(c *setting) {
		c.start, c.rotations, c.mayPark = retiring, 0, true
		c.wants, c.states = [][]int8{{0, 1}, {0, 1}}, []AccountState{Active, Quarantined}
	}
	single := func(c *setting) { off(c); c.wants = [][]int8{{0}, {0}} }
	removed := func(c *setting) { c.states[1] = Removed }
	frozen := func(c *setting) {
		c.wants, c.states, c.frozen = append(c.wants, c.wants[0]), append(c.states, Quarantined), []bool{false, false, true}
	}
	watched := func(c *setting) { c.watched = true }
	merged := func(c *setting) { c.merged = true }
	with := func(c *setting, more ...func(*setting)) *setting {
		for _, f := range more {
			f(c)
		}
		return c
	}
	all := []*setting{
		with(one("off", "the account is switched off, and on again", budget{config: 2, crash: 1}), off),
		with(one("off/lost", "and an answer is lost", budget{config: 1, lost: 1}), off),
		with(one("off/partial", "and listings break off", budget{config: 1, partial: 1, unseen: 1}), off),
		with(one("off/frozen", "and a freeze begins", budget{config: 2}), off, frozen),
		with(one("off/used", "and somebody uses it", budget{config: 2, use: 1}), off, watched),
		with(one("off/minted", "and somebody makes a key", budget{config: 1, mint: 1}), off),
		with(one("off/rotate", "while a person asks for a rotation", budget{config: 1, rotate: 1}), off),
		with(one("off/leak", "while the keys leak", budget{config: 1, leak: 1}), off),
		with(one("off/clock", "and our clock jumps, and back", budget{config: 1, jump: 2}), off),
		with(one("off/loss", "and the ledger is lost", budget{config: 1, loss: 1}), off, func(c *setting) { c.findings = true }),
		with(one("off/removed", "the account is removed", budget{config: 2, crash: 1}), off, removed),
		with(one("off/removed/lost", "and answers are lost", budget{config: 1, lost: 2}), off, removed),
	}
	for _, cs := range [][]*setting{
		both("off", "the account is switched off, and on again", budget{config: 2}, single, merged),
		both("off/rotate", "while a person asks for a rotation", budget{config: 1, rotate: 1}, single, merged, func(c *setting) { c.start, c.nonces, c.vast = steady, 1, c.cas[0] }),
	} {
		all = append(all, cs...)
	}
	return all
}
