package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/invopop/jsonschema"
	"github.com/rogpeppe/go-internal/txtar"
	validator "github.com/santhosh-tekuri/jsonschema/v6"
)

const variable = `\$\{`

func text(pattern string) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: pattern}
}

func anyOf(s ...*jsonschema.Schema) *jsonschema.Schema { return &jsonschema.Schema{AnyOf: s} }

func listOf(s *jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "array", Items: s}
}

func object(values *jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "object", AdditionalProperties: values}
}

func ref(name string) *jsonschema.Schema { return &jsonschema.Schema{Ref: "#/$defs/" + name} }

// scalars are the forms of the types that read a node themselves.
func scalars() map[string]*jsonschema.Schema {
	duration := anyOf(text(`^(0|([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?)$|`+variable), &jsonschema.Schema{Const: 0})
	duration.Description = "Whole numbers with the units w, d, h, m, s and ms, from large to small, like 90d or 1d12h."
	reference := text(`^(env:|file:|store:)|` + variable)
	reference.Description = "Where a credential stands: env:NAME, file:/path, or store:NAME/path#field."
	line := text(`^[a-z0-9][a-z0-9_-]*:[^#]+(#[^#]+)?$|` + variable)
	line.Description = "store:path#field"
	one := anyOf(ref("destination_line"), ref("destination"))
	value := anyOf(&jsonschema.Schema{Type: "string"}, &jsonschema.Schema{Type: "number"}, &jsonschema.Schema{Type: "boolean"})
	return map[string]*jsonschema.Schema{
		"duration":         duration,
		"reference":        reference,
		"destination_line": line,
		"deliver":          anyOf(ref("destination_line"), ref("destination"), listOf(one)),
		"window":           anyOf(text(""), listOf(text(""))),
		"cron":             text(""),
		"day":              text(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$|` + variable),
		"longest_job":      anyOf(ref("duration"), &jsonschema.Schema{Const: "forever"}),
		"value":            value,
		"fields":           anyOf(listOf(text("")), object(anyOf(text(""), object(ref("value"))))),
		"integer":          anyOf(&jsonschema.Schema{Type: "integer"}, text(variable)),
		"include":          anyOf(text(""), listOf(text(""))),
		"allow":            anyOf(text(""), listOf(text(""))),
		"rotation_limit":   anyOf(&jsonschema.Schema{Type: "integer", Minimum: json.Number("1")}, text(`^[0-9]+%?$|`+variable)),
		"headers":          object(ref("reference")),
		"stores":           object(anyOf(&jsonschema.Schema{Type: "object"}, &jsonschema.Schema{Type: "null"})),
	}
}

var mapped = map[reflect.Type]string{
	reflect.TypeFor[time.Duration]():     "duration",
	reflect.TypeFor[Reference]():         "reference",
	reflect.TypeFor[deliveries]():        "deliver",
	reflect.TypeFor[Window]():            "window",
	reflect.TypeFor[cronExpression]():    "cron",
	reflect.TypeFor[day]():               "day",
	reflect.TypeFor[LongestJob]():        "longest_job",
	reflect.TypeFor[outputFields]():      "fields",
	reflect.TypeFor[int]():               "integer",
	reflect.TypeFor[stores]():            "stores",
	reflect.TypeFor[patterns]():          "include",
	reflect.TypeFor[allowed]():           "allow",
	reflect.TypeFor[RotationLimit]():     "rotation_limit",
	reflect.TypeFor[map[string]string](): "env",

	reflect.TypeFor[map[string]Reference](): "headers",
}

var names = map[string]string{
	"writtenDestination": "destination", "writtenFreeze": "freeze", "eventTarget": "event_target",
	"writtenUse": "usage", "naming": "names", "writtenSink": "sink", "writtenRoute": "route", "writtenReport": "report",
	"slackSink": "slack", "pagerDutySink": "pagerduty", "emailSink": "email", "webhookSink": "webhook",
}

// generate makes the schema of a kind of file from its type.
func generate(t *testing.T, file any, title string) []byte {
	t.Helper()
	comments := fieldComments(t)
	types := map[string]reflect.Type{}
	r := &jsonschema.Reflector{
		FieldNameTag: "yaml", RequiredFromJSONSchemaTags: true, Anonymous: true, ExpandedStruct: true,
		Mapper: func(t reflect.Type) *jsonschema.Schema {
			if name, ok := mapped[t]; ok {
				return ref(name)
			}
			if e, ok := reflect.Zero(t).Interface().(enumerated); ok {
				s := &jsonschema.Schema{Type: "string"}
				for _, v := range e.Values() {
					s.Enum = append(s.Enum, v)
				}
				return anyOf(s, text(variable))
			}
			return nil
		},
		Namer: func(t reflect.Type) string {
			name := t.Name()
			if n, ok := names[name]; ok {
				name = n
			}
			types[name] = t
			return name
		},
		LookupComment: func(t reflect.Type, field string) string {
			if field == "" {
				return ""
			}
			f, ok := t.FieldByName(field)
			if !ok || len(f.Index) > 1 {
				return ""
			}
			// Go's name of the field is not the one that people write.
			comment := comments[t.Name()+"."+field]
			if rest, ok := strings.CutPrefix(comment, field+" "); ok {
				return f.Tag.Get("yaml") + " " + rest
			}
			return comment
		},
	}
	s := r.Reflect(file)
	for name, def := range r.Reflect(writtenDestination{}).Definitions {
		s.Definitions[name] = def
	}
	destination := r.Reflect(writtenDestination{})
	destination.Version, destination.Definitions = "", nil
	s.Definitions["destination"] = destination
	for name, def := range scalars() {
		s.Definitions[name] = def
	}
	s.Definitions["env"] = object(ref("value"))
	delete(s.Definitions, "document")
	delete(s.Definitions, "teamFile")
	require := func(s *jsonschema.Schema, t reflect.Type) {
		for _, f := range fields(t) {
			if f.required {
				s.Required = append(s.Required, f.name)
			}
		}
	}
	require(s, reflect.TypeOf(file))
	for name, def := range s.Definitions {
		if typ, ok := types[name]; ok && typ.Kind() == reflect.Struct {
			require(def, typ)
		}
	}
	if l, ok := s.Definitions["ledger"]; ok {
		s.Definitions["ledger"] = anyOf(text(""), l)
	}
	if instance, ok := s.Properties.Get("instance"); ok {
		instance.Pattern = instanceName.String() + "|" + variable
	}
	s.Title = title
	out, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(out, '\n')
}

// fieldComments returns the comments of all struct fields of this package, by
// "type.Field".
func fieldComments(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	comments := map[string]string{}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			ts, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if st, ok := ts.Type.(*ast.StructType); ok {
				for _, field := range st.Fields.List {
					for _, id := range field.Names {
						comments[ts.Name.Name+"."+id.Name] = strings.Join(strings.Fields(field.Doc.Text()), " ")
					}
				}
			}
			return true
		})
	}
	return comments
}

// The schemas that editors use are those that follow from the types.
func TestSchema(t *testing.T) {
	for _, s := range []struct {
		name, title, is string
		of              any
	}{
		{"schema.json", "keyrota configuration", Schema(), document{}},
		{"team.schema.json", "keyrota: the accounts of one team", TeamSchema(), teamFile{}},
	} {
		got := generate(t, s.of, s.title)
		if *update {
			if err := os.WriteFile(s.name, got, 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if diff := cmp.Diff(s.is, string(got)); diff != "" {
			t.Errorf("%s is not what the types say; run go generate ./config\n%s", s.name, diff)
		}
		everythingIsDescribed(t, got)
	}
}

func everythingIsDescribed(t *testing.T, got []byte) {
	t.Helper()
	var undescribed []string
	var root struct {
		Properties map[string]struct{ Description string } `json:"properties"`
		Defs       map[string]struct {
			Properties map[string]struct{ Description string }
		} `json:"$defs"`
	}
	if err := json.Unmarshal(got, &root); err != nil {
		t.Fatal(err)
	}
	for name, p := range root.Properties {
		if p.Description == "" {
			undescribed = append(undescribed, name)
		}
	}
	for def, s := range root.Defs {
		for name, p := range s.Properties {
			if p.Description == "" {
				undescribed = append(undescribed, def+"."+name)
			}
		}
	}
	if len(undescribed) > 0 {
		t.Errorf("fields without a description: %v", undescribed)
	}
}

func schemaError(t *testing.T, schema string, data []byte) error {
	t.Helper()
	doc, err := validator.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	c := validator.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := yaml.YAMLToJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	instance, err := validator.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(instance)
}

// The schema takes what loads, and refuses what is unknown or of a wrong kind.
func TestSchemaAgreesWithLoading(t *testing.T) {
	good, err := filepath.Glob("testdata/good/*.yaml")
	more, moreErr := filepath.Glob("testdata/good/teams/*.yaml")
	good, err = append(good, more...), errors.Join(err, moreErr)
	if err != nil || len(good) == 0 {
		t.Fatal("no examples", err)
	}
	for _, name := range good {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		schema := Schema()
		if strings.Contains(filepath.ToSlash(name), "/teams/") {
			schema = TeamSchema()
		}
		if err := schemaError(t, schema, data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	archive, err := txtar.ParseFile("testdata/problems/fields.txtar")
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, f := range archive.Files {
		switch f.Name {
		case "unknown.yaml", "missing.yaml", "kinds.yaml", "instance.yaml", "ledger-mapping-empty.yaml":
			refused++
			if schemaError(t, Schema(), f.Data) == nil {
				t.Errorf("%s is in order for the schema", f.Name)
			}
		}
	}
	if refused != 5 {
		t.Errorf("%d of the 5 bad files are there", refused)
	}
}
