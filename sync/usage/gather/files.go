package gather

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/usage"
)

// filesState is which files of the audit log were read.
type filesState struct {
	Known   []string            `json:"known,omitempty"` // as in logState
	Files   map[string]readFile `json:"files,omitempty"`
	Gone    readFile            `json:"gone,omitzero"` // all those that were read and are gone
	Deleted []keptProject       `json:"deleted,omitempty"`
}

// readFile is a file as it was read, and what it covers.
type readFile struct {
	Size     int64       `json:"size"`
	Modified time.Time   `json:"modified"`
	First    time.Time   `json:"first,omitzero"` // entry, of anybody
	Last     time.Time   `json:"last,omitzero"`
	Days     []usage.Day `json:"days,omitempty"` // that have entries
	Broken   int         `json:"broken,omitempty"`
}

const (
	filesName = "usage/audit_files"
	// filesAtOnce is how many files are read before what they show is saved.
	filesAtOnce = 50
)

// quiet is for how many days on end nobody may do anything, over a long weekend,
// without days being missing from the files.
const quiet = 4

// readFiles reads the files that are new or changed since the last look.
func (l *look) readFiles(ctx context.Context) error {
	decoder, ok := l.Issuer.(providers.AuditDecoder)
	if !ok {
		l.failed(usage.AuditLog, "", errors.New("the issuer does not read files of an audit log"))
		return nil
	}
	var state filesState
	if err := resume(ctx, l, filesName, &state); err != nil {
		return err
	}
	l.recall(state.Deleted)
	if fresh := l.fresh(state.Known); len(fresh) > 0 {
		state = filesState{Known: append(state.Known, fresh...)}
		slices.Sort(state.Known)
	}
	if state.Files == nil {
		state.Files = map[string]readFile{}
	}
	names, err := l.fileNames()
	if err != nil {
		l.failed(usage.AuditLog, "", err)
		return nil
	}
	state.forget(names)
	shown, unsaved := map[rotation.Ref]usage.Update{}, 0
	for _, name := range names {
		file, seen, err := l.readFile(ctx, decoder, name, state.Files[name])
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			l.failed(usage.AuditLog, name, err)
			continue
		case seen == nil:
			continue
		}
		state.Files[name] = file
		join(shown, seen.updates())
		if unsaved++; unsaved < filesAtOnce {
			continue
		}
		if err := l.saveFiles(ctx, state, shown); err != nil {
			return err
		}
		shown, unsaved = map[rotation.Ref]usage.Update{}, 0
	}
	if log, ok := state.coverage(); ok {
		l.looked(usage.AuditLog)
		join(shown, l.everyone(log))
	}
	return l.saveFiles(ctx, state, shown)
}

// join adds what more was shown of accounts.
func join(shown, more map[rotation.Ref]usage.Update) {
	for ref, u := range more {
		shown[ref] = usage.Merge(shown[ref], u)
	}
}

// forget tells files that are gone apart no longer. names are those that there
// are, in order.
func (s *filesState) forget(names []string) {
	gone := []readFile{s.Gone}
	for name, file := range s.Files {
		if _, there := slices.BinarySearch(names, name); !there {
			gone = append(gone, file)
			delete(s.Files, name)
		}
	}
	s.Gone = together(gone)
}

// fileNames returns the files that the configuration's patterns match, by name.
func (l *look) fileNames() ([]string, error) {
	var names []string
	for _, pattern := range l.Use.AuditFiles {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return nil, fmt.Errorf("the pattern %q of usage.audit_files: %w", pattern, err)
		}
		names = append(names, found...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// readFile reads one file; nothing is shown of one that is as it was.
func (l *look) readFile(ctx context.Context, decoder providers.AuditDecoder, name string, before readFile) (readFile, tally, error) {
	f, err := os.Open(name)
	if err != nil {
		return readFile{}, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return readFile{}, nil, err
	case !info.Mode().IsRegular():
		return readFile{}, nil, errors.New("it is no file: name files of the audit log under usage.audit_files")
	}
	file := readFile{Size: info.Size(), Modified: info.ModTime().UTC()}
	if file.Size == before.Size && file.Modified.Equal(before.Modified) {
		return before, nil, nil
	}
	shown, days := tally{}, map[usage.Day]bool{}
	read, err := decoder.DecodeAudit(reader{ctx, f}, func(e providers.AuditEntry) error {
		if !e.At.IsZero() {
			days[usage.DayOf(e.At)] = true
			file.Last = latest(file.Last, e.At)
			if file.First.IsZero() || e.At.Before(file.First) {
				file.First = e.At
			}
		}
		return l.entry(ctx, shown, e)
	})
	file.Days, file.Broken = slices.Sorted(maps.Keys(days)), read.Broken
	return file, shown, err
}

// reader ends with its ctx.
type reader struct {
	ctx  context.Context
	from io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.from.Read(p)
}

// together are files as if they were one. One in which entries are broken covers
// nothing.
func together(files []readFile) readFile {
	var all readFile
	days := map[usage.Day]bool{}
	for _, file := range files {
		if file.Broken > 0 || file.First.IsZero() {
			continue
		}
		for _, day := range file.Days {
			days[day] = true
		}
		all.Last = latest(all.Last, file.Last)
		if all.First.IsZero() || file.First.Before(all.First) {
			all.First = file.First
		}
	}
	all.Days = slices.Sorted(maps.Keys(days))
	return all
}

// coverage is what the files cover together: the days that have entries, and
// quiet ones between them.
func (s filesState) coverage() (usage.Coverage, bool) {
	all := together(append(slices.Collect(maps.Values(s.Files)), s.Gone))
	log := usage.Coverage{From: all.First, Until: all.Last}
	for i := 1; i < len(all.Days); i++ {
		if before, after := all.Days[i-1], all.Days[i]; after-before > quiet {
			log.Gaps = append(log.Gaps, usage.Gap{
				From: (before + 1).Start(), Until: after.Start(), Why: "no file of the log has an entry of it that could be read",
			})
		}
	}
	return log, !log.From.IsZero()
}

func (l *look) saveFiles(ctx context.Context, state filesState, shown map[rotation.Ref]usage.Update) error {
	state.Deleted = l.deletions()
	body, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("note which files were read: %w", err)
	}
	return l.Ledger.SaveUsage(ctx, usage.AuditLog, shown, filesName, body)
}
