package rotation

// leakSettings are the worlds in which a person says that others may know the
// account's keys, or ends an overlap. In them, whoever knows a key makes more.
func leakSettings(one func(string, string, budget) *setting, both func(string, string, budget, ...func(*setting)) []*setting) []*setting {
	late := func(c *setting) { c.start, c.rotations = retiring, 0 }
	steadily := func(c *setting) { c.rotations = 0 }
	parks := func(c *setting) { c.mayPark = true }
	asked := func(says ...leakWords) func(*setting) { return func(c *setting) { c.leaks = says } }
	now, slow := leakWords{now: true}, leakWords{overlap: 2}
	with := func(c *setting, more ...func(*setting)) *setting {
		for _, f := range more {
			f(c)
		}
		return c
	}
	all := []*setting{
		with(one("leak/now", "a person cannot wait for all destinations", budget{leak: 1, crash: 1}), late, asked(now)),
		with(one("leak/now+unseen", "a person cannot wait, and a store does not answer", budget{leak: 1, unseen: 2}), late, asked(now)),
		with(one("leak/now+lost", "a person cannot wait, and answers are lost", budget{leak: 1, lost: 2}), late, parks, asked(now)),
		with(one("leak/now+rotate", "a person cannot wait, and asks for a rotation", budget{leak: 1, rotate: 1}), steadily, asked(now)),
		with(one("leak/slow", "readers get the time that a person gives them", budget{leak: 1, crash: 1}), late, asked(slow)),
		with(one("leak/issuing", "the keys leak while one is issued", budget{leak: 1, rotate: 1}), steadily),
		with(one("leak/minted", "whoever knows a key makes another", budget{leak: 1, mint: 1}), late),
		with(one("leak/minted+now", "and a person cannot wait", budget{leak: 1, mint: 1}), late, asked(now)),
		with(one("leak/minted+partial", "and listings break off", budget{leak: 1, mint: 1, partial: 1}), late),
		with(one("leak/again", "the keys leak twice", budget{leak: 2}), steadily, asked(leakWords{}, now)),
		with(one("leak/rollback", "a person rolls back while the keys are replaced", budget{leak: 1, rollback: 1, crash: 1}), late),
		with(one("leak/removed", "whoever knows a key deletes others", budget{leak: 1, removed: 1}), late, parks),
		with(one("leak/hand", "a person writes a key by hand while the keys are replaced", budget{leak: 1, hand: 1}), steadily),
		with(one("leak/hand+minted", "a person writes a key by hand that somebody made", budget{leak: 1, mint: 1, hand: 1}), steadily, func(c *setting) { c.dests, c.wants, c.merged, c.nonces = 1, [][]int8{{0}}, true, 2 }),
		with(one("leak/restore", "the ledger is restored while the keys are replaced", budget{leak: 1, backup: 1, restore: 1}), steadily, func(c *setting) { c.findings = true }),
		with(one("leak/loss", "the ledger is lost while the keys are replaced", budget{leak: 1, loss: 1}), steadily, func(c *setting) { c.findings = true }),
		with(one("leak/refused", "creations are refused and denied while the keys are replaced", budget{leak: 1, refused: 2}), late, parks, asked(leakWords{}, now)),
		with(one("leak/leaves", "a destination leaves while the keys are replaced", budget{leak: 1, config: 1}), late, asked(leakWords{}, now), func(c *setting) { c.wants = [][]int8{{0, 1}, {0}, {}} }),
		with(one("leak/gone", "the account is gone while the keys are replaced", budget{leak: 1, vanish: 1}), late, parks),
		one("lag", "the platform's listing lags behind", budget{lag: 2}),
		one("clock", "our clock jumps, and back", budget{jump: 2}),
		with(one("minted", "somebody makes a key", budget{mint: 2, crash: 1}), late),
		with(one("retire", "a person ends an overlap", budget{retire: 1, crash: 1}), late, func(c *setting) { c.policy.Overlap = 4 * oneTick }),
		with(one("retire+rollback", "a person ends an overlap, and rolls back", budget{retire: 1, rollback: 1}), late, func(c *setting) { c.policy.Overlap = 4 * oneTick }),
		with(one("retire+rotate", "a person ends an overlap, and asks for a rotation", budget{retire: 1, rotate: 1}), late, func(c *setting) { c.policy.Overlap = 4 * oneTick }),
	}
	for _, cs := range [][]*setting{
		both("leak/now", "a person cannot wait for all destinations", budget{leak: 1}, late, asked(now)),
		both("leak/minted", "whoever knows a key makes another", budget{leak: 1, mint: 1}, late, func(c *setting) { c.merged, c.vast = true, c.cas[0] }),
		both("leak/rollback", "a person rolls back while the keys are replaced", budget{leak: 1, rollback: 1}, late, func(c *setting) { c.vast = c.cas[0] }),
		both("retire", "a person ends an overlap", budget{retire: 1}, late, func(c *setting) { c.policy.Overlap = 4 * oneTick }),
		both("retire+rollback", "a person ends an overlap, and rolls back", budget{retire: 1, rollback: 1}, late, func(c *setting) { c.policy.Overlap = 4 * oneTick }),
	} {
		all = append(all, cs...)
	}
	return all
}
