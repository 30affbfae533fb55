package config

import (
	"reflect"
	"slices"
	"strings"
	"time"
)

// writtenDestination is the long form of a destination, as it is written: its
// names may wait for an account, and its reader for a type of store.
type writtenDestination struct {
	// Store is the name of a store under stores:.
	Store string `yaml:"store" keyrota:"required"`
	// Path of the secret in the store. May hold {{.Account.Name}}, {{.Account.Team}}, {{.Account.Ref}} and {{.Instance}}. Follows from connection or variable where the reader has a rule for it.
	Path string `yaml:"path"`
	// Field of the secret; the others stay byte for byte. Left out, the whole secret is written.
	Field string `yaml:"field"`
	// Format is raw (the key alone), json, env (lines of NAME=value), airflow-connection, airflow-variable or template; follows from reader, fields or template, else raw.
	Format *Format `yaml:"format"`
	// Fields of the JSON object, or lines of the format env: each a name and the variable it takes, like {api_key: WANDB_API_KEY}, or {literal: text}; or a list of variables.
	Fields outputFields `yaml:"fields"`
	// Template is Go template text with {{ .WANDB_API_KEY }} in it once.
	Template *string `yaml:"template"`
	// Style of an Airflow connection: object (the fields of the secret), json or uri; object in Vault and json elsewhere when left out.
	Style *Style `yaml:"style"`
	// ConnType is the type of an Airflow connection; generic when left out.
	ConnType string `yaml:"conn_type"`
	// Reader is what reads the secret: path, format, tags and cache follow from it where they are not written.
	Reader *Reader `yaml:"reader"`
	// Connection is the id of the Airflow connection.
	Connection string `yaml:"connection"`
	// Variable is the key of the Airflow variable, or the environment variable in Dagster.
	Variable string `yaml:"variable"`
	// Prefix replaces the one under which the reader looks, like airflow/connections.
	Prefix *string `yaml:"prefix"`
	// Tag is the one by which Dagster finds its secrets; dagster when left out.
	Tag string `yaml:"tag"`
	// Cache is the longest that a reader keeps what it read; the overlap covers it. Follows from reader.
	Cache *time.Duration `yaml:"cache"`
	// Tags are kept beside the secret. Values may hold {{.Account.Name}} and the like.
	Tags map[string]string `yaml:"tags"`
	// Description is kept beside the secret, for people; says whose key it is when left out.
	Description *string `yaml:"description"`
	// Exclusive promises that nobody else writes this secret, for one field in a store that cannot guard against a second writer (Azure).
	Exclusive bool `yaml:"exclusive"`
	// Formerly is the place that this destination was at before, as store:path#field: as long as it is on record it is delivered to as well, so that its readers can move; keyrota release ends that.
	Formerly string `yaml:"formerly"`
	// Namespace of Vault, for this destination instead of the store's.
	Namespace string `yaml:"namespace"`
	// Mount of Vault's engine, for this destination instead of the store's.
	Mount string `yaml:"mount"`
	// Role to log in to Vault with, for this destination instead of the store's.
	Role string `yaml:"role"`
	// Region of AWS, for this destination instead of the store's.
	Region string `yaml:"region"`
	// RoleARN is the AWS role to assume, for this destination instead of the store's.
	RoleARN string `yaml:"role_arn"`

	path      string
	line      bool // written as store:path#field
	writeOnly bool
}

// at returns the path of one of its settings.
func (w *writtenDestination) at(name string) string {
	if w.line {
		return w.path
	}
	return w.path + "." + name
}

// deliveries is one destination or a list of them.
type deliveries []writtenDestination

func (ds *deliveries) decodeNode(d *decoder, n *node) {
	parts := []*node{n}
	switch n.kind {
	case kindNull:
		d.fault(n, "has no value", destinationHint)
		return
	case kindList:
		parts = n.items
	}
	for _, p := range parts {
		before := len(d.problems)
		w := writtenDestination{path: p.path}
		w.decode(d, p)
		// One with a problem is left out, so that it is not told twice.
		if len(d.problems) == before && !p.bad && !slices.ContainsFunc(p.entries, func(e entry) bool { return e.value.bad }) {
			*ds = append(*ds, w)
		}
	}
}

