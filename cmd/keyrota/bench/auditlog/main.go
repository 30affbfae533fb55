// Command auditlog measures how W&B's audit log is read, beside jq: a log of many
// entries is written to a temporary file, in both forms, and a process of its own
// reads it, which counts the entries of each account by day. Printed are the time
// that it took, entries and bytes a second of processor time, which is the same
// on a machine that has other work too, and the peak memory.
//
//	go run ./cmd/keyrota/bench/auditlog -entries 10000000 -jq 1000000
//
// jq picks the same fields from the same log or, since it is slower and keeps a
// log that is one object in memory whole, from a shorter one. Without jq its rows
// are left out.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/wandb/auditlog"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	switch { // the processes that are measured are this program too
	case len(os.Args) == 3 && os.Args[1] == "read":
		err = read(os.Args[2])
	case len(os.Args) == 5 && os.Args[1] == "generate":
		err = write(os.Args[2], os.Args[3], os.Args[4])
	default:
		err = bench(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "auditlog:", err)
		os.Exit(1)
	}
}

// form is a form of the log, and how jq picks the fields that keyrota keeps.
type form struct{ name, jq string }

const fields = "[.timestamp, .action, .actor_user_id, .user_asset, .entity_name, .project_name, .response_code]"

func forms() []form { return []form{{"lines", fields}, {"page", ".audit_logs[] | " + fields}} }

func bench(ctx context.Context) (err error) {
	entries := flag.Int("entries", 10_000_000, "entries that keyrota reads")
	short := flag.Int("jq", 1_000_000, "entries that jq reads; 0: none")
	parent := flag.String("dir", "", "where the logs are written and removed again; 10 million entries are 5 GB")
	flag.Parse()
	dir, err := os.MkdirTemp(*parent, "keyrota-auditlog-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	jq, jqErr := exec.LookPath("jq")
	var rows []row
	for _, f := range forms() {
		log := filepath.Join(dir, f.name)
		r, err := measure(ctx, log, f, *entries, "keyrota", self, "read", log)
		if err != nil {
			return err
		}
		rows = append(rows, r)
		if jqErr != nil || *short == 0 {
			continue
		}
		for _, reader := range [][]string{{"keyrota", self, "read", log}, {"jq -c", jq, "-c", f.jq, log}} {
			r, err := measure(ctx, log, f, *short, reader[0], reader[1], reader[2:]...)
			if err != nil {
				return err
			}
			rows = append(rows, r)
		}
	}
	printTable(os.Stdout, rows)
	return nil
}

// row is one measurement.
type row struct {
	form, reader  string
	entries       int
	size, peak    int64 // bytes
	wall, process time.Duration
}

// measure writes a log, has a process read it, and checks that it read all.
func measure(ctx context.Context, log string, f form, entries int, reader, program string, args ...string) (row, error) {
	self, err := os.Executable()
	if err != nil {
		return row{}, err
	}
	// Another process writes, so that this one stays small: a child's peak memory
	// is at least that of who started it.
	if out, err := exec.CommandContext(ctx, self, "generate", log, f.name, strconv.Itoa(entries)).CombinedOutput(); err != nil {
		return row{}, fmt.Errorf("writing the log: %w: %s", err, out)
	}
	info, err := os.Stat(log)
	if err != nil {
		return row{}, err
	}
	var told lines
	child := exec.CommandContext(ctx, program, args...)
	child.Stdout, child.Stderr = &told, os.Stderr
	begun := time.Now()
	if err := child.Run(); err != nil {
		return row{}, fmt.Errorf("%s: %w", reader, err)
	}
	r := row{form: f.name, reader: reader, entries: entries, size: info.Size(), wall: time.Since(begun)}
	r.process = child.ProcessState.UserTime() + child.ProcessState.SystemTime()
	if usage, ok := child.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.peak = usage.Maxrss << 10
	}
	if got := told.entries(); got != entries {
		return row{}, fmt.Errorf("%s read %d entries of %d", reader, got, entries)
	}
	return r, nil
}

// lines is what a reader prints: one number or, where it is jq, a line for each
// entry, of which the count is kept.
type lines struct {
	count int
	last  []byte
}

func (l *lines) Write(p []byte) (int, error) {
	l.count += bytes.Count(p, []byte("\n"))
	l.last = append(l.last[:0], p[:min(len(p), 32)]...)
	return len(p), nil
}

func (l *lines) entries() int {
	if n, err := strconv.Atoi(string(bytes.TrimSpace(l.last))); err == nil {
		return n
	}
	return l.count
}

// write is the process that writes a log.
func write(path, form, entries string) error {
	n, err := strconv.Atoi(entries)
	if err != nil {
		return err
	}
	f, err := os.Create(path) //nolint:gosec // a path that this program made
	if err != nil {
		return err
	}
	return errors.Join(generate(f, n, form == "page"), f.Close())
}

// read is the process that reads one, and counts as a gathering of use does.
func read(path string) error {
	f, err := os.Open(path) //nolint:gosec // the same
	if err != nil {
		return err
	}
	defer f.Close()
	type account struct {
		actor string
		day   int64
	}
	uses := map[account]int{}
	answer, err := auditlog.Read(f, func(e providers.AuditEntry) error {
		uses[account{string(e.Actor), e.At.Unix() / (24 * 60 * 60)}]++
		return nil
	})
	if err != nil {
		return err
	}
	if answer.Broken > 0 {
		return fmt.Errorf("%d broken entries in a log that has none", answer.Broken)
	}
	fmt.Println(answer.Entries)
	return nil
}

func printTable(w io.Writer, rows []row) {
	fmt.Fprintln(w, "| form | reader | entries | GB | took | processor time | entries a processor second | MB a processor second | peak memory |")
	fmt.Fprintln(w, "|---|---|--:|--:|--:|--:|--:|--:|--:|")
	for _, r := range rows {
		seconds := r.process.Seconds()
		fmt.Fprintf(w, "| %s | %s | %d | %.2f | %.1f s | %.1f s | %.0f | %.0f | %d MB |\n", r.form, r.reader, r.entries,
			float64(r.size)/1e9, r.wall.Seconds(), seconds, float64(r.entries)/seconds, float64(r.size)/1e6/seconds, r.peak/1e6)
	}
}
