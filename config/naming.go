package config

import (
	"regexp"
	"slices"
	"strings"
)

// naming says how service accounts are to be named.
type naming struct {
	// Pattern is a regular expression that the whole name of each account must match, like (ci|nightly|prod)-[a-z-]+; left out, a name must say what the account is for.
	Pattern string `yaml:"pattern"`
}

// namePattern checks the pattern that names must match.
func (r resolver) namePattern() string {
	pattern := r.doc.Names.Pattern
	if _, err := regexp.Compile(pattern); err != nil || len(pattern) > 1000 {
		r.errorAt("names.pattern", "not a regular expression", "write one in the syntax of RE2, like (ci|nightly|prod)-[a-z-]+")
		return ""
	}
	return pattern
}

// NameProblem returns a function that says what is wrong with the name of a
// service account; empty: nothing.
func (c *Config) NameProblem() func(name string) string {
	if c.NamePattern == "" {
		return func(name string) string {
			if unhelpful(name) {
				return "the name does not say what the account is for"
			}
			return ""
		}
	}
	convention, err := regexp.Compile(`^(?:` + c.NamePattern + `)$`)
	return func(name string) string {
		if err == nil && !convention.MatchString(name) {
			return "the name does not match names.pattern"
		}
		return ""
	}
}

// meaningless are the words of a name that say nothing about its use.
var meaningless = regexp.MustCompile(`^(service|services|account|accounts|sa|svc|srv|test|testing|temp|tmp|new|old|my|our|the|a|bot|robot|user|machine|key|api|apikey|token|wandb|wb|default|main|foo|bar|baz|dummy|demo|example|sample|unnamed|untitled|todo|xxx|misc|other|copy|v?[0-9]*)$`)

// unhelpful says whether a name has no word of purpose in it (W&B docs, Service
// accounts, best practices).
func unhelpful(name string) bool {
	words := strings.FieldsFunc(strings.ToLower(name), func(c rune) bool { return c == '-' || c == '_' || c == '.' })
	return len(name) < 4 || !slices.ContainsFunc(words, func(w string) bool {
		return !meaningless.MatchString(strings.TrimRight(w, "0123456789"))
	})
}
