package awssm

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// Bounds of a secret (AWS Secrets Manager API Reference, "CreateSecret"; User
// Guide, "Secrets Manager quotas").
const (
	nameMax        = 512
	valueMax       = 65_536 // bytes
	descriptionMax = 2_048
)

// nameForm takes names that end in a hyphen and six characters too, although
// AWS advises against them: they are like the end of an ARN, and a search by an
// ARN without its end may find the wrong secret. No call here has such an ARN:
// it names a secret by its name or by its whole ARN.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]+$`)

// Check says what is wrong with a destination, without any call.
func (s *Store) Check(d rotation.Destination, p providers.Payload) error {
	invalid := func(hint, format string, a ...any) error {
		return problemf("check", d.String(), providers.Invalid, hint, format, a...)
	}
	value := p.Value.Expose()
	switch {
	case d.Path == "" || len(d.Path) > nameMax:
		return invalid("write a name of 1 to 512 characters", "the name has %d characters", len(d.Path))
	case strings.HasPrefix(d.Path, "arn:"):
		return invalid("write the secret's name; the store says Region and account (role_arn)", "this is an ARN")
	case !nameForm.MatchString(d.Path):
		return invalid("write letters, digits and /_+=.@-", "the name holds characters that Secrets Manager refuses")
	case !utf8.ValidString(value) || !utf8.ValidString(d.Field):
		return invalid("encode it as text", "the field or its value is not UTF-8")
	case d.Field != "" && p.Object:
		return invalid("leave out the field: the object becomes the secret's text", "a JSON object cannot be put into one field")
	case p.Object && !p.Value.Empty() && !isObject(value):
		return invalid("the format must render one JSON object", "the value is not a JSON object")
	case len(value) > valueMax:
		return invalid("shorten it", "the value takes %d bytes, and a secret has room for %d", len(value), valueMax)
	case utf8.RuneCountInString(p.Description) > descriptionMax:
		return invalid("shorten it to 2,048 characters", "the description is too long")
	}
	return s.CheckTags(d, p.Tags)
}

func isObject(text string) bool {
	_, _, err := providers.Field(text, "")
	return strings.TrimSpace(text) != "" && !errors.Is(err, providers.ErrNotObject)
}

// CheckTags says what is wrong with tags, without any call.
func (s *Store) CheckTags(d rotation.Destination, tags map[string]string) error {
	invalid := func(hint, format string, a ...any) error {
		return problemf("check tags", d.String(), providers.Invalid, hint, format, a...)
	}
	notTagRune := func(r rune) bool { return !isTagRune(r) }
	if most := tagsMax - 1; len(tags) > most {
		return invalid("leave some out", "%d tags: a secret has room for %d, and one of them is keyrota's mark", len(tags), tagsMax)
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		value, lower := tags[key], strings.ToLower(key)
		switch {
		case key == "" || utf8.RuneCountInString(key) > tagKeyMax:
			return invalid("write 1 to 128 characters", "the name of tag %q is empty or too long", key)
		case strings.HasPrefix(lower, "aws:"):
			return invalid("name it otherwise", "tag %q: names that begin with aws: are AWS's own", key)
		case strings.HasPrefix(lower, providers.ManagedBy):
			return invalid("name it otherwise", "tag %q: names that begin with keyrota are for marks", key)
		case !utf8.ValidString(key+value) || strings.IndexFunc(key+value, notTagRune) >= 0:
			return invalid("write letters, digits, spaces and _.:/=+-@", "tag %q holds characters that AWS refuses", key)
		case utf8.RuneCountInString(value) > tagValueMax:
			return invalid("shorten it to 256 characters", "the value of tag %q is too long", key)
		}
	}
	return nil
}

// checkPut is Check with what only a write shows: that the mark fits into a tag.
func (s *Store) checkPut(d rotation.Destination, p providers.Payload, m rotation.Mark) error {
	if err := s.Check(d, p); err != nil {
		return err
	}
	if d.Field == "" && p.Value.Empty() {
		return problemf("put", d.String(), providers.Invalid, "", "Secrets Manager keeps no empty value")
	}
	if _, err := (note{mark: m, version: longestID}).encode(d.Path, markKey(d.Field)); err != nil {
		return problemf("put", d.String(), providers.Invalid, "a shorter instance name helps", "%w", err)
	}
	return nil
}
