package report

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"strings"
	"time"
)

// table is one part for spreadsheets.
type table struct {
	part   Part
	header []string
	rows   [][]string
}

// csv writes a table by RFC 4180. Times are RFC 3339 in UTC.
func (t table) csv() ([]byte, error) {
	var text bytes.Buffer
	w := csv.NewWriter(&text)
	w.UseCRLF = true
	if err := w.Write(t.header); err != nil {
		return nil, err
	}
	for _, row := range t.rows {
		for i, cell := range row {
			row[i] = inert(cell)
		}
		if err := w.Write(row); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return text.Bytes(), w.Error()
}

// inert keeps a spreadsheet from taking text for a formula: others write names
// and reasons. The quote before it says that it is text.
func inert(cell string) string {
	if strings.IndexAny(strings.TrimLeft(cell, " "), "=+-@\t\r\n") == 0 {
		return "'" + cell
	}
	return cell
}

// tables are the parts of the document.
func (doc *document) tables() []table {
	var all []table
	if doc.Findings != nil {
		all = append(all, doc.Findings.table())
	}
	if doc.Unused != nil {
		all = append(all, doc.Unused.table())
	}
	if doc.Inventory != nil {
		all = append(all, doc.Inventory.table())
	}
	if doc.Rotations != nil {
		all = append(all, doc.Rotations.table())
	}
	return all
}

func (v findingsView) table() table {
	t := table{part: Findings, header: []string{
		"severity", "code", "account", "subject", "team", "owner", "since", "title", "evidence", "broken", "safe_until", "do", "command",
		"change", "sources", "acknowledged_until", "acknowledged_by", "acknowledged_reason",
	}}
	for _, f := range v {
		row := []string{
			f.Severity, f.Code, f.Account, f.Subject, f.Team, f.Owner, stamp(f.Since), f.Title, lines(f.Evidence), f.Broken,
			stamp(f.SafeUntil), f.Do, f.Command, f.Change, lines(f.Sources),
		}
		t.rows = append(t.rows, append(row, f.Acknowledged.cells()...))
	}
	return t
}

func (a *acknowledgedView) cells() []string {
	if a == nil {
		return []string{"", "", ""}
	}
	return []string{stamp(a.Until), a.By, a.Reason}
}

func (v unusedView) table() table {
	t := table{part: Unused, header: []string{
		"account", "team", "owner", "purpose", "managed", "use", "first_used", "last_used", "idle_days", "seen_by", "evidence", "do", "command",
		"change", "acknowledged_until", "acknowledged_by", "acknowledged_reason",
	}}
	for _, u := range v {
		idle := ""
		if u.LastUsed != nil {
			idle = strconv.Itoa(u.IdleDays)
		}
		row := []string{
			u.Account, u.Team, u.Owner, u.Purpose, strconv.FormatBool(u.Managed), u.Use, stamp(u.FirstUsed), stamp(u.LastUsed), idle,
			lines(u.SeenBy), lines(u.Evidence), u.Do, u.Command, u.Change,
		}
		t.rows = append(t.rows, append(row, u.Acknowledged.cells()...))
	}
	return t
}

func (v inventoryView) table() table {
	t := table{part: Inventory, header: []string{
		"account", "manage", "state", "id", "scope", "team", "purpose", "reason", "owner", "used_by", "destinations", "phase", "key", "issued", "due",
		"use", "last_used", "reviewed", "findings", "position",
	}}
	for _, a := range v.Accounts {
		t.rows = append(t.rows, []string{
			a.Account, a.Manage, a.State, a.ID, a.Scope, a.Team, a.Purpose, a.Reason, a.Owner, lines(a.UsedBy), lines(a.Destinations), a.Phase, a.Key,
			stamp(a.Issued), stamp(a.Due), a.Use, stamp(a.LastUsed), stamp(a.Reviewed), strconv.Itoa(a.Findings), a.Position,
		})
	}
	for _, a := range v.NotManaged {
		row := make([]string, len(t.header))
		row[0], row[1], row[3], row[4], row[5] = a.Account, "not managed", a.ID, a.Scope, a.Team
		row[15], row[16] = a.Use, stamp(a.LastUsed)
		t.rows = append(t.rows, row)
	}
	for _, l := range v.Left {
		row := make([]string, len(t.header))
		row[0], row[1], row[12] = l.Account, "left", l.Key
		t.rows = append(t.rows, row)
	}
	return t
}

// table holds rotations, then events, then the head: the first column says
// which a row is.
func (v rotationsView) table() table {
	t := table{part: Rotations, header: []string{
		"record", "time", "account", "event", "edition", "key", "words", "by", "destinations", "agreed", "replaced", "replaced_deleted", "seq", "hash",
	}}
	for _, r := range v.Rotations {
		var keys, times []string
		for _, k := range r.Deleted {
			keys, times = append(keys, k.Key), append(times, k.Time.UTC().Format(time.RFC3339)+" "+k.How)
		}
		t.rows = append(t.rows, []string{
			"rotation", stamp(r.Offered), r.Account, r.How, strconv.FormatUint(r.Edition, 10), r.Key, r.Why, r.By,
			strconv.Itoa(r.Destinations), stamp(r.Agreed), lines(keys), lines(times), "", "",
		})
	}
	for _, e := range v.Events {
		t.rows = append(t.rows, []string{
			"event", e.Time.UTC().Format(time.RFC3339), e.Account, e.Event, "", "", e.Words, e.By, "", "", "", "", strconv.FormatInt(e.Seq, 10), "",
		})
	}
	t.rows = append(t.rows, []string{
		"head", stamp(v.Chain.Time), "", "", "", "", v.Chain.Proof, "", "", "", "", "", strconv.FormatInt(v.Chain.Seq, 10), v.Chain.Hash,
	})
	return t
}

// lines puts several things into one cell, a line each.
func lines(all []string) string { return strings.Join(all, "\n") }

// stamp is a time for programs; nothing where there is none.
func stamp(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
