package config

import (
	"regexp"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
)

// A name may hold placeholders in the form of Go template actions, which are
// replaced when the file is loaded. What they can say is so little that a name
// is always known without the account's environment and without a key.

const nameHint = "write {{.Account.Name}}, {{.Account.Team}}, {{.Account.Ref}} or {{.Instance}}, and nothing else between braces"

var placeholderName = regexp.MustCompile(`^(Account\.(Name|Team|Ref)|Instance)$`)

// templated says whether a name has to be rendered.
func templated(text string) bool { return strings.Contains(text, "{{") }

// checkName reports a name that cannot be rendered for any account.
func (r *report) checkName(path, text string) bool {
	_, ok := nameParts(text)
	if !ok {
		r.errorAt(path, "nothing like this can be taken from the account", nameHint)
	}
	return ok
}

// namePart is literal text, or a placeholder's name.
type namePart struct{ text, placeholder string }

// nameParts takes a name apart.
func nameParts(text string) ([]namePart, bool) {
	t, err := template.New("").Parse(text)
	if err != nil || len(t.Templates()) > 1 || t.Tree == nil {
		return nil, false
	}
	var parts []namePart
	for _, n := range t.Root.Nodes {
		switch n := n.(type) {
		case *parse.TextNode:
			parts = append(parts, namePart{text: string(n.Text)})
		case *parse.ActionNode:
			p := n.Pipe
			if len(p.Decl) > 0 || len(p.Cmds) != 1 || len(p.Cmds[0].Args) != 1 {
				return nil, false
			}
			f, ok := p.Cmds[0].Args[0].(*parse.FieldNode)
			if !ok || !placeholderName.MatchString(strings.Join(f.Ident, ".")) {
				return nil, false
			}
			parts = append(parts, namePart{placeholder: strings.Join(f.Ident, ".")})
		default:
			return nil, false
		}
	}
	return parts, true
}

// namer renders names for one account.
type namer struct {
	*report
	account *Account
	values  map[string]string
}

func (r resolver) namer(a *Account) namer {
	return namer{r.report, a, map[string]string{
		"Account.Name": a.Name, "Account.Team": a.Team + a.DefaultTeam, "Account.Ref": a.Ref, "Instance": r.doc.Instance,
	}}
}

// render replaces the placeholders of a text.
func (n namer) render(text string) string {
	if !templated(text) {
		return text
	}
	parts, _ := nameParts(text) // what is wrong was told when it was decoded
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(p.text + n.values[p.placeholder])
	}
	return b.String()
}

// lacks says whether a text takes something that the account does not have.
func (n namer) lacks(text string) bool {
	parts, _ := nameParts(text)
	return slices.ContainsFunc(parts, func(p namePart) bool { return p.placeholder != "" && n.values[p.placeholder] == "" })
}

// renderNames replaces the placeholders of a destination's names, and checks
// what comes of it.
func (w *writtenDestination) renderNames(n namer) bool {
	fine := true
	for _, f := range []struct {
		name string
		text *string
		good func(string) bool
	}{{"path", &w.Path, goodPath}, {"field", &w.Field, goodField}, {"connection", &w.Connection, goodID}, {"variable", &w.Variable, goodID}} {
		if !templated(*f.text) {
			continue
		}
		text, at := n.render(*f.text), w.at(f.name)
		switch {
		case !accountName.MatchString(n.account.Name):
			fine = false // that is told
		case n.lacks(*f.text):
			n.errorAt(at, "the name takes a team, and "+n.account.named(n.position(at))+" has none", "write default_team: there, or another name here")
			fine = false
		case !f.good(text):
			w.badName(n.report, f.name)
			fine = false
		}
		*f.text = text
	}
	return fine
}

// goodID is an id that every reader's lookup takes, and that can be part of a
// path.
func goodID(s string) bool {
	return len(s) <= 200 && idText.MatchString(s) && !slices.Contains(strings.Split(s, "/"), "..") && goodPath(s)
}

var idText = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.=@+/-]*$`)
