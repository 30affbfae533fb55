package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/goccy/go-yaml"
)

// outputFormat is the value of --output.
type outputFormat string

const (
	outputTable    outputFormat = "table"
	outputJSON     outputFormat = "json"
	outputYAML     outputFormat = "yaml"
	outputMarkdown outputFormat = "markdown" // of plan --since alone
)

// String is part of pflag.Value.
func (o *outputFormat) String() string {
	if *o == "" {
		return string(outputTable)
	}
	return string(*o)
}

// Set is part of pflag.Value.
func (o *outputFormat) Set(s string) error {
	switch f := outputFormat(s); f {
	case outputTable, outputJSON, outputYAML, outputMarkdown:
		*o = f
		return nil
	}
	return errors.New("write table, json or yaml")
}

// Type is part of pflag.Value.
func (o *outputFormat) Type() string { return "FORMAT" }

// print writes data as JSON or YAML, or else what table writes.
func (a *app) print(data any, table func(w io.Writer)) error {
	if a.output == "" || a.output == outputTable {
		table(a.stdout)
		return nil
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(data)
	document := text.Bytes()
	if err == nil && a.output == outputYAML {
		document, err = yaml.JSONToYAML(document)
	}
	if err == nil {
		_, err = a.stdout.Write(document)
	}
	if err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	return nil
}
