package config

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
)

// Format is the form in which a key is written to a destination.
type Format string

// The formats.
const (
	FormatRaw      Format = "raw"      // the key alone
	FormatJSON     Format = "json"     // an object with chosen fields
	FormatTemplate Format = "template" // Go template text
)

// Values lists all values.
func (Format) Values() []string {
	return []string{string(FormatRaw), string(FormatJSON), string(FormatTemplate)}
}

func (f *Format) decodeNode(d *decoder, n *node) {
	if n.kind == kindScalar && (n.text == "env" || strings.HasPrefix(n.text, "airflow")) {
		d.errorAt(n.path, "this format is not available yet", "write "+strings.Join(f.Values(), " or "))
		return
	}
	if s, ok := d.oneOf(n, f.Values()); ok {
		*f = Format(s)
	}
}

// KeyVariable is the variable that stands for the API key, in the formats
// json and template and in a job's environment.
const KeyVariable = "WANDB_API_KEY"

// OutputField is one field of a JSON object: either a variable of the job's
// environment or literal text.
type OutputField struct {
	Name     string
	Variable string // KeyVariable or a name in Account.Env; empty for a literal
	Literal  string
	path     string
}

// outputFields are the fields of a JSON object as written.
type outputFields []OutputField

const outputFieldsHint = "write names and variables, like {api_key: WANDB_API_KEY, entity: WANDB_ENTITY}; literal text as {literal: text}"

func (fs *outputFields) decodeNode(d *decoder, n *node) {
	if n.kind == kindList {
		for _, item := range n.items {
			if d.wants(item, kindScalar, outputFieldsHint) {
				*fs = append(*fs, OutputField{Name: item.text, Variable: item.text, path: item.path})
			}
		}
		return
	}
	if !d.wants(n, kindMapping, outputFieldsHint) {
		return
	}
	for _, e := range n.entries {
		f := OutputField{Name: e.name, path: e.value.path}
		switch e.value.kind {
		case kindScalar:
			f.Variable = e.value.text
		case kindMapping:
			var literal struct {
				Literal string `yaml:"literal" keyrota:"required"`
			}
			d.decodeStruct(e.value, reflect.ValueOf(&literal).Elem())
			f.Literal = literal.Literal
		default:
			d.errorAt(e.value.path, "neither a variable nor a literal", outputFieldsHint)
			continue
		}
		*fs = append(*fs, f)
	}
}

// checkVariables holds what a destination takes against what there is: the
// key once, and otherwise only variables of the account's environment. It
// sets whether the key can be read back.
func (w *writtenDestination) checkVariables(d *decoder, env map[string]string) {
	known := append([]string{KeyVariable}, slices.Sorted(maps.Keys(env))...)
	switch *w.Format {
	case FormatJSON:
		w.checkFields(d, known)
	case FormatTemplate:
		w.checkTemplate(d, known)
	}
}

func (w *writtenDestination) checkFields(d *decoder, known []string) {
	if len(w.Fields) == 0 {
		for _, name := range known {
			w.Fields = append(w.Fields, OutputField{Name: name, Variable: name})
		}
		return
	}
	keys := 0
	for _, f := range w.Fields {
		switch {
		case f.Variable == KeyVariable:
			keys++
		case f.Variable != "" && !slices.Contains(known, f.Variable):
			d.errorAt(f.path, "not a variable of this account", also(suggestVariable(f.Variable, known), "literal text is written {literal: text}"))
		}
	}
	if keys != 1 {
		d.errorAt(w.path+".fields", fmt.Sprintf("the key is in %d fields; it must be in exactly one", keys), "write one field with WANDB_API_KEY")
	}
}

func suggestVariable(name string, known []string) string {
	return also(suggest(name, known), "others are added under env:")
}

var templateLine = regexp.MustCompile(`^template: [^:]*:(\d+):`)

func (w *writtenDestination) checkTemplate(d *decoder, known []string) {
	const hint = "write the key once as {{ .WANDB_API_KEY }}; variables as {{ .WANDB_ENTITY }}; besides these only if, else and end"
	path := w.path + ".template"
	t, err := template.New("t").Parse(*w.Template)
	if err != nil {
		// The library's own words quote the text.
		message := "the template cannot be parsed"
		if m := templateLine.FindStringSubmatch(err.Error()); m != nil {
			message += ", see its line " + m[1]
		}
		d.errorAt(path, message, hint)
		return
	}
	var c templateCheck
	if t.Tree != nil {
		c.list(t.Root, false)
	}
	switch {
	case c.unsupported || len(t.Templates()) > 1:
		d.errorAt(path, "the template uses what cannot be checked beforehand", hint)
	case c.conditional:
		d.errorAt(path, "the key stands inside an if or its condition", hint)
	case c.keys != 1:
		d.errorAt(path, fmt.Sprintf("the key stands in the template %d times; it must be there exactly once", c.keys), hint)
	}
	for _, v := range c.variables {
		if !slices.Contains(known, v) {
			d.errorAt(path, "the template takes a variable that this account does not have", suggestVariable(v, known))
		}
	}
	w.writeOnly = !c.verbatim
}

// templateCheck walks a template's parse tree. What a template may hold is so
// little that what it needs is known without running it.
type templateCheck struct {
	keys        int
	verbatim    bool // the key is written as it is
	conditional bool
	unsupported bool
	variables   []string
}

func (c *templateCheck) list(l *parse.ListNode, inside bool) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		switch n := n.(type) {
		case *parse.TextNode, *parse.CommentNode:
		case *parse.ActionNode:
			before := c.keys
			c.pipe(n.Pipe)
			if c.keys > before {
				c.conditional = c.conditional || inside
				c.verbatim = len(n.Pipe.Cmds) == 1 && len(n.Pipe.Cmds[0].Args) == 1
			}
		case *parse.IfNode:
			before := c.keys
			c.pipe(n.Pipe)
			c.conditional = c.conditional || c.keys > before
			c.list(n.List, true)
			c.list(n.ElseList, true)
		default:
			c.unsupported = true
		}
	}
}

func (c *templateCheck) pipe(p *parse.PipeNode) {
	if len(p.Decl) > 0 {
		c.unsupported = true
	}
	for _, cmd := range p.Cmds {
		for _, arg := range cmd.Args {
			switch a := arg.(type) {
			case *parse.FieldNode:
				if len(a.Ident) != 1 {
					c.unsupported = true
				} else if a.Ident[0] == KeyVariable {
					c.keys++
				} else {
					c.variables = append(c.variables, a.Ident[0])
				}
			case *parse.PipeNode:
				c.pipe(a)
			case *parse.StringNode, *parse.NumberNode, *parse.BoolNode, *parse.IdentifierNode:
			default:
				// The dot itself would write the whole environment.
				c.unsupported = true
			}
		}
	}
}
