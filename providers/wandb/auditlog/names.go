package auditlog

import "hash/maphash"

// names keeps the texts that were seen last, in a table that does not grow: a log
// has few accounts, teams and actions, and many entries. The zero value is ready.
type names struct {
	seed  maphash.Seed
	table *[4096]string
}

func (n *names) text(b []byte) string {
	const most = 128 // bytes; so the table has its bounds too
	if len(b) > most {
		return string(b)
	}
	if n.table == nil {
		n.seed, n.table = maphash.MakeSeed(), new([4096]string)
	}
	slot := &n.table[maphash.Bytes(n.seed, b)%uint64(len(n.table))]
	if *slot != string(b) {
		*slot = string(b)
	}
	return *slot
}
