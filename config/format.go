package config

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
)

// Format is the form in which a key is written to a destination.
type Format string

// The formats.
const (
	FormatRaw               Format = "raw"                // the key alone
	FormatJSON              Format = "json"               // an object with chosen fields
	FormatEnv               Format = "env"                // lines of NAME=value
	FormatAirflowConnection Format = "airflow-connection" // the key is the connection's password
	FormatAirflowVariable   Format = "airflow-variable"
	FormatTemplate          Format = "template" // Go template text
)

// Values lists all values.
func (Format) Values() []string {
	return []string{
		string(FormatRaw), string(FormatJSON), string(FormatEnv),
		string(FormatAirflowConnection), string(FormatAirflowVariable), string(FormatTemplate),
	}
}

// Style is how an Airflow connection or variable is written down.
type Style string

// The styles. Of a variable, there is the object {"value": KEY} and the key
// alone, which is the zero Style.
const (
	StyleObject Style = "object" // the fields of a secret that has fields
	StyleJSON   Style = "json"   // text of a JSON object
	StyleURI    Style = "uri"
)

// Values lists all values.
func (Style) Values() []string {
	return []string{string(StyleObject), string(StyleJSON), string(StyleURI)}
}

const defaultConnType = "generic"

var connType = regexp.MustCompile(`^[a-z][a-z0-9_]{0,99}$`)

// style settles the format, and how an Airflow connection or variable is
// written in a type of store: as its Airflow backend reads it.
func (w *writtenDestination) style(r *report, store Store) (Style, bool) {
	if w.Format == nil {
		f := w.presetFormat()
		w.Format = &f
	}
	switch *w.Format {
	case FormatAirflowConnection:
		if w.ConnType == "" {
			w.ConnType = defaultConnType
		}
		style := StyleJSON
		if store.Type == typeVault {
			style = StyleObject
		}
		style = valueOr(w.Style, style)
		if style == StyleObject && w.Field != "" {
			r.errorAt(w.at("field"), "as an object, a connection is the whole secret", "remove the line, or write style: uri and field: conn_uri")
			return "", false
		}
		return style, true
	case FormatAirflowVariable:
		if store.Type == typeVault && w.Field == "" {
			return StyleObject, true
		}
	}
	return "", true
}

// KeyVariable is the variable that stands for the API key, in the formats
// json, env and template and in a job's environment.
const KeyVariable = "WANDB_API_KEY"

// OutputField is one field of a JSON object, or one line of the format env:
// either a variable of the job's environment or literal text.
type OutputField struct {
	Name     string
	Variable string // KeyVariable or a name in Account.Env; empty for a literal
	Literal  string
	path     string
}

// outputFields are the fields of an object, or lines, as written.
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
	case FormatJSON, FormatEnv:
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
		if f.Variable == KeyVariable {
			keys++
		}
		switch {
		case *w.Format == FormatEnv && !variableName.MatchString(f.Name):
			d.errorAt(f.path, "not the name of a variable, which a line of the format env needs", "write letters, digits and _, like WANDB_PROJECT")
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
