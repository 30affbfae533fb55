package awstest

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Model is AWS's own model of the API: api-2.json of the AWS SDK for Go v1.
type Model struct {
	Operations map[string]ModelOperation
	Shapes     map[string]ModelShape
}

// ModelOperation is an operation of a Model.
type ModelOperation struct {
	Input, Output ModelRef
	Errors        []ModelRef
}

// ModelRef is a reference to a shape.
type ModelRef struct{ Shape string }

// ModelShape is the form of a value.
type ModelShape struct {
	Type     string
	Required []string
	Members  map[string]ModelRef
	Member   ModelRef // of a list
	Key      ModelRef // of a map
	Value    ModelRef // of a map
	Min, Max *int
	Pattern  string
	Enum     []string
}

// LoadModel reads a model.
func LoadModel(path string) (*Model, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("awstest: %w", err)
	}
	m := &Model{}
	if err := json.Unmarshal(raw, m); err != nil {
		return nil, fmt.Errorf("awstest: reading %s: %w", path, err)
	}
	return m, nil
}

// commonErrors are errors that every operation can answer.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html
// and what the protocol and its signatures add.
func commonErrors() []string {
	return []string{
		"AccessDeniedException", "ExpiredTokenException", "IncompleteSignatureException", "InternalFailure", "InvalidSignatureException",
		"MissingAuthenticationTokenException", "RequestEntityTooLargeException", "SerializationException", "ServiceUnavailable",
		"ThrottlingException", "UnknownOperationException", "UnrecognizedClientException", "ValidationException",
	}
}

// Check says in what an exchange is not as the model has it: an unknown or
// missing member, a value of the wrong form, an error that the operation does
// not declare. The request is looked at only if it was accepted.
func (m *Model) Check(e Exchange) error {
	op, known := m.Operations[e.Operation]
	if !known {
		return fmt.Errorf("%s is no operation", e.Operation)
	}
	if e.Failure != nil {
		return m.checkFailure(op, e)
	}
	var all []error
	if err := m.checkJSON(op.Input, e.Request, "request"); err != nil {
		all = append(all, err)
	}
	if op.Output.Shape == "" {
		if len(e.Answer) > 0 {
			all = append(all, errors.New("an answer where there is none"))
		}
	} else if err := m.checkJSON(op.Output, e.Answer, "answer"); err != nil {
		all = append(all, err)
	}
	if len(all) > 0 {
		return fmt.Errorf("%s: %w", e.Operation, errors.Join(all...))
	}
	return nil
}

func (m *Model) checkFailure(op ModelOperation, e Exchange) error {
	code := e.Failure.Code
	declared := slices.ContainsFunc(op.Errors, func(r ModelRef) bool { return r.Shape == code })
	if !declared && !slices.Contains(commonErrors(), code) {
		return fmt.Errorf("%s: the model declares no error %s", e.Operation, code)
	}
	return nil
}

func (m *Model) checkJSON(ref ModelRef, raw json.RawMessage, what string) error {
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return errors.Join(m.check(ref, value, what)...)
}

// check compares a value with a shape, and returns what is wrong, with its path.
func (m *Model) check(ref ModelRef, value any, path string) []error {
	shape, known := m.Shapes[ref.Shape]
	if !known {
		return []error{fmt.Errorf("%s: there is no shape %s", path, ref.Shape)}
	}
	wrong := func(format string, arguments ...any) []error {
		return []error{fmt.Errorf("%s: %s (%s)", path, fmt.Sprintf(format, arguments...), ref.Shape)}
	}
	switch shape.Type {
	case "structure":
		members, ok := value.(map[string]any)
		if !ok {
			return wrong("it is no structure")
		}
		return m.checkMembers(shape, members, path)
	case "list":
		list, ok := value.([]any)
		if !ok {
			return wrong("it is no list")
		}
		all := shape.checkRange(len(list), wrong)
		for i, one := range list {
			all = append(all, m.check(shape.Member, one, fmt.Sprintf("%s[%d]", path, i))...)
		}
		return all
	case "map":
		pairs, ok := value.(map[string]any)
		if !ok {
			return wrong("it is no map")
		}
		var all []error
		for key, one := range pairs {
			all = append(all, m.check(shape.Key, key, path+".key")...)
			all = append(all, m.check(shape.Value, one, path+"."+key)...)
		}
		return all
	case "string":
		text, ok := value.(string)
		if !ok {
			return wrong("it is no string")
		}
		return shape.checkString(ref.Shape, text, wrong)
	case "blob":
		text, ok := value.(string)
		raw, err := base64.StdEncoding.DecodeString(text)
		if !ok || err != nil {
			return wrong("it is not base64")
		}
		return shape.checkRange(len(raw), wrong)
	case "integer", "long":
		number, ok := value.(float64)
		if !ok || number != float64(int(number)) {
			return wrong("it is no integer")
		}
		return shape.checkRange(int(number), wrong)
	case "timestamp":
		if _, ok := value.(float64); !ok {
			return wrong("it is no timestamp")
		}
	case "boolean":
		if _, ok := value.(bool); !ok {
			return wrong("it is no boolean")
		}
	default:
		return wrong("it has the unknown type %s", shape.Type)
	}
	return nil
}

func (m *Model) checkMembers(shape ModelShape, members map[string]any, path string) []error {
	var all []error
	for _, name := range shape.Required {
		if members[name] == nil {
			all = append(all, fmt.Errorf("%s: %s is missing", path, name))
		}
	}
	for name, value := range members {
		if value == nil {
			continue // as good as absent
		}
		ref, known := shape.Members[name]
		if !known {
			all = append(all, fmt.Errorf("%s: there is no member %s", path, name))
			continue
		}
		all = append(all, m.check(ref, value, path+"."+name)...)
	}
	return all
}

func (s ModelShape) checkRange(n int, wrong func(string, ...any) []error) []error {
	switch {
	case s.Min != nil && n < *s.Min:
		return wrong("%d is less than %d", n, *s.Min)
	case s.Max != nil && n > *s.Max:
		return wrong("%d is more than %d", n, *s.Max)
	}
	return nil
}

func (s ModelShape) checkString(name, text string, wrong func(string, ...any) []error) []error {
	if name == "SecretNameType" && s.Max != nil { // of answers; a name can be as long as NameType, of requests
		longer := maxName
		s.Max = &longer
	}
	if bad := s.checkRange(utf8.RuneCountInString(text), wrong); bad != nil {
		return bad
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, text) {
		return wrong("it is none of %s", strings.Join(s.Enum, ", "))
	}
	if s.Pattern != "" {
		if form, err := regexp.Compile(s.Pattern); err != nil || !form.MatchString(text) {
			return wrong("it does not match %s", s.Pattern)
		}
	}
	return nil
}
