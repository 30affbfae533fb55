package report

import (
	"fmt"
	"slices"
)

// Format is how a document is written.
type Format string

// The formats.
const (
	HTML     Format = "html"
	Markdown Format = "markdown"
	CSV      Format = "csv"
	JSON     Format = "json"
)

// Formats returns all formats.
func Formats() []Format { return []Format{HTML, Markdown, CSV, JSON} }

// File is one file of a report.
type File struct {
	Name      string // such as keyrota-prod-2026-11-30.html
	MediaType string
	Body      []byte
}

// Files writes a report: one file, or in CSV one for each part. Without parts it
// has all of them.
func Files(d Data, f Format, parts ...Part) ([]File, error) {
	if len(parts) == 0 {
		parts = Parts()
	}
	for _, p := range parts {
		if !slices.Contains(Parts(), p) {
			return nil, fmt.Errorf("making a report: there is no part %q: write %s", p, list(Parts()))
		}
	}
	doc := newDocument(d, parts)
	name := "keyrota-" + d.Instance + "-" + doc.date(d.Now).Format("2006-01-02")
	one := func(end, mediaType string, body []byte, err error) ([]File, error) {
		if err != nil {
			return nil, fmt.Errorf("making a report as %s: %w", f, err)
		}
		return []File{{Name: name + end, MediaType: mediaType, Body: body}}, nil
	}
	switch f {
	case HTML:
		body, err := doc.html()
		return one(".html", "text/html; charset=utf-8", body, err)
	case Markdown:
		return one(".md", "text/markdown; charset=utf-8", doc.markdown(), nil)
	case JSON:
		body, err := doc.json()
		return one(".json", "application/json", body, err)
	case CSV:
		var files []File
		for _, t := range doc.tables() {
			body, err := t.csv()
			if err != nil {
				return nil, fmt.Errorf("making a report as %s: %w", f, err)
			}
			files = append(files, File{Name: name + "-" + string(t.part) + ".csv", MediaType: "text/csv; charset=utf-8; header=present", Body: body})
		}
		return files, nil
	}
	return nil, fmt.Errorf("making a report: there is no format %q: write %s", f, list(Formats()))
}

// list names what there is to choose from: "a, b or c".
func list[T ~string](all []T) string {
	text := ""
	for i, s := range all {
		switch {
		case i == 0:
		case i == len(all)-1:
			text += " or "
		default:
			text += ", "
		}
		text += string(s)
	}
	return text
}
