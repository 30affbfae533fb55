package sandbox

import (
	"encoding/json"
	"fmt"
	"time"
)

// dateTime is the schema's DateTime.
type dateTime struct{ time.Time }

// ImplementsGraphQLType is for the GraphQL library.
func (dateTime) ImplementsGraphQLType(name string) bool { return name == "DateTime" }

// UnmarshalGraphQL is for the GraphQL library; no input has a DateTime.
func (*dateTime) UnmarshalGraphQL(any) error { return fmt.Errorf("a DateTime is never an input here") }

// MarshalJSON writes the time in UTC.
func (t dateTime) MarshalJSON() ([]byte, error) {
	return json.Marshal(t.UTC().Format(time.RFC3339Nano))
}

// jsonString is the schema's JSONString.
type jsonString string

// ImplementsGraphQLType is for the GraphQL library.
func (jsonString) ImplementsGraphQLType(name string) bool { return name == "JSONString" }

// UnmarshalGraphQL is for the GraphQL library.
func (s *jsonString) UnmarshalGraphQL(input any) error {
	text, ok := input.(string)
	if !ok {
		return fmt.Errorf("a JSONString is a string that holds JSON, not %T", input)
	}
	*s = jsonString(text)
	return nil
}

// int64String is the schema's Int64.
type int64String string

// ImplementsGraphQLType is for the GraphQL library.
func (int64String) ImplementsGraphQLType(name string) bool { return name == "Int64" }

// UnmarshalGraphQL is for the GraphQL library; no input has an Int64.
func (*int64String) UnmarshalGraphQL(any) error { return fmt.Errorf("an Int64 is never an input here") }
