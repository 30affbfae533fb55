// Package report makes documents for people of what is known of all accounts:
// what a person should act on, which accounts nobody uses, which there are, why
// and whom to ask, and, for auditors, how keys were rotated over a period.
//
// A document has up to four parts and one of four formats: HTML for reading and
// for paper, one file that loads nothing and runs nothing; Markdown for terminals
// and tickets; CSV for spreadsheets, a file per part; and JSON for programs, whose
// fields are described in cmd/keyrota/OUTPUT.md. All of them say the same: they are
// made of one model, document.
//
// The package is pure: Data comes in, bytes come out, and now is one of its
// fields. No key can be in a document, since none can be in Data.
//
//	files, err := report.Files(data, report.HTML)                   // all parts
//	files, err := report.Files(data, report.CSV, report.Unused)     // one
package report
