package e2e

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// canary is what every key of a service account bears, after its first part,
// which is no secret; and every foreign value and hand edit.
const canary = "CANARY"

// holdsCanary finds the canary in a text, as it is and as programs encode it,
// and returns how and where.
func holdsCanary(text string) (how string, at int) {
	numbers := strings.Trim(fmt.Sprintf("%d", []byte(canary)), "[]")
	forms := map[string]string{
		"plain": canary, "hexadecimal": hex.EncodeToString([]byte(canary)), "HEXADECIMAL": strings.ToUpper(hex.EncodeToString([]byte(canary))),
		"numbers": numbers, "numbers,": strings.ReplaceAll(numbers, " ", ","),
	}
	for shift := range 3 { // in base64 it depends on where it begins
		e := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("-", shift) + canary + "---"))
		forms[fmt.Sprintf("base64+%d", shift)] = e[(shift*8+5)/6 : (shift+len(canary))*8/6]
	}
	for how, form := range forms {
		if at := strings.Index(text, form); at >= 0 {
			return how, at
		}
	}
	return "", -1
}

// hunter looks for canaries wherever a key must never be.
type hunter struct {
	t      testing.TB
	stores string // the directory that may hold keys
	theirs string // the directory of files that people wrote

	mu      sync.Mutex
	running map[int]*process
	ended   []*process
	told    map[string]bool
	looked  map[string]int
}

func newHunter(w *world, stores, theirs string) *hunter {
	h := &hunter{t: w.t, stores: stores, theirs: theirs, running: map[int]*process{}, told: map[string]bool{}, looked: map[string]int{}}
	w.started = func(r *process) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.running[r.cmd.Process.Pid] = r
		go func() {
			<-r.ended
			h.mu.Lock()
			defer h.mu.Unlock()
			delete(h.running, r.cmd.Process.Pid)
			h.ended = append(h.ended, r)
		}()
	}
	return h
}

// hunt reports a text that holds a canary, once for each kind of place.
func (h *hunter) hunt(kind, where, text string) {
	how, at := holdsCanary(text)
	h.mu.Lock()
	h.looked[kind]++
	told := h.told[where]
	h.told[where] = told || at >= 0
	h.mu.Unlock()
	if at >= 0 && !told {
		h.t.Errorf("%s, %s, holds a key (%s): …%q…", kind, where, how, text[max(0, at-300):min(len(text), at+40)])
	}
}

// processes looks at every running process from outside, as anybody on the
// machine may, and at whatever files it has open.
func (h *hunter) processes() {
	h.mu.Lock()
	pids := make(map[int]*process, len(h.running))
	for pid, r := range h.running {
		pids[pid] = r
	}
	h.mu.Unlock()
	for pid, r := range pids {
		dir := "/proc/" + strconv.Itoa(pid)
		name := "keyrota " + strings.Join(r.args, " ")
		read := func(file string) string {
			text, _ := os.ReadFile(dir + "/" + file) // it may end meanwhile
			return string(text)
		}
		h.hunt("arguments", name, read("cmdline"))
		// These came to it by the environment.
		ours := strings.NewReplacer(adminKey, "", siemToken, "")
		h.hunt("environment", name, ours.Replace(read("environ")))
		for child := range strings.FieldsSeq(read("task/" + strconv.Itoa(pid) + "/children")) {
			for _, file := range []string{"cmdline", "environ"} {
				text, _ := os.ReadFile("/proc/" + child + "/" + file)
				h.hunt("child", name+": "+child+"/"+file, ours.Replace(string(text)))
			}
		}
		h.noCoreDump(r, name, func() string { return read("limits") })
		open, _ := os.ReadDir(dir + "/fd")
		for _, fd := range open {
			h.file("open file", dir+"/fd/"+fd.Name())
		}
	}
}

// noCoreDump checks that the kernel would write none: a process forbids it
// before anything else.
func (h *hunter) noCoreDump(r *process, name string, limits func() string) {
	may := func() bool {
		for line := range strings.SplitSeq(limits(), "\n") {
			if rest, ok := strings.CutPrefix(line, "Max core file size"); ok {
				return strings.Join(strings.Fields(rest), " ") != "0 0 bytes"
			}
		}
		return false
	}
	for range 100 {
		if !may() {
			return
		}
		select {
		case <-r.ended:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	h.t.Errorf("%s may leave a core dump", name)
}

// file looks into a file that is no store.
func (h *hunter) file(kind, path string) {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		target, _ = os.Readlink(path) // a file that was deleted while open
	}
	if strings.HasPrefix(target, h.stores+"/") || strings.HasPrefix(target, h.theirs+"/") {
		return
	}
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return
	}
	h.hunt(kind, target, target+"\n"+string(text))
}

// directory looks into all files below a directory but the stores'.
func (h *hunter) directory(dir string) {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil // it went away
		case path == h.stores:
			return fs.SkipDir
		case d.Type().IsRegular():
			h.file("file", path)
		}
		return nil
	})
	if err != nil {
		h.t.Error(err)
	}
}

// output looks at everything that ended processes wrote.
func (h *hunter) output() {
	h.mu.Lock()
	ended := h.ended
	h.ended = nil
	h.mu.Unlock()
	for _, r := range ended {
		name := "keyrota " + strings.Join(r.args, " ")
		h.hunt("standard output", name+" >", r.stdout.String())
		h.hunt("standard error", name+" 2>", r.stderr.String())
	}
}

// TestTheHunterFindsKeys: a hunt that finds nothing must not be blind.
func TestTheHunterFindsKeys(t *testing.T) {
	const key = "0123456789ab_CANARYabcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnop"
	for i := range 3 {
		text := strings.Repeat("=", i) + key
		for how, encoded := range map[string]string{
			"plain": text, "base64": base64.StdEncoding.EncodeToString([]byte(text)), "base64, URL": base64.RawURLEncoding.EncodeToString([]byte(text)),
			"hexadecimal": fmt.Sprintf("%x", text), "HEXADECIMAL": fmt.Sprintf("%X", text), "quoted": fmt.Sprintf("%q", text), "bytes": fmt.Sprintf("%d", []byte(text)),
		} {
			if _, at := holdsCanary("before" + encoded + "after"); at < 0 {
				t.Errorf("not found, %s: %s", how, encoded)
			}
		}
	}
}
