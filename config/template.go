package config

import (
	"fmt"
	"regexp"
	"slices"
	"text/template"
	"text/template/parse"
)

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
