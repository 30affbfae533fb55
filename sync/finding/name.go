package finding

import (
	"slices"
	"strings"
	"unicode"
)

// generic are words that say nothing of what an account is for: those of W&B's
// own examples of names to avoid, and their like.
func generic() []string {
	return []string{
		"service", "services", "account", "accounts", "sa", "svc", "serviceaccount", "svcaccount",
		"bot", "robot", "machine", "user", "username", "key", "apikey", "api", "token", "wandb", "wb",
		"test", "tests", "testing", "tmp", "temp", "temporary", "foo", "bar", "baz", "example", "sample", "demo", "dummy",
		"new", "old", "my", "the", "a", "default", "main", "misc", "other", "some", "name", "unnamed", "untitled", "copy", "todo", "xxx",
	}
}

// Descriptive says what is wrong with a name that says nothing of its purpose,
// such as test-sa or service-account-1; empty: nothing is. At least one word of
// it must mean something.
func Descriptive(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) })
	nothing := generic()
	if slices.ContainsFunc(words, func(w string) bool { return len(w) > 1 && !slices.Contains(nothing, w) }) {
		return ""
	}
	return "the name says nothing of what the account is for"
}
