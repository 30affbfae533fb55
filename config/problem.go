package config

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Position is a place in a configuration file.
type Position struct {
	File   string
	Line   int    // from 1; 0 when the problem is with the file as a whole
	Column int    // from 1
	Path   string // such as accounts[2].deliver[0]; empty for the whole file
}

// String returns "file:line:column".
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Severity says whether a configuration with the problem can be used.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	Severity Severity
	Position
	Message string // what is wrong; never a value of the file that may be secret
	Hint    string // what to write instead
}

// String returns the problem as shown on a terminal, over one or two lines.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.Position.String() + ": ")
	if p.Severity == Warning {
		b.WriteString("warning: ")
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Message)
	if p.Hint != "" {
		b.WriteString("\n    hint: " + p.Hint)
	}
	return b.String()
}

// Problems are all that is wrong with a configuration, in the order of the
// file; what is wrong with files that it includes comes after, file by file.
type Problems []Problem

// Errors returns those that make the configuration unusable.
func (ps Problems) Errors() Problems { return ps.of(Error) }

// Warnings returns those that a person should know and may leave as they are.
func (ps Problems) Warnings() Problems { return ps.of(Warning) }

// Err returns an error with the text of all errors, or nil if there are none.
func (ps Problems) Err() error {
	if e := ps.Errors(); len(e) > 0 {
		return errors.New(e.String())
	}
	return nil
}

// String returns all problems as shown on a terminal, without a last newline.
func (ps Problems) String() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

func (ps Problems) of(s Severity) Problems {
	var out Problems
	for _, p := range ps {
		if p.Severity == s {
			out = append(out, p)
		}
	}
	return out
}

// sort puts those of the root file first.
func (ps Problems) sort(root string) {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		if (a.File == root) != (b.File == root) {
			if a.File == root {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Severity, b.Severity))
	})
}

// once leaves out what was told before: what is wrong with a default is found
// at every account it holds for.
func (ps Problems) once() Problems {
	told := map[Problem]bool{}
	return slices.DeleteFunc(ps, func(p Problem) bool {
		again := told[p]
		told[p] = true
		return again
	})
}

// report collects the problems of one configuration, and what is checked once
// all of it is read.
type report struct {
	file       string           // the root file
	dir        string           // what relative paths in it are relative to
	nodes      map[string]*node // by path, to find the place of a field
	references []Reference
	sources    []source
	problems   Problems
	structs    map[reflect.Type][]field // see decoder.fieldsOf
}

// below returns a report that knows the places below one field alone, for what
// outlives the reading of the file.
func (r *report) below(field string) *report {
	part := &report{file: r.file, dir: r.dir, nodes: map[string]*node{}}
	for path, n := range r.nodes {
		if path == field || strings.HasPrefix(path, field+".") {
			part.nodes[path] = n
		}
	}
	return part
}

// place finds the node of a path or, where that was not written, of the
// nearest thing around it that was.
func (r *report) place(path string) *node {
	file, _ := splitPath(path)
	for p := path; ; {
		if n, ok := r.nodes[p]; ok {
			return n
		}
		i := strings.LastIndexAny(p, ".[")
		if i < len(file) {
			return r.nodes[file]
		}
		p = p[:i]
	}
}

func (r *report) position(path string) Position {
	line, column := 0, 0
	if n := r.place(path); n != nil {
		line, column = n.line, n.column
	}
	return r.locate(path, line, column)
}

// locate returns the position of a path whose line and column are known.
func (r *report) locate(path string, line, column int) Position {
	p := Position{File: r.file, Line: line, Column: column, Path: shown(path)}
	if file, _ := splitPath(path); file != "" {
		p.File = strings.TrimSuffix(file, fileEnd)
	}
	return p
}

// fileEnd ends the name of an included file, with which the paths of its
// fields begin; those of the root file begin with the field.
const fileEnd = "\x00"

// splitPath takes the file, with its end, off a path; the root file is "".
func splitPath(path string) (file, rest string) {
	i := strings.Index(path, fileEnd) + len(fileEnd)
	if i < len(fileEnd) {
		i = 0
	}
	return path[:i], path[i:]
}

// shown is a path as people read it, without its file.
func shown(path string) string {
	_, rest := splitPath(path)
	return strings.TrimPrefix(rest, ".")
}

// from names a position to someone who reads at another: with its file, where
// that is not the same.
func (p Position) from(q Position) string {
	if p.File == q.File {
		return fmt.Sprintf("%d:%d", p.Line, p.Column)
	}
	return p.String()
}

func (r *report) add(s Severity, p Position, message, hint string) {
	r.problems = append(r.problems, Problem{Severity: s, Position: p, Message: message, Hint: hint})
}

// errorAt reports an error at the field of a path. message and hint must not
// hold a value of the file that was not checked to be harmless. It says
// nothing of a field that was told to be bad: what follows from that helps
// nobody.
func (r *report) errorAt(path, message, hint string) { r.at(Error, path, message, hint) }

func (r *report) warnAt(path, message, hint string) { r.at(Warning, path, message, hint) }

func (r *report) at(s Severity, path, message, hint string) {
	if n, ok := r.nodes[path]; !ok || !n.bad {
		r.add(s, r.position(path), message, hint)
	}
}

// fault reports a node from which no value can be taken.
func (r *report) fault(n *node, message, hint string) {
	if !n.bad {
		n.bad = true
		r.add(Error, r.position(n.path), message, hint)
	}
}
