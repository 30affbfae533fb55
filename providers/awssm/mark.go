package awssm

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// Bounds of tags (AWS Secrets Manager API Reference, "Tag").
const (
	tagKeyMax   = 128
	tagValueMax = 256
	tagsMax     = 50
)

// isTagRune reports whether a tag's key or value may hold r.
func isTagRune(r rune) bool {
	return r != unicode.ReplacementChar &&
		(unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.Is(unicode.Z, r) || strings.ContainsRune("_.:/=+-@", r))
}

// markKey returns the key of the tag that holds a destination's mark.
func markKey(field string) string { return providers.NoteKey(field, tagKeyMax, isTagRune) }

// note is what a tag says: a mark, and the id of the version it speaks of.
// Without a version it only says whose the secret is. Its text ends in a sum
// over secret, tag and text: people copy tags and edit them, and what they make
// of a mark must not speak for us.
type note struct {
	mark    rotation.Mark
	version string
}

func ownership(m rotation.Mark) note {
	return note{mark: rotation.Mark{Instance: m.Instance, Ledger: m.Ledger, Account: m.Account}}
}

// text is "instance=prod ledger=... account=... sum=...", and of a delivery
// "edition=12 key=... shape=... version=..." too: legible in a console, and
// made of what AWS allows in a tag's value.
func (n note) text(secret, tag string) string {
	var b strings.Builder
	add := func(name, value string) {
		if value == "" {
			return
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(name + "=" + escape(value))
	}
	add("instance", n.mark.Instance)
	add("ledger", n.mark.Ledger)
	add("account", string(n.mark.Account))
	if n.mark.Edition > 0 {
		add("edition", strconv.FormatUint(uint64(n.mark.Edition), 10))
	}
	add("key", string(n.mark.Key))
	add("shape", string(n.mark.Shape))
	add("version", n.version)
	add("sum", digest(sumDigits, secret, tag, b.String()))
	return b.String()
}

// encode is text, where it fits into a tag.
func (n note) encode(secret, tag string) (string, error) {
	text := n.text(secret, tag)
	if len(text) > tagValueMax {
		return "", fmt.Errorf("the mark takes %d characters, and a tag's value has room for %d", len(text), tagValueMax)
	}
	return text, nil
}

// decode reads what encode wrote for a tag of a secret, and false for every
// other text.
func decode(secret, tag, text string) (note, bool) {
	var n note
	for part := range strings.SplitSeq(text, " ") {
		name, escaped, _ := strings.Cut(part, "=")
		value := unescape(escaped)
		switch name {
		case "instance":
			n.mark.Instance = value
		case "ledger":
			n.mark.Ledger = value
		case "account":
			n.mark.Account = rotation.AccountID(value)
		case "edition":
			e, err := strconv.ParseUint(value, 10, 64)
			if err != nil {
				return note{}, false
			}
			n.mark.Edition = rotation.Edition(e)
		case "key":
			n.mark.Key = rotation.KeyID(value)
		case "shape":
			n.mark.Shape = rotation.Shape(value)
		case "version":
			n.version = value
		case "sum": // compared with the rest below
		default:
			return note{}, false
		}
	}
	return n, n.text(secret, tag) == text
}

// escape writes what a mark may hold and a tag's value may not, and what sets
// its parts apart, as "+" and two hexadecimal digits for each byte.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c < utf8.RuneSelf && c != '+' && c != ' ' && isTagRune(rune(c)) {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "+%02X", c)
	}
	return b.String()
}

// unescape undoes escape. What escape does not write comes out as something
// that escape does not turn back into it.
func unescape(s string) string {
	if !strings.Contains(s, "+") {
		return s
	}
	var b []byte
	for i := 0; i < len(s); i++ {
		if s[i] == '+' && i+2 < len(s) {
			if c, err := hex.DecodeString(s[i+1 : i+3]); err == nil {
				b = append(b, c...)
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

// The id of a version of ours is "keyrota-EDITION-MARK", of a field
// "keyrota-EDITION-MARK-BASE": hashes of the mark and of the version before.
// With the longest edition that is 64 characters, with the shortest 32, which
// are the bounds of a ClientRequestToken.
const (
	idPrefix   = providers.ManagedBy + "-"
	markDigits = 22
	baseDigits = 12
	sumDigits  = 8
)

// longestID is as long as an id gets.
const longestID = idPrefix + "18446744073709551615-0123456789012345678901-012345678901"

// idOf returns the id of the version that holds a destination's value under a
// mark: for a field, built upon the version base.
func idOf(m rotation.Mark, field, base string) string {
	id := fmt.Sprintf("%s%d-%s", idPrefix, m.Edition, digest(markDigits,
		m.Instance, m.Ledger, string(m.Account), strconv.FormatUint(uint64(m.Edition), 10), string(m.Key), string(m.Shape), field))
	if field != "" {
		id += "-" + digest(baseDigits, base)
	}
	return id
}

// isOf reports whether idOf returns id for some base.
func isOf(id string, m rotation.Mark, field string) bool {
	want := idOf(m, field, "")
	if field == "" {
		return id == want
	}
	return len(id) == len(want) && id[:len(id)-baseDigits] == want[:len(want)-baseDigits]
}

// builtOn reports whether the version id is one of a field, built upon base.
func builtOn(id, base string) bool {
	return base != "" && strings.HasPrefix(id, idPrefix) && strings.Count(id, "-") == 3 && strings.HasSuffix(id, "-"+digest(baseDigits, base))
}

func digest(digits int, parts ...string) string {
	var all []byte
	for _, p := range parts {
		all = binary.AppendUvarint(all, uint64(len(p)))
		all = append(all, p...)
	}
	sum := sha256.Sum256(all)
	return hex.EncodeToString(sum[:])[:digits]
}
