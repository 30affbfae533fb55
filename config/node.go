package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

type kind uint8

const (
	kindNull kind = iota
	kindScalar
	kindList
	kindMapping
)

// String names a kind as a person reads it in a message.
func (k kind) String() string {
	return [...]string{"nothing", "a single value", "a list", "a mapping"}[k]
}

// node is one value of the file: the part of YAML that a configuration may
// use, with the place of each value.
type node struct {
	kind         kind
	line, column int
	path         string
	text         string // of a scalar, after expansion
	literal      string // of a scalar: what of its text stands in the file
	bad          bool   // told already: nothing more is said of it
	items        []*node
	entries      []entry
}

// entry is one field of a mapping, in the order of the file.
type entry struct {
	name         string
	line, column int
	value        *node
}

func (n *node) entry(name string) *node {
	for _, e := range n.entries {
		if e.name == name {
			return e.value
		}
	}
	return nil
}

// leaves adds the text of every scalar below n, by its path from there.
func (n *node) leaves(path string, to map[string]string) {
	if n.kind == kindScalar {
		to[path] = n.text
	}
	for i, item := range n.items {
		item.leaves(fmt.Sprintf("%s[%d]", path, i), to)
	}
	for _, e := range n.entries {
		e.value.leaves(join(path, e.name), to)
	}
}

const (
	// maxFile keeps a mistaken path from being read into memory; ten thousand
	// accounts take about one million bytes.
	maxFile  = 16 << 20
	maxDepth = 64
)

// readNodes reads the YAML of one file into nodes whose paths begin with at,
// and expands variables; without an env it refuses them. It returns nil if
// there is nothing to go on with.
func readNodes(r *report, at string, data []byte, env func(string) (string, bool)) *node {
	if len(data) > maxFile {
		r.errorAt(at, fmt.Sprintf("the file is larger than %d MiB, too large for a configuration", maxFile>>20), "check the path")
		return nil
	}
	file, err := parseYAML(data)
	if err != nil {
		r.add(Error, r.syntaxPosition(at, err), "not valid YAML: "+syntaxMessage(err), "check indentation, quotes and brackets on this line and the one before")
		return nil
	}
	var body ast.Node
	for _, d := range file.Docs {
		switch d.Body.(type) {
		case nil, *ast.CommentGroupNode, *ast.NullNode:
			continue
		case *ast.DirectiveNode:
			r.add(Error, r.tokenPosition(at, d.Body.GetToken()), "YAML directives are not supported", "remove the line")
			return nil
		}
		if body != nil {
			r.add(Error, r.tokenPosition(at, d.Body.GetToken()), "a second YAML document begins here; one file is one configuration", "remove the line ---, or move what follows into a file of its own")
			return nil
		}
		body = d.Body
	}
	if body == nil {
		hint := "run keyrota init to write a first one"
		if at != "" {
			hint = "write team: and accounts:, or remove the file"
		}
		r.add(Error, r.locate(at, 1, 1), "the file is empty", hint)
		return nil
	}
	b := builder{report: r, env: env}
	return b.build(body, at, 0)
}

// parseYAML turns a panic of the YAML library into an error, so that no file
// can bring down a daemon that reloads.
func parseYAML(data []byte) (f *ast.File, err error) {
	defer func() {
		if recover() != nil {
			f, err = nil, errors.New("the parser could not read it")
		}
	}()
	data = []byte(strings.TrimPrefix(string(data), "\ufeff"))
	// Repeated keys are reported here, with the place of both.
	return parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
}

// yamlError is what errors of goccy/go-yaml have in common.
type yamlError interface {
	error
	GetMessage() string
	GetToken() *token.Token
}

func (r *report) syntaxPosition(path string, err error) Position {
	if ye, ok := errors.AsType[yamlError](err); ok {
		return r.tokenPosition(path, ye.GetToken())
	}
	return r.locate(path, 0, 0)
}

// syntaxMessage returns the library's words if they cannot hold text of the
// file: those that quote something do.
func syntaxMessage(err error) string {
	ye, ok := errors.AsType[yamlError](err)
	if !ok || strings.Contains(ye.GetMessage(), `"`) || len(ye.GetMessage()) > 100 {
		return "the text cannot be read"
	}
	return ye.GetMessage()
}

func (r *report) tokenPosition(path string, t *token.Token) Position {
	if t == nil || t.Position == nil {
		return r.locate(path, 0, 0)
	}
	return r.locate(path, t.Position.Line, t.Position.Column)
}

// builder turns the library's tree into nodes.
type builder struct {
	report *report
	env    func(string) (string, bool) // nil: there are no variables in this file
}

func (b *builder) refuse(from ast.Node, n *node, message, hint string) {
	n.bad = true
	b.report.add(Error, b.report.tokenPosition(n.path, from.GetToken()), message, hint)
}

