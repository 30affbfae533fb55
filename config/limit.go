package config

import (
	"strconv"
	"strings"
)

// RotationLimit says how many rotations may begin by schedule in 24 hours: a
// number of them, or a part of the accounts.
type RotationLimit struct {
	Number  int
	Percent int // of the accounts that are rotated; 0 when Number is used
}

// defaultRotationPercent lets three hundred keys of 90 days rotate as they fall
// due, and stops a change that makes all of them due at once.
const defaultRotationPercent = 10

// Of returns how many that is of a number of accounts: one at least.
func (l RotationLimit) Of(accounts int) int {
	if l.Percent == 0 {
		return max(1, l.Number)
	}
	return max(1, accounts*l.Percent/100)
}

// String returns it as written.
func (l RotationLimit) String() string {
	if l.Percent == 0 {
		return strconv.Itoa(l.Number)
	}
	return strconv.Itoa(l.Percent) + "%"
}

func (l *RotationLimit) decodeNode(d *decoder, n *node) {
	const hint = "write a number from 1 on, or a part of the accounts from 1% to 100%; a freeze: stops rotations altogether"
	if !d.wants(n, kindScalar, hint) {
		return
	}
	text, percent := strings.CutSuffix(n.text, "%")
	count, err := strconv.ParseUint(text, 10, 31)
	switch {
	case err != nil || count == 0 || percent && count > 100:
		d.fault(n, "not a limit of rotations", hint)
	case percent:
		l.Percent = int(count)
	default:
		l.Number = int(count)
	}
}

// RotationLimit returns how many rotations may begin by schedule in 24 hours.
func (c *Config) RotationLimit() int {
	rotated := 0
	for _, a := range c.Accounts {
		if a.Manage == Rotate {
			rotated++
		}
	}
	return c.MaxRotations.Of(rotated)
}