func (w *writtenDestination) decode(d *decoder, n *node) {
	if n.kind != kindMapping {
		w.decodeLine(d, n)
		return
	}
	before := len(d.problems)
	d.decodeStruct(n, reflect.ValueOf(w).Elem())
	if len(d.problems) > before {
		return
	}
	if n.entry("path") == nil && strings.Contains(w.Store, ":") {
		d.errorAt(n.path+".store", "only the name of a store belongs here", longFormHint)
		return
	}
	named := w.checkReader(d, n)
	if n.entry("path") == nil && !named {
		d.errorAt(n.path, "path is missing", "add path:")
	}
	w.checkNames(d, n)
	w.checkFormat(d, n)
	w.checkTags(d, n)
	w.checkOverrides(d, n)
}

// decodeLine reads store:path#field.
func (w *writtenDestination) decodeLine(d *decoder, n *node) {
	if !d.wants(n, kindScalar, destinationHint) {
		return
	}
	store, rest, hasStore := strings.Cut(n.text, ":")
	secret, f, hasField := strings.Cut(rest, "#")
	switch {
	case !hasStore || !storeName.MatchString(store):
		d.errorAt(n.path, "not a destination", destinationHint)
	case templated(secret) && !d.checkName(n.path, secret), templated(f) && !d.checkName(n.path, f):
	case !templated(secret) && !goodPath(secret):
		d.errorAt(n.path, "the path of the destination is not valid", "write a path without spaces, .. or an empty part, like vault:secret/ci/wandb#WANDB_API_KEY")
	case hasField && !templated(f) && !goodField(f):
		d.errorAt(n.path, "the field of the destination is not valid", destinationHint)
	}
	format := FormatRaw
	w.Store, w.Path, w.Field, w.Format, w.line = store, secret, f, &format, true
}

// checkNames checks the names that are known before an account is; those with
// a template in them are checked when it is.
func (w *writtenDestination) checkNames(d *decoder, n *node) {
	names := map[string]func(string) bool{"path": goodPath, "field": goodField, "connection": goodID, "variable": goodID}
	for _, e := range n.entries {
		good, ok := names[e.name]
		switch {
		case !ok:
		case templated(e.value.text):
			d.checkName(e.value.path, e.value.text)
		case !good(e.value.text):
			w.badName(d.report, e.name)
		}
	}
	if w.Prefix != nil && *w.Prefix != "" && !goodPath(*w.Prefix) {
		d.errorAt(n.path+".prefix", "not a prefix", "write it as the reader's own configuration has it, like airflow/connections")
	}
}

// badName reports a name that no store or reader can have.
func (w *writtenDestination) badName(r *report, name string) {
	switch name {
	case "path":
		r.errorAt(w.at(name), "not a path", pathHint)
	case "field":
		r.errorAt(w.at(name), "not the name of a field", fieldHint)
	case "connection":
		r.errorAt(w.at(name), "not the id of a connection", "write letters, digits, _, - and ., like ml_wandb")
	case "variable":
		r.errorAt(w.at(name), "not the key of a variable", "write letters, digits, _, - and ., like WANDB_API_KEY")
	}
}

func (w *writtenDestination) checkFormat(d *decoder, n *node) {
	hasFields, hasTemplate := n.entry("fields") != nil, w.Template != nil
	if w.Format == nil && (hasTemplate || hasFields) {
		f := FormatJSON
		if hasTemplate {
			f = FormatTemplate
		}
		w.Format = &f
	}
	format := valueOr(w.Format, w.presetFormat())
	connection := format == FormatAirflowConnection
	switch {
	case hasFields && format != FormatJSON && format != FormatEnv:
		d.errorAt(n.path+".fields", "fields belong to the formats json and env", "write format: json or format: env, or remove fields:")
	case hasTemplate && format != FormatTemplate:
		d.errorAt(n.path+".template", "a template belongs to the format template", "write format: template, or remove template:")
	case format == FormatTemplate && !hasTemplate:
		d.errorAt(n.path, "template is missing", "add template: with {{ .WANDB_API_KEY }} in it")
	case w.Style != nil && !connection:
		d.errorAt(n.path+".style", "a style belongs to the format airflow-connection", "write format: airflow-connection, or remove style:")
	case n.entry("conn_type") != nil && !connection:
		d.errorAt(n.path+".conn_type", "conn_type belongs to the format airflow-connection", "write format: airflow-connection, or remove conn_type:")
	case n.entry("conn_type") != nil && !connType.MatchString(w.ConnType):
		d.errorAt(n.path+".conn_type", "not a type of connection", "write lower case letters, digits and _, like generic or http")
	}
}