func (b *builder) build(from ast.Node, path string, depth int) *node {
	n := &node{path: path}
	if from == nil {
		return n
	}
	if t := from.GetToken(); t != nil && t.Position != nil {
		n.line, n.column = t.Position.Line, t.Position.Column
	}
	if _, known := b.report.nodes[path]; !known {
		b.report.nodes[path] = n
	}
	if depth > maxDepth {
		b.refuse(from, n, "nested too deeply", "write plain mappings, lists and values")
		return n
	}
	switch v := from.(type) {
	case *ast.NullNode:
	case *ast.StringNode:
		n.kind = kindScalar
		b.expand(n, v.Value)
	case *ast.LiteralNode:
		n.kind = kindScalar
		if v.Value != nil {
			b.expand(n, v.Value.Value)
		}
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		n.kind = kindScalar
		n.text = from.GetToken().Value
		n.literal = n.text
	case *ast.SequenceNode:
		n.kind = kindList
		for i, item := range v.Values {
			itemPath := fmt.Sprintf("%s[%d]", path, i)
			if text, ok := splitScalar(item); ok {
				n.items = append(n.items, b.scalar(item, itemPath, text))
				continue
			}
			n.items = append(n.items, b.build(item, itemPath, depth+1))
		}
	case *ast.MappingNode:
		n.kind = kindMapping
		if !v.IsFlowStyle && len(v.Values) > 0 {
			b.startAt(n, v.Values[0])
		}
		b.mapping(n, v.Values, depth)
	case *ast.MappingValueNode:
		n.kind = kindMapping
		b.startAt(n, v)
		b.mapping(n, []*ast.MappingValueNode{v}, depth)
	case *ast.AnchorNode, *ast.AliasNode:
		b.refuse(from, n, "YAML anchors and aliases are not supported", "write what accounts share under defaults: or teams:")
	case *ast.TagNode:
		b.refuse(from, n, "YAML tags are not supported", "remove the tag; quote the value if it must be text")
	default:
		b.refuse(from, n, "this part of YAML is not supported", "write plain mappings, lists and values")
	}
	return n
}

// startAt moves a block mapping's place to its first key: the library's token
// for it is the colon after that key.
func (b *builder) startAt(n *node, first *ast.MappingValueNode) {
	if t := first.Key.GetToken(); t != nil && t.Position != nil {
		n.line, n.column = t.Position.Line, t.Position.Column
	}
}

func (b *builder) mapping(n *node, values []*ast.MappingValueNode, depth int) {
	for _, v := range values {
		key, ok := v.Key.(ast.ScalarNode)
		if !ok || v.Key.IsMergeKey() || v.Key.Type() == ast.AnchorType || v.Key.Type() == ast.AliasType || v.Key.Type() == ast.TagType {
			b.refuse(v.Key, n, "this kind of YAML key is not supported", "write a plain name; what accounts share belongs under defaults: or teams:")
			continue
		}
		e := entry{name: key.GetToken().Value, line: key.GetToken().Position.Line, column: key.GetToken().Position.Column}
		path := join(n.path, e.name)
		at := b.report.locate(path, e.line, e.column)
		if i := indexOf(n.entries, e.name); i >= 0 {
			b.report.add(Error, at, fmt.Sprintf("written twice, first at %d:%d", n.entries[i].line, n.entries[i].column), "keep one of the two")
			continue
		}
		e.value = b.build(v.Value, path, depth+1)
		if e.value.kind == kindNull {
			// An empty value has its place at whatever comes next.
			e.value.line, e.value.column = e.line, e.column
		}
		n.entries = append(n.entries, e)
	}
}

// splitScalar puts together again what goccy/go-yaml 1.19 takes apart inside
// flow mappings: in {deliver: [vault:a/b]} the item is one scalar, since a
// colon without a space after it separates nothing (YAML 1.2, 7.3.3).
func splitScalar(item ast.Node) (string, bool) {
	if m, ok := item.(*ast.MappingNode); ok && len(m.Values) == 1 && !m.IsFlowStyle {
		item = m.Values[0]
	}
	v, ok := item.(*ast.MappingValueNode)
	if !ok || v.Key.Type() != ast.StringType || v.Key.GetToken().Type != token.StringType {
		return "", false
	}
	colon, value := v.GetToken().Position, v.Value.GetToken()
	if value == nil || value.Position.Line != colon.Line || value.Position.Column != colon.Column+1 {
		return "", false
	}
	rest := value.Value
	if _, ok := v.Value.(ast.ScalarNode); !ok {
		if rest, ok = splitScalar(v.Value); !ok {
			return "", false
		}
	}
	return v.Key.GetToken().Value + ":" + rest, true
}

func (b *builder) scalar(from ast.Node, path, text string) *node {
	n := &node{kind: kindScalar, path: path}
	t := from.GetToken()
	if m, ok := from.(*ast.MappingNode); ok {
		t = m.Values[0].Key.GetToken()
	} else if v, ok := from.(*ast.MappingValueNode); ok {
		t = v.Key.GetToken()
	}
	n.line, n.column = t.Position.Line, t.Position.Column
	b.report.nodes[path] = n
	b.expand(n, text)
	return n
}

func indexOf(entries []entry, name string) int {
	for i, e := range entries {
		if e.name == name {
			return i
		}
	}
	return -1
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.@-]*$`)

// speakable says whether a name of the file may be repeated in a message. API
// keys have at least 40 characters (W&B docs, API keys).
func speakable(name string) bool { return len(name) < 36 && plainName.MatchString(name) }

// join appends a field's name to a path, or a question mark for a name that
// is not to be repeated.
func join(path, name string) string {
	if !speakable(name) {
		name = "?"
	}
	if path == "" {
		return name
	}
	return path + "." + name
}
