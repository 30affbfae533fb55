package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

// pager is a place where people are told of findings, unless it is down.
type pager struct {
	*httptest.Server
	lock sync.Mutex
	down bool
	told []string // "raised foreign_key", in the order in which it came
}

func newPager(t *testing.T) *pager {
	p := &pager{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		p.lock.Lock()
		defer p.lock.Unlock()
		if p.down {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if !bytes.HasPrefix(body, []byte("[")) {
			body = slices.Concat([]byte("["), body, []byte("]"))
		}
		var all []struct {
			Type string
			Data struct{ Code string }
		}
		if err := json.Unmarshal(body, &all); err != nil {
			t.Errorf("%v: %s", err, body)
		}
		for _, e := range all {
			p.told = append(p.told, e.Type[strings.LastIndex(e.Type, ".")+1:]+" "+e.Data.Code)
		}
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *pager) turn(down bool) {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.down = down
}

// of returns what was told of a kind of finding.
func (p *pager) of(code string) []string {
	p.lock.Lock()
	defer p.lock.Unlock()
	var all []string
	for _, one := range p.told {
		if strings.HasSuffix(one, " "+code) {
			all = append(all, one)
		}
	}
	return all
}

// TestPeopleAreToldOnce: a key appears that nothing explains while the place
// where people are told is down; the daemon is killed and started again; once
// the place is back it is told, and only once.
func TestPeopleAreToldOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.KeysShown)
	to := newPager(t)
	w.env = append(w.env, "PAGER="+to.URL)
	w.more = `notify: {sinks: [{name: pager, webhook: {url: "${PAGER}/"}}], routes: [{to: [pager], severity: [page]}]}`
	w.configure("overlap: 1s, every: 90d", threeAccounts)
	to.turn(true)
	r := w.start(nil, "run")
	defer func() { _ = r.cmd.Process.Kill() }()
	poll(t, endsWithin, "all accounts to be delivered", func() bool {
		for _, s := range w.status() {
			if s.Phase != "steady" {
				return false
			}
		}
		return len(w.status()) > 0
	})
	const account = "ci-training"
	if _, _, err := w.platform.CreateKey(account, "made by mallory"); err != nil {
		t.Fatal(err)
	}
	poll(t, endsWithin, "the message to wait", func() bool {
		all := decode[struct{ Sinks []struct{ Pending int } }](t, w.run(0, "notify", "-o", "json"))
		return len(all.Sinks) == 1 && all.Sinks[0].Pending > 0
	})
	r.kill()
	r.wait(t)
	r = w.start(nil, "run")
	defer func() { _ = r.cmd.Process.Kill() }()
	to.turn(false)
	// The process that was killed has the sink for a while, and tries grow rarer.
	poll(t, 4*endsWithin, "people to be told", func() bool { return len(to.of("foreign_key")) > 0 })
	poll(t, 4*endsWithin, "nothing to wait", func() bool {
		all := decode[struct{ Sinks []struct{ Pending int } }](t, w.run(0, "notify", "-o", "json"))
		return all.Sinks[0].Pending == 0
	})
	if told := to.of("foreign_key"); !slices.Equal(told, []string{"raised foreign_key"}) {
		t.Errorf("%q", told)
	}
	w.run(0, "notify", "--test", "pager")
	if text := w.run(0, "report", "--part", "findings").text(); !strings.Contains(text, "foreign_key") {
		t.Errorf("the report does not have it:\n%s", text)
	}
}
