package config

import _ "embed" // the schema is a file of its own, for editors to fetch

//go:embed schema.json
var schema string

// Schema returns the JSON Schema of the configuration file, for editors. It is
// looser than Parse: what depends on other fields or on providers is not in it.
func Schema() string { return schema }

//go:embed team.schema.json
var teamSchema string

// TeamSchema returns the JSON Schema of a file that include: names.
func TeamSchema() string { return teamSchema }
