package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/sync/export"
	"github.com/keyrota/keyrota/sync/federation"
	"github.com/keyrota/keyrota/sync/inventory"
)

// problemView is one problem in the output of validate.
type problemView struct {
	Severity string `json:"severity"` // error or warning
	File     string `json:"file"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Path     string `json:"path,omitempty"`
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"`
}

func newValidate(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "validate",
		Short: "Check a configuration without touching anything",
		Long: `Checks a configuration file, and those that it includes, and says everything
that is wrong with them, each with its place and what to write instead. It calls
no server and reads no secret.`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return a.validate() },
	}
}

func (a *app) validate() error {
	path, err := a.findConfig()
	if err != nil {
		return err
	}
	c, problems, err := config.Load(path, configOptions(a.env))
	if err != nil {
		return err
	}
	digest := ""
	if c != nil {
		digest = c.Digest
		problems = append(problems, a.providerProblems(c)...)
	}
	views := make([]problemView, 0, len(problems))
	for _, p := range problems {
		views = append(views, problemView{
			string(p.Severity), p.File, p.Line, p.Column, p.Path, p.Message, p.Hint,
		})
	}
	err = a.print(struct {
		File     string        `json:"file"`
		Valid    bool          `json:"valid"`
		Digest   string        `json:"digest,omitempty"` // of the file and those that it includes
		Problems []problemView `json:"problems"`
	}{path, len(problems.Errors()) == 0, digest, views}, func(w io.Writer) {
		for _, p := range problems {
			_, _ = fmt.Fprintln(w, p)
		}
		if c != nil && len(problems.Errors()) == 0 {
			_, _ = fmt.Fprintf(w, "%s is valid: %s, %s, %s\n", path,
				count(len(c.Accounts), "account"), count(len(c.StoreNames()), "store"), count(len(problems.Warnings()), "warning"))
			_, _ = fmt.Fprintf(w, "Its digest, which events will bear: %s\n", digest)
		}
	})
	if err != nil {
		return err
	}
	if n := len(problems.Errors()); n > 0 {
		return &exitError{exitFailed, fmt.Errorf("%s has %s: write what the hints say", path, count(n, "error"))}
	}
	return nil
}

// providerProblems is what the providers themselves say of a configuration.
func (a *app) providerProblems(c *config.Config) config.Problems {
	of := func(s config.Severity, text string) config.Problem {
		return config.Problem{Severity: s, Position: config.Position{File: c.File}, Message: text}
	}
	p, warnings, err := a.openProviders(c)
	if err != nil {
		return config.Problems{of(config.Error, err.Error())}
	}
	var problems config.Problems
	for _, w := range warnings {
		problems = append(problems, of(config.Warning, w))
	}
	if _, err := a.targets(c, p.Stores); err != nil {
		problems = append(problems, of(config.Error, err.Error()))
	}
	if _, err := a.sinks(c, p.Stores, export.Encoder{}); err != nil {
		problems = append(problems, of(config.Error, err.Error()))
	}
	_, err = inventory.Build(c, p, "")
	_, kept := federation.Accounts(c, p.Stores)
	var refused *inventory.Refusal
	for _, err := range append(each(err), each(kept)...) {
		problem := of(config.Error, err.Error())
		if errors.As(err, &refused) {
			problem.Position, problem.Message = refused.Pos, refused.Err.Error()
		}
		problems = append(problems, problem)
	}
	return problems
}

// each takes a joined error apart.
func each(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}
