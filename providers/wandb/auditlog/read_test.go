package auditlog_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/wandb/auditlog"
	"github.com/keyrota/keyrota/rotation"
)

var day = time.Date(2026, 8, 3, 12, 34, 56, 0, time.UTC)

// What an entry may look like, and what is kept of it; nil: it is broken.
var entries = map[string]struct {
	text string
	want *providers.AuditEntry
}{
	"plain": {
		`{"action":"artifact:read","actor_email":"a@b.example","actor_ip":"10.0.0.1","actor_user_id":"U1","artifact_qualified_name":"ml/eval/m:v1","entity_name":"ml","project_name":"eval","response_code":200,"timestamp":"2026-08-03T12:34:56Z","user_asset":"U2"}`,
		&providers.AuditEntry{At: day, Action: "artifact:read", Actor: "U1", Target: "U2", Team: "ml", Project: "eval", Status: 200},
	},
	"spaced":           {`{ "action": "user:login", "timestamp": "2026-08-03T12:34:56Z", "response_code": 401 }`, &providers.AuditEntry{At: day, Action: "user:login", Status: 401}},
	"a fraction":       {`{"timestamp":"2026-08-03T12:34:56.5Z"}`, &providers.AuditEntry{At: day.Add(500 * time.Millisecond)}},
	"another zone":     {`{"timestamp":"2026-08-03T14:34:56+02:00"}`, &providers.AuditEntry{At: day}},
	"an escape":        {`{"timestamp":"2026-08-03T12:34:56Z","project_name":"a\u0026b\"}{"}`, &providers.AuditEntry{At: day, Project: `a&b"}{`}},
	"escape elsewhere": {`{"timestamp":"2026-08-03T12:34:56Z","report_name":"a\"b","action":"x"}`, &providers.AuditEntry{At: day, Action: "x"}},
	"every escape":     {`{"timestamp":"2026-08-03T12:34:56Z","x":"\"\\\/\b\f\n\r\t\u00eF","y":"\\","action":"x"}`, &providers.AuditEntry{At: day, Action: "x"}},
	"no escape":        {`{"timestamp":"2026-08-03T12:34:56Z","x":"\q"}`, nil},
	"half an escape":   {`{"timestamp":"2026-08-03T12:34:56Z","x":"\u00g0"}`, nil},
	"a tab in a text":  {"{\"timestamp\":\"2026-08-03T12:34:56Z\",\"x\":\"a long text\tof some words\"}", nil},
	"nested":           {`{"timestamp":"2026-08-03T12:34:56Z","more":{"action":"no","l":[1,{}]},"action":"x"}`, &providers.AuditEntry{At: day, Action: "x"}},
	"nulls":            {`{"timestamp":"2026-08-03T12:34:56Z","action":null,"other":null,"x":true}`, &providers.AuditEntry{At: day}},
	"ids are numbers":  {`{"timestamp":"2026-08-03T12:34:56Z","actor_user_id":17,"user_asset":18}`, &providers.AuditEntry{At: day, Actor: "17", Target: "18"}},
	"odd status":       {`{"timestamp":"2026-08-03T12:34:56Z","response_code":"many"}`, &providers.AuditEntry{At: day}},
	"not ASCII":        {`{"timestamp":"2026-08-03T12:34:56Z","entity_name":"größe"}`, &providers.AuditEntry{At: day, Team: "größe"}},
	"twice a field":    {`{"timestamp":"2026-08-03T12:34:56Z","action":"a","action":"b"}`, &providers.AuditEntry{At: day, Action: "b"}},
	"another case":     {`{"timestamp":"2026-08-03T12:34:56Z","Action":"a"}`, &providers.AuditEntry{At: day}},
	"no time":          {`{"action":"artifact:read"}`, nil},
	"odd time":         {`{"timestamp":"yesterday"}`, nil},
	"nothing":          {`{}`, nil},
	"no object":        {`"CANARY"`, nil},
}

func read(t *testing.T, r io.Reader) ([]providers.AuditEntry, auditlog.Answer, error) {
	t.Helper()
	var got []providers.AuditEntry
	a, err := auditlog.Read(r, func(e providers.AuditEntry) error { got = append(got, e); return nil })
	if len(got) != a.Entries {
		t.Errorf("%d entries came, %d were counted", len(got), a.Entries)
	}
	return got, a, err
}

