package format

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
)

// The format env is lines of NAME=value. Those who read such files agree on
// little, so each value is written in the plainest way that they read alike:
//
//	bare            letters, digits and _@%+=:,./- only, as every key is
//	in 'quotes'     everything else without ', \ and ${
//	in "quotes"     what has ' in it, and none of " \ $ `
//
// Bare values are the same for a shell, systemd, python-dotenv, godotenv,
// Docker Compose and docker --env-file. Quoted ones are so for all but the
// last, which takes quotes as part of the value. Whatever is left is refused:
// each reader would make something else of it. (POSIX Shell, 2.2 Quoting;
// systemd.exec(5), EnvironmentFile; the READMEs of python-dotenv, which
// replaces ${NAME} even inside '', and of godotenv; docker run --env-file.)

var bareValue = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]*$`)

var errEnvValue = errors.New(`its readers would not agree on such a value: leave out line breaks and other control characters, \ and ${, or write format: json`)

// envValue returns a value as it stands behind NAME=.
func envValue(value string) (string, error) {
	control := strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\ufffd' })
	switch {
	case control || strings.Contains(value, "${") || strings.Contains(value, `\`):
	case bareValue.MatchString(value):
		return value, nil
	case !strings.Contains(value, "'"):
		return "'" + value + "'", nil
	case !strings.ContainsAny(value, "\"$`"):
		return `"` + value + `"`, nil
	}
	return "", errEnvValue
}

func (f *Format) lines(key providers.Secret) (providers.Payload, error) {
	var b strings.Builder
	for _, field := range f.dest.Fields {
		value, err := envValue(f.value(field, key))
		if err != nil {
			return providers.Payload{}, fmt.Errorf("rendering %s: line %s: %w", f.dest, field.Name, err)
		}
		b.WriteString(field.Name + "=" + value + "\n")
	}
	return providers.Payload{Value: providers.NewSecret(b.String())}, nil
}

// value returns what a field or a line holds.
func (f *Format) value(field config.OutputField, key providers.Secret) string {
	switch field.Variable {
	case "":
		return field.Literal
	case config.KeyVariable:
		return key.Expose()
	}
	return f.env[field.Variable]
}
