package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// measure fills the servers with accounts that are delivered everywhere, and
// makes a steady pass and a full rotation.
func measure(ctx context.Context, o options, accounts, stores int) (rows []row, err error) {
	dir := filepath.Join(o.dir, fmt.Sprintf("%d-%d", accounts, stores))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	say := func(format string, a ...any) {
		_, _ = fmt.Fprintf(os.Stderr, "%d accounts, %d stores: "+format+"\n", append([]any{accounts, stores}, a...)...)
	}
	w, err := newWorld(ctx, dir, accounts, stores)
	if err != nil {
		return nil, err
	}
	defer w.close()
	begun := time.Now()
	if err := w.fill(ctx); err != nil {
		return nil, fmt.Errorf("filling the servers: %w", err)
	}
	say("filled in %s", short(time.Since(begun)))
	for _, pass := range o.passes {
		// An interval that is over makes every key due; it is replaced once, and
		// the next replacement waits for the overlap.
		every, known := map[string]string{"steady": "90d", "rotation": "1s"}[pass]
		if !known {
			return rows, fmt.Errorf("%q is no pass: steady and rotation are", pass)
		}
		if err := os.WriteFile(filepath.Join(dir, "keyrota.yaml"), []byte(w.configuration(every, o.workers)), 0o600); err != nil {
			return rows, err
		}
		w.reset(o.rtt)
		r, err := w.run(ctx, o.binary)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", pass, err)
		}
		r.accounts, r.stores, r.pass, r.traffic = accounts, stores, pass, w.traffic()
		if n, counted := w.road.passed(), sum(r.traffic); n != counted {
			return rows, fmt.Errorf("%s: %d calls were made, and the services counted %d: the bound would be one of other calls", pass, n, counted)
		}
		r.took, r.bound = w.road.took(), bound(r.traffic, o.rtt, o.workers, pass == "steady")
		rows = append(rows, r)
		say("%s took %s, bound %s, ratio %.2f, peak %d MB", pass, short(r.took), short(r.bound), r.ratio(), r.peak>>20)
		if err := w.check(pass); err != nil {
			return rows, fmt.Errorf("after %s: %w", pass, err)
		}
	}
	return rows, nil
}

// run makes one pass with the real program.
func (w *world) run(ctx context.Context, binary string) (row, error) {
	runtime.GC() // the servers share the machine with what is measured
	cmd := exec.CommandContext(ctx, binary, "sync", "--output", "json")
	cmd.Dir, cmd.Env = w.dir, w.environment()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return row{}, err
	}
	peak := watch(cmd.Process.Pid)
	err := cmd.Wait()
	r := row{process: time.Since(begun), peak: peak()}
	if err != nil {
		return r, fmt.Errorf("keyrota sync: %w\n%s\n%s", err, tail(errs.String()), tail(out.String()))
	}
	return r, nil
}

// watch follows the peak of a process's resident memory until it has ended and
// the result is asked for. What getrusage(2) tells counts the memory of the
// process that it was forked from.
func watch(pid int) (peak func() int64) {
	const often = 10 * time.Millisecond
	status := fmt.Sprintf("/proc/%d/status", pid)
	done, result := make(chan struct{}), make(chan int64)
	go func() {
		var most int64
		for {
			text, err := os.ReadFile(status)
			for line := range strings.Lines(string(text)) {
				// proc(5): "VmHWM: Peak resident set size", in kB.
				if fields := strings.Fields(line); err == nil && len(fields) == 3 && fields[0] == "VmHWM:" {
					kilobytes, _ := strconv.ParseInt(fields[1], 10, 64)
					most = max(most, kilobytes<<10)
				}
			}
			select {
			case <-done:
				result <- most
				return
			case <-time.After(often):
			}
		}
	}()
	return func() int64 {
		close(done)
		return <-result
	}
}

func tail(s string) string {
	const most = 2000
	return s[max(0, len(s)-most):]
}
