package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/sync/daemon"
	"github.com/keyrota/keyrota/sync/notify"
	"github.com/keyrota/keyrota/sync/report"
)

// scheduled is the chore of making a report when it is due: the first at its time,
// not at once.
func (a *app) scheduled(s *system, n *notify.Notifier, r config.ReportSchedule) daemon.Chore {
	started, due := a.now(), time.Time{}
	return daemon.Chore{
		Name: "the report " + r.Name,
		Due: func(last time.Time) time.Time {
			if last.IsZero() {
				last = started
			}
			due = r.Schedule.Next(last)
			return due
		},
		Do: func(ctx context.Context) error { return a.makeReport(ctx, s, n, r, due) },
	}
}

// makeReport makes a report that was due at a time, writes it where it is to be,
// and tells those of it who are to know. Its record of rotations is as long as it
// is until the next one.
func (a *app) makeReport(ctx context.Context, s *system, n *notify.Notifier, r config.ReportSchedule, due time.Time) error {
	var parts []report.Part
	for _, p := range r.Parts {
		parts = append(parts, report.Part(p))
	}
	if len(parts) == 0 {
		parts = report.Parts()
	}
	now := a.now()
	next := r.Schedule.Next(due)
	d, err := a.reported(ctx, s, due.Add(due.Sub(next)), now, slices.Contains(parts, report.Rotations))
	if err != nil {
		return err
	}
	files, err := filesOf(d, r.Formats, parts)
	if err != nil {
		return err
	}
	for i := range files {
		files[i].Name = r.Name + "-" + files[i].Name // several reports may go to one place
	}
	if r.Dir != "" {
		if err := putFiles(r.Dir, files); err != nil {
			return err
		}
	}
	told := notify.Report{
		Name: r.Name, Title: fmt.Sprintf("keyrota %s: the report %s", s.config.Instance, r.Name), Lines: report.Headline(d), Link: r.Link, Files: files,
	}
	if r.Dir != "" && r.Link == "" {
		told.Lines = append(told.Lines, "The whole of it is in "+r.Dir)
	}
	return n.Report(ctx, told, due, r.Sinks...)
}

// filesOf writes a report in formats.
func filesOf(d report.Data, formats []string, parts []report.Part) ([]notify.File, error) {
	var files []notify.File
	for _, format := range formats {
		made, err := report.Files(d, report.Format(format), parts...)
		if err != nil {
			return nil, err
		}
		for _, f := range made {
			files = append(files, notify.File{Name: f.Name, Type: f.MediaType, Data: f.Body})
		}
	}
	return files, nil
}

// putFiles writes files into a directory, each whole or not at all.
func putFiles(dir string, files []notify.File) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the directory for reports: %w", err)
	}
	for _, f := range files {
		temporary, err := os.CreateTemp(dir, "."+f.Name+".*")
		if err != nil {
			return fmt.Errorf("writing a report: %w", err)
		}
		_, err = temporary.Write(f.Data)
		if err = errors.Join(err, temporary.Close()); err == nil {
			err = os.Rename(temporary.Name(), filepath.Join(dir, f.Name))
		}
		if err != nil {
			return fmt.Errorf("writing a report: %w", errors.Join(err, os.Remove(temporary.Name())))
		}
	}
	return nil
}