// TestEntries: an entry is the same in either form, between others, and
// however it arrives.
func TestEntries(t *testing.T) {
	const other = `{"action":"other","timestamp":"2026-08-03T00:00:00Z"}`
	for name, c := range entries {
		forms := map[string]string{
			"lines":  other + "\n" + c.text + "\n" + other + "\r\n\n",
			"page":   `{"audit_logs":[` + other + "," + c.text + "," + other + `],"next_cursor":"n1"}`,
			"pretty": "{\n  \"count\": 3,\n  \"audit_logs\": [\n    " + other + ",\n    " + c.text + ",\n    " + other + "\n  ]\n}\n",
		}
		for form, text := range forms {
			for way, r := range map[string]io.Reader{
				"at once": strings.NewReader(text), "byte by byte": iotest.OneByteReader(strings.NewReader(text)), "compressed": squeeze(text),
			} {
				t.Run(name+", "+form+", "+way, func(t *testing.T) {
					got, a, err := read(t, r)
					want := []providers.AuditEntry{{At: day.Truncate(24 * time.Hour), Action: "other"}, {At: day.Truncate(24 * time.Hour), Action: "other"}}
					broken := 1
					if c.want != nil {
						want, broken = []providers.AuditEntry{want[0], *c.want, want[1]}, 0
					}
					if diff := cmp.Diff(want, got); diff != "" || err != nil || a.Broken != broken {
						t.Errorf("%d broken, %v\n%s", a.Broken, err, diff)
					}
					if a.Page != (form != "lines") || (a.Next == "n1") != (form == "page") {
						t.Errorf("%+v", a)
					}
				})
			}
		}
	}
}

func squeeze(text string) io.Reader {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, text)
	_ = z.Close()
	return &b
}

// TestLogs: what a whole log may be, and what it is good for then.
func TestLogs(t *testing.T) {
	const e = `{"timestamp":"2026-08-03T12:34:56Z"}`
	long := `{"timestamp":"2026-08-03T12:34:56Z","artifact_digest":"` + strings.Repeat("CANARY ", 300_000) + `"}`
	for name, c := range map[string]struct {
		log             string
		entries, broken int
		fails           bool
	}{
		"empty":                    {},
		"blank":                    {log: " \n\n "},
		"no newline at the end":    {log: e + "\n" + e, entries: 2},
		"a broken line":            {log: e + "\n{\"CANARY\n" + e, entries: 2, broken: 1},
		"a broken first line":      {log: "{\"CANARY\n" + e, entries: 1, broken: 1},
		"a cut last line":          {log: e + "\n" + e[:20], entries: 1, broken: 1},
		"no JSON at all":           {log: "<html>\n<CANARY>\n", broken: 2},
		"two on a line":            {log: e + e + "\n" + e, entries: 1, broken: 1},
		"a long line":              {log: e + "\n" + long + "\n" + e, entries: 2, broken: 1},
		"a text that breaks off":   {log: "{\"timestamp\":\"2026-08-03T12:34:56Z\",\"x\":\"a\t}\n" + e, entries: 1, broken: 1},
		"an entry behind too much": {log: strings.Repeat("x", 1<<20) + e + "\n" + e, entries: 1, broken: 1},
		"a long line at the end":   {log: e + "\n" + long, entries: 1, broken: 1},
		"a long first line":        {log: long + "\n" + e, entries: 1, broken: 1},
		"an empty page":            {log: `{"audit_logs":[]}`},
		"null for none":            {log: `{"audit_logs":null,"count":0}`},
		"pages one by one":         {log: `{"audit_logs":[` + e + `]}` + "\n" + `{"audit_logs":[` + e + `]}`, entries: 2},
		"a long entry":             {log: `{"audit_logs":[` + e + "," + long + "," + e + `]}`, entries: 2, broken: 1},
		"a string between":         {log: `{"audit_logs":[` + e + `,"CANARY",` + e + `]}`, entries: 2, broken: 1},
		"page cut in an entry":     {log: `{"audit_logs":[` + e + "," + e[:9], entries: 1, fails: true},
		"page cut after one":       {log: `{"audit_logs":[` + e, entries: 1, fails: true},
		"page cut after all":       {log: `{"audit_logs":[` + e + "]", entries: 1, fails: true},
		"no comma":                 {log: `{"audit_logs":[` + e + e + "]}", entries: 1, fails: true},
		"a comma too many":         {log: `{"audit_logs":[` + e + ",]}", entries: 1, fails: true},
		"something else there":     {log: `{"audit_logs":"CANARY"}`},
		"odd range":                {log: `{"audit_logs":[],"range_start_time":"CANARY","range_end_time":7}`},
		"odd cursor":               {log: `{"audit_logs":[],"next_cursor":{"CANARY":1}}`, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			got, a, err := read(t, strings.NewReader(c.log))
			if len(got) != c.entries || a.Broken != c.broken || (err != nil) != c.fails {
				t.Errorf("%d entries, %d broken, %v", len(got), a.Broken, err)
			}
			if err != nil && strings.Contains(err.Error(), "CANARY") {
				t.Errorf("an error repeats the log: %v", err)
			}
		})
	}
}

