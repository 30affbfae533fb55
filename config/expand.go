package config

import (
	"regexp"
	"strings"
)

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expand sets a scalar's text with its variables replaced.
func (b *builder) expand(n *node, text string) {
	var out, literal strings.Builder
	write := func(s string) {
		out.WriteString(s)
		literal.WriteString(s)
	}
	for {
		i := strings.IndexByte(text, '$')
		if i < 0 || i == len(text)-1 {
			write(text)
			break
		}
		write(text[:i])
		text = text[i+1:]
		switch text[0] {
		case '$':
			write("$")
			text = text[1:]
		case '{':
			name, rest, ok := strings.Cut(text[1:], "}")
			if !ok {
				b.report.fault(n, "${ is never closed", "write ${NAME}, or $${ for the characters ${ themselves")
				return
			}
			out.WriteString(b.variable(n, name))
			_, fallback, _ := strings.Cut(name, ":-")
			literal.WriteString(fallback)
			text = rest
		default:
			write("$")
		}
	}
	n.text, n.literal = out.String(), literal.String()
}

func (b *builder) variable(n *node, expr string) string {
	if b.env == nil {
		b.report.fault(n, "a team's file does not see the environment of keyrota, where credentials are", "write the value itself, or move the setting to "+b.report.file+"; $${ is the characters ${ themselves")
		return ""
	}
	name, fallback, hasFallback := strings.Cut(expr, ":-")
	if !variableName.MatchString(name) {
		b.report.fault(n, "what stands in ${} is not the name of a variable", "write ${NAME} or ${NAME:-default}; $${ is the characters ${ themselves")
		return ""
	}
	value, ok := b.env(name)
	switch {
	case hasFallback && value == "":
		return fallback
	case !ok && speakable(name):
		b.report.fault(n, "the environment variable "+name+" is not defined", "set it, or write ${"+name+":-default}")
	case !ok:
		b.report.fault(n, "this environment variable is not defined", "set it, or write ${NAME:-default}")
	}
	return value
}
