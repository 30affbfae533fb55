package config

import (
	"encoding"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// nodeDecoder is for types that read a node themselves.
type nodeDecoder interface {
	decodeNode(d *decoder, n *node)
}

// enumerated is for string types with a fixed set of values.
type enumerated interface{ Values() []string }

// checker is for types that check themselves after they were decoded. The
// path is relative to the value.
type checker interface {
	Check(report func(path, message, hint string))
}

// decoder fills Go values from nodes and reports everything that does not fit.
type decoder struct{ *report }

var durationType = reflect.TypeFor[time.Duration]()

// decode fills v. On a problem it reports and leaves v as it was.
func (d *decoder) decode(n *node, v reflect.Value) {
	if n.bad {
		return
	}
	if v.CanAddr() {
		if nd, ok := v.Addr().Interface().(nodeDecoder); ok {
			nd.decodeNode(d, n)
			return
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		// One with a problem stays unset, so that no default's check tells it again.
		before := len(d.problems)
		p := reflect.New(v.Type().Elem())
		d.decode(n, p.Elem())
		if len(d.problems) == before {
			v.Set(p)
		}
	case reflect.Struct:
		if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
			d.unmarshalText(n, u)
			return
		}
		d.decodeStruct(n, v)
	case reflect.Map:
		d.decodeMap(n, v)
	case reflect.Slice:
		d.decodeSlice(n, v)
	default:
		d.decodeScalar(n, v)
	}
}

// wants says whether a node is of a kind, and reports it if not. An empty
// value stands for an empty list or mapping.
func (d *decoder) wants(n *node, k kind, example string) bool {
	if n.bad {
		return false
	}
	if n.kind == k || n.kind == kindNull && k != kindScalar {
		return true
	}
	if n.kind == kindNull {
		d.fault(n, "has no value", "write a value, or remove the line")
		return false
	}
	d.fault(n, fmt.Sprintf("expected %s, found %s", k, n.kind), example)
	return false
}

// field is one field of a struct as the file names it.
type field struct {
	name      string
	index     []int
	required  bool
	reference bool
	path      bool
}

// fields lists the fields of a struct, those of embedded structs among them.
func fields(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct {
			for _, inner := range fields(f.Type) {
				inner.index = append([]int{i}, inner.index...)
				out = append(out, inner)
			}
			continue
		}
		if name == "" || name == "-" {
			continue
		}
		tags := strings.Split(f.Tag.Get("keyrota"), ",")
		out = append(out, field{
			name: name, index: []int{i},
			required:  slices.Contains(tags, "required"),
			reference: slices.Contains(tags, "reference"),
			path:      slices.Contains(tags, "path"),
		})
	}
	return out
}

// fieldsOf is fields, asked once for each type.
func (d *decoder) fieldsOf(t reflect.Type) []field {
	known, ok := d.structs[t]
	if !ok {
		known = fields(t)
		if d.structs == nil {
			d.structs = map[reflect.Type][]field{}
		}
		d.structs[t] = known
	}
	return known
}

func (d *decoder) decodeStruct(n *node, v reflect.Value) {
	known := d.fieldsOf(v.Type())
	names := make([]string, len(known))
	for i, f := range known {
		names[i] = f.name
	}
	if !d.wants(n, kindMapping, "write fields: "+strings.Join(names, ", ")) {
		return
	}
	for _, e := range n.entries {
		i := slices.Index(names, e.name)
		if i < 0 {
			d.unknownField(n, e, names)
			continue
		}
		at := v.FieldByIndex(known[i].index)
		d.decode(e.value, at)
		switch {
		case known[i].reference && at.Kind() == reflect.String && e.value.kind == kindScalar:
			var r Reference
			r.decodeNode(d, e.value)
			at.SetString(r.String())
		case known[i].path && at.Kind() == reflect.String && at.String() != "":
			at.SetString(d.besideFile(at.String()))
		}
	}
	for _, f := range known {
		if f.required && n.entry(f.name) == nil {
			d.errorAt(n.path, f.name+" is missing", "add "+f.name+":")
			d.nodes[join(n.path, f.name)] = &node{bad: true, line: n.line, column: n.column}
		}
	}
	if c, ok := v.Addr().Interface().(checker); ok {
		c.Check(func(path, message, hint string) {
			d.errorAt(strings.Trim(n.path+"."+path, "."), message, hint)
		})
	}
}