// TestEndsOfReading: why a log ended is told.
func TestEndsOfReading(t *testing.T) {
	const line = `{"timestamp":"2026-08-03T12:34:56Z"}` + "\n"
	broke, enough := errors.New("the connection broke"), errors.New("enough")
	for name, begin := range map[string]string{"lines": line, "a page": `{"audit_logs":[` + line + ","} {
		got, _, err := read(t, io.MultiReader(strings.NewReader(begin), iotest.ErrReader(broke)))
		if len(got) != 1 || !errors.Is(err, broke) {
			t.Errorf("%s: %d entries, %v", name, len(got), err)
		}
		calls := 0
		_, err = auditlog.Read(strings.NewReader(begin+line+"]}"), func(providers.AuditEntry) error { calls++; return enough })
		if calls != 1 || !errors.Is(err, enough) {
			t.Errorf("%s: after %d entries %v", name, calls, err)
		}
	}
	whole, _ := io.ReadAll(squeeze(strings.Repeat(line, 100)))
	if _, _, err := read(t, bytes.NewReader(whole[:len(whole)-9])); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a compressed log that breaks off: %v", err)
	}
	if _, _, err := read(t, strings.NewReader("\x1f\x8bCANARY")); err == nil || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("what begins like gzip and is not: %v", err)
	}
}

// TestMemory: memory does not grow with the log, in either form, nor with how
// many accounts are in it.
func TestMemory(t *testing.T) {
	for name, c := range map[string]struct{ begin, between, end string }{"lines": {"", "\n", ""}, "a page": {`{"audit_logs":[`, ",", "]}"}} {
		var peak uint64
		n := 0
		a, err := auditlog.Read(endless(c.begin, c.between, c.end, 300_000), func(e providers.AuditEntry) error {
			if want := fmt.Sprintf("U%d", n); string(e.Actor) != want {
				t.Fatalf("%s: %s, want %s", name, e.Actor, want)
			}
			if n++; n%50_000 == 0 {
				var m runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapAlloc)
			}
			return nil
		})
		if err != nil || a.Entries != 300_000 || a.Broken != 0 {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
		if peak > 16<<20 {
			t.Errorf("%s: %d MiB live", name, peak>>20)
		}
	}
}

// endless is a log of so many entries, made as it is read.
func endless(begin, between, end string, entries int) io.Reader {
	r, w := io.Pipe()
	go func() {
		_, _ = io.WriteString(w, begin)
		for n := range entries {
			if n > 0 {
				_, _ = io.WriteString(w, between)
			}
			_, _ = fmt.Fprintf(w, `{"action":"artifact:read","actor_user_id":"U%d","timestamp":%q}`, n, day.Add(time.Duration(n)*time.Second).Format(time.RFC3339))
		}
		_, _ = io.WriteString(w, end)
		_ = w.Close()
	}()
	return r
}

// FuzzRead: nothing panics, and what is read of a line is what encoding/json
// reads of it, in either form.
func FuzzRead(f *testing.F) {
	for _, c := range entries {
		f.Add([]byte(c.text + "\n" + c.text))
		f.Add([]byte(`{"audit_logs":[` + c.text + `],"next_cursor":null}`))
	}
	f.Add([]byte("{\"timestamp\":\"2026-08-03T12:34:56Z\",\"entity_name\":\"\xff\"}"))
	f.Fuzz(func(t *testing.T, log []byte) {
		got, a, err := read(t, bytes.NewReader(log))
		if a.Page || err != nil || bytes.HasPrefix(log, []byte{0x1f, 0x8b}) {
			return
		}
		var want []providers.AuditEntry
		var valid [][]byte
		broken, brokenValid := 0, 0
		for line := range bytes.SplitSeq(log, []byte("\n")) {
			if line = bytes.TrimSpace(line); len(line) == 0 {
				continue
			}
			if json.Valid(line) {
				valid = append(valid, line)
			}
			switch e, ok := byTheBook(line); {
			case ok:
				want = append(want, e)
			case json.Valid(line):
				brokenValid++
				fallthrough
			default:
				broken++
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || broken != a.Broken {
			t.Errorf("%d broken, want %d\n%s", a.Broken, broken, diff)
		}
		page := `{"audit_logs":[` + string(bytes.Join(valid, []byte(","))) + `]}`
		got, a, err = read(t, strings.NewReader(page))
		if diff := cmp.Diff(want, got); diff != "" || err != nil || !a.Page || a.Broken != brokenValid {
			t.Errorf("as a page: %d broken, want %d, %v\n%s", a.Broken, brokenValid, err, diff)
		}
	})
}

// byTheBook reads an entry with encoding/json alone.
func byTheBook(line []byte) (providers.AuditEntry, bool) {
	var f map[string]any
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if !json.Valid(line) || d.Decode(&f) != nil {
		return providers.AuditEntry{}, false
	}
	text := func(k string) string {
		s, _ := f[k].(string)
		return s
	}
	id := func(k string) string {
		if n, ok := f[k].(json.Number); ok {
			return n.String()
		}
		return text(k)
	}
	at, err := time.Parse(time.RFC3339, text("timestamp"))
	if err != nil || at.IsZero() {
		return providers.AuditEntry{}, false
	}
	e := providers.AuditEntry{At: at.UTC(), Action: text("action"), Team: text("entity_name"), Project: text("project_name")}
	e.Actor, e.Target = rotation.AccountID(id("actor_user_id")), rotation.AccountID(id("user_asset"))
	if n, ok := f["response_code"].(json.Number); ok {
		if i, err := n.Int64(); err == nil {
			e.Status = int(i)
		}
	}
	return e, true
}
