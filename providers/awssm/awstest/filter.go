package awstest

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

type filter struct {
	Key    string
	Values []string
}

const (
	maxFilters      = 10
	maxFilterValues = 10
	maxFilterValue  = 512
)

var filterForm = regexp.MustCompile(`^!?[a-zA-Z0-9:_@/+=.\-!]*$`)

// attributes are what a filter looks at. No secret here is managed by another
// service, so none has an owning service.
func (s *secret) attributes(key string) []string {
	var all []string
	switch key {
	case "name":
		all = []string{s.name}
	case "description":
		all = []string{s.description}
	case "primary-region":
		all = []string{s.primary}
	case "tag-key":
		for _, t := range s.tags {
			all = append(all, t.Key)
		}
	case "tag-value":
		for _, t := range s.tags {
			all = append(all, t.Value)
		}
	case "all":
		for _, one := range filterKeys()[1:] {
			all = append(all, s.attributes(one)...)
		}
	}
	return all
}

func filterKeys() []string {
	return []string{"all", "name", "description", "primary-region", "owning-service", "tag-key", "tag-value"}
}

// compile makes one question of filters: all of them have to match, each by any
// of its values. A value that begins with ! matches what does not match the rest.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_Filter.html
func compile(filters []filter) (func(*secret) bool, *Error) {
	if len(filters) > maxFilters {
		return nil, constraint("filters", "have length less than or equal to 10")
	}
	for _, f := range filters {
		if failure := f.check(); failure != nil {
			return nil, failure
		}
	}
	return func(s *secret) bool {
		for _, f := range filters {
			if !slices.ContainsFunc(f.Values, func(value string) bool { return f.matches(s, value) }) {
				return false
			}
		}
		return true
	}, nil
}

func (f filter) check() *Error {
	if !slices.Contains(filterKeys(), f.Key) {
		return constraint("filters.member.key", "satisfy enum value set: ["+strings.Join(filterKeys(), ", ")+"]")
	}
	if len(f.Values) == 0 {
		return invalidParameter("Invalid filter values for key: %s", f.Key)
	}
	if len(f.Values) > maxFilterValues {
		return constraint("filters.member.values", "have length less than or equal to 10")
	}
	for _, v := range f.Values {
		if utf8.RuneCountInString(v) > maxFilterValue || !filterForm.MatchString(v) {
			return constraint("filters.member.values", `satisfy regular expression pattern: ^\!?[a-zA-Z0-9:_@\/\+\=\.\-\!]*$`)
		}
	}
	return nil
}

func (f filter) matches(s *secret, value string) bool {
	rest, negated := strings.CutPrefix(value, "!")
	var found bool
	switch f.Key {
	case "all":
		found = everywhere(s, rest)
	case "description": // "Prefix match, not case-sensitive"
		found = strings.HasPrefix(strings.ToLower(s.description), strings.ToLower(rest))
	default:
		found = slices.ContainsFunc(s.attributes(f.Key), func(x string) bool { return strings.HasPrefix(x, rest) })
	}
	return found != negated
}

// everywhere "breaks the filter value string into words and then searches all
// attributes for matches. Not case-sensitive."
func everywhere(s *secret, value string) bool {
	for word := range strings.FieldsFuncSeq(strings.ToLower(value), separator) {
		if !slices.ContainsFunc(s.attributes("all"), func(x string) bool {
			return slices.ContainsFunc(strings.FieldsFunc(strings.ToLower(x), separator), func(w string) bool { return strings.HasPrefix(w, word) })
		}) {
			return false
		}
	}
	return true
}

func separator(r rune) bool { return strings.ContainsRune(" /_+=.@-:", r) }
