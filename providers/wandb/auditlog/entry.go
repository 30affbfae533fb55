package auditlog

import (
	"encoding/binary"
	"encoding/json"
	"math/bits"
	"time"
	"unicode/utf8"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// The fields of an entry that are kept (W&B docs, audit logs).
const (
	fieldAction    = "action"
	fieldActor     = "actor_user_id"
	fieldTarget    = "user_asset"
	fieldTeam      = "entity_name"
	fieldProject   = "project_name"
	fieldStatus    = "response_code"
	fieldTimestamp = "timestamp"
)

// exact reads an entry with encoding/json. It reports false of what is no JSON
// object, or has no time. In what form ids are is not public: a number is as
// good as a text.
func exact(b []byte) (providers.AuditEntry, bool) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(b, &fields) != nil {
		return providers.AuditEntry{}, false
	}
	text := func(field string) (s string) {
		_ = json.Unmarshal(fields[field], &s) // of another type: not known
		return s
	}
	id := func(field string) rotation.AccountID {
		var n json.Number
		_ = json.Unmarshal(fields[field], &n)
		if s := text(field); s != "" {
			return rotation.AccountID(s)
		}
		return rotation.AccountID(n)
	}
	at, err := time.Parse(time.RFC3339, text(fieldTimestamp))
	if err != nil || at.IsZero() {
		return providers.AuditEntry{}, false
	}
	e := providers.AuditEntry{
		At: at.UTC(), Action: text(fieldAction), Actor: id(fieldActor), Target: id(fieldTarget),
		Team: text(fieldTeam), Project: text(fieldProject),
	}
	_ = json.Unmarshal(fields[fieldStatus], &e.Status)
	return e, true
}

// quick reads the entry that b begins with, and returns its length. It returns 0
// for whatever is not plain (escapes, nested values, fractions, broken JSON), and
// for an entry that is not in b to its end: what it reads, exact reads the same.
func quick(b []byte, e *providers.AuditEntry, names *names) int {
	if len(b) == 0 || b[0] != '{' {
		return 0
	}
	i := 1
	for {
		i = blank(b, i)
		key, n := quoted(b, i)
		if n == 0 {
			return 0
		}
		i = blank(b, i+n)
		if i >= len(b) || b[i] != ':' {
			return 0
		}
		i = blank(b, i+1)
		if i >= len(b) {
			return 0
		}
		switch b[i] {
		case '"':
			value, n := quoted(b, i)
			switch {
			case n == 0 && !kept(key):
				n = escaped(b, i)
			case n > 0 && !keep(e, key, value, names):
				n = 0
			}
			if n == 0 {
				return 0
			}
			i += n
		case 'n', 't', 'f':
			// A field that is kept, and null, is rare.
			n := word(b[i:])
			if n == 0 || kept(key) {
				return 0
			}
			i += n
		default:
			number, n := digits(b, i)
			if n == 0 {
				return 0
			}
			if string(key) == fieldStatus {
				e.Status = number
			} else if kept(key) {
				return 0
			}
			i += n
		}
		i = blank(b, i)
		if i >= len(b) {
			return 0
		}
		switch b[i] {
		case ',':
			i++
		case '}':
			if e.At.IsZero() {
				return 0
			}
			return i + 1
		default:
			return 0
		}
	}
}

// keep puts a text where it belongs. It reports false of what only exact reads.
func keep(e *providers.AuditEntry, key, value []byte, names *names) bool {
	switch string(key) {
	case fieldAction:
		e.Action = names.text(value)
	case fieldActor:
		e.Actor = rotation.AccountID(names.text(value))
	case fieldTarget:
		e.Target = rotation.AccountID(names.text(value))
	case fieldTeam:
		e.Team = names.text(value)
	case fieldProject:
		e.Project = names.text(value)
	case fieldTimestamp:
		return moment(&e.At, value)
	case fieldStatus:
		return false
	default:
		return true
	}
	return utf8.Valid(value)
}

func kept(key []byte) bool {
	switch string(key) {
	case fieldAction, fieldActor, fieldTarget, fieldTeam, fieldProject, fieldTimestamp, fieldStatus:
		return true
	}
	return false
}

// blank skips spaces, as some encoders put between.
func blank(b []byte, i int) int {
	for i < len(b) && b[i] == ' ' {
		i++
	}
	return i
}

// quoted returns the text without escapes that begins at i, and its length with
// its quotes.
func quoted(b []byte, i int) ([]byte, int) {
	if i >= len(b) || b[i] != '"' {
		return nil, 0
	}
	text := b[i+1:]
	n := plain(text)
	if n == len(text) || text[n] != '"' {
		return nil, 0
	}
	return text[:n], n + 2
}

// escaped returns the length of the text that begins at i, with escapes and
// quotes.
func escaped(b []byte, i int) int {
	for n := i + 1; ; n += 2 {
		n += plain(b[n:])
		switch {
		case n >= len(b) || b[n] < ' ':
			return 0
		case b[n] == '"':
			return n + 1 - i
		case n+1 >= len(b):
			return 0
		}
		switch b[n+1] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		case 'u':
			if n+6 > len(b) {
				return 0
			}
			for _, c := range b[n+2 : n+6] {
				if !('0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F') {
					return 0
				}
			}
			n += 4
		default:
			return 0
		}
	}
}

// plain returns how many bytes of b come before a quote, a backslash or a control
// character. It looks at eight bytes at a time: a byte of x is below n, for an n
// of at most 0x80, where x-n borrows and x has no high bit; bytes above one that
// is found may be wrong, and do not matter.
func plain(b []byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		quote, slash := x^(ones*'"'), x^(ones*'\\')
		if found := ((quote-ones)&^quote | (slash-ones)&^slash | (x-ones*' ')&^x) & highs; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= ' ' {
		i++
	}
	return i
}

// word returns the length of the word of JSON that b begins with.
func word(b []byte) int {
	for _, w := range []string{"null", "true", "false"} {
		if len(b) >= len(w) && string(b[:len(w)]) == w {
			return len(w)
		}
	}
	return 0
}

// digits returns the whole number that begins at i, and its length.
func digits(b []byte, i int) (number, n int) {
	const most = 9
	for n = 0; i+n < len(b) && n < most && '0' <= b[i+n] && b[i+n] <= '9'; n++ {
		number = 10*number + int(b[i+n]-'0')
	}
	if n > 1 && b[i] == '0' {
		return 0, 0
	}
	return number, n
}

// moment reads a time as RFC 3339 writes it in UTC.
func moment(at *time.Time, b []byte) bool {
	if len(b) == 0 || b[len(b)-1] != 'Z' {
		return false
	}
	return at.UnmarshalText(b) == nil
}