func (d *decoder) unknownField(n *node, e entry, names []string) {
	d.add(Error, d.locate(join(n.path, e.name), e.line, e.column), "unknown field", suggest(e.name, names))
}

// besideFile makes a relative path relative to the configuration file, so
// that it means the same wherever keyrota is started.
func (r *report) besideFile(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(r.dir, path)
}

func (d *decoder) decodeMap(n *node, v reflect.Value) {
	if v.Type().Key().Kind() != reflect.String {
		d.unsupported(n, v)
		return
	}
	if !d.wants(n, kindMapping, "write names and values, like {name: value}") {
		return
	}
	m := reflect.MakeMap(v.Type())
	for _, e := range n.entries {
		item := reflect.New(v.Type().Elem()).Elem()
		d.decode(e.value, item)
		m.SetMapIndex(reflect.ValueOf(e.name).Convert(v.Type().Key()), item)
	}
	v.Set(m)
}

func (d *decoder) decodeSlice(n *node, v reflect.Value) {
	if !d.wants(n, kindList, "write a list, like [one, two]") {
		return
	}
	s := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
	for i, item := range n.items {
		d.decode(item, s.Index(i))
	}
	v.Set(s)
}

func (d *decoder) decodeScalar(n *node, v reflect.Value) {
	if !d.wants(n, kindScalar, "write one value") {
		return
	}
	if v.Type() == durationType {
		if t, err := ParseDuration(n.text); err != nil {
			d.fault(n, err.Error(), durationHint)
		} else {
			v.SetInt(int64(t))
		}
		return
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		d.unmarshalText(n, u)
		return
	}
	switch v.Kind() {
	case reflect.String:
		if e, ok := v.Interface().(enumerated); ok {
			if _, ok := d.oneOf(n, e.Values()); !ok {
				return
			}
		}
		v.SetString(n.text)
	case reflect.Bool:
		if n.text != "true" && n.text != "false" {
			d.fault(n, "neither true nor false", "write true or false")
			return
		}
		v.SetBool(n.text == "true")
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		i, err := strconv.ParseInt(n.text, 10, v.Type().Bits())
		if err != nil {
			d.fault(n, "not a whole number", "write digits only, like 4")
			return
		}
		v.SetInt(i)
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(n.text, v.Type().Bits())
		if err != nil {
			d.fault(n, "not a number", "write a number, like 0.5")
			return
		}
		v.SetFloat(f)
	default:
		d.unsupported(n, v)
	}
}

// oneOf returns the text of a node if it is among the values.
func (d *decoder) oneOf(n *node, values []string) (string, bool) {
	if !d.wants(n, kindScalar, "write one value") {
		return "", false
	}
	if slices.Contains(values, n.text) {
		return n.text, true
	}
	hint := "write " + strings.Join(values, " or ")
	if near := nearest(n.text, values); near != "" {
		hint = "did you mean " + near + "?"
	}
	d.fault(n, "not one of the values that this field takes", hint)
	return "", false
}

// unmarshalText does not show the error of a foreign type, which may quote
// the value.
func (d *decoder) unmarshalText(n *node, u encoding.TextUnmarshaler) {
	if d.wants(n, kindScalar, "write one value") && u.UnmarshalText([]byte(n.text)) != nil {
		d.fault(n, "not a valid value for this field", "see the documentation of this field")
	}
}

func (d *decoder) unsupported(n *node, v reflect.Value) {
	d.fault(n, fmt.Sprintf("a field of Go type %s cannot be configured", v.Type()), "this is a fault in keyrota: please report it")
}
