package e2e

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

// threeAccounts have their keys in a field beside fields of someone else, in
// a JSON object, and in one field of its own.
const threeAccounts = `
  - name: nightly-eval
    team: ml-platform
    purpose: nightly evaluation
    deliver: vault:${PREFIX}/eval#WANDB_API_KEY
  - name: ci-training
    team: ml-platform
    purpose: training runs from CI
    deliver: {store: vault, path: "${PREFIX}/training", format: json, fields: {api_key: WANDB_API_KEY, entity: WANDB_ENTITY, kind: {literal: wandb}}}
  - name: report-builder
    team: ml-platform
    purpose: weekly reports
    deliver: vault:${PREFIX}/report#key
`

var threePlaces = []place{
	inVault("nightly-eval", "eval", field("WANDB_API_KEY")),
	inVault("ci-training", "training", field("api_key")),
	inVault("report-builder", "report", field("key")),
}

var threeRefs = []string{team + "/nightly-eval", team + "/ci-training", team + "/report-builder"}

// foreign is what someone else keeps beside our field.
var foreign = map[string]any{
	"DB_PASSWORD": "CANARY-foreign <&> \u2028 \"quoted\" \\ é 🗝 \t",
	"settings":    map[string]any{"retries": 3, "ratio": 1.25, "list": []any{true, nil, "x"}},
}

// TestFromNothingToDelivered: accounts that do not exist yet are created,
// delivered, rotated with both keys working in between, and rid of the old key;
// nobody who reads ever holds a dead one, and nothing foreign is touched.
func TestFromNothingToDelivered(t *testing.T) {
	t.Parallel()
	for _, keys := range []sandbox.KeyStorage{sandbox.KeysShown, sandbox.KeysHashed} {
		t.Run(string(keys), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, keys)
			const overlap = 3 * time.Second
			w.configure("overlap: 3s, every: 90d", threeAccounts)
			w.put("eval", foreign)
			before, err := w.secret("eval")
			if err != nil {
				t.Fatal(err)
			}
			readers := w.read(overlap, threePlaces...)
			begin(t, w, keys)
			w.settle(t)
			w.delivered(t)

			t.Run("a second pass changes nothing and reads no value", func(t *testing.T) { unchanged(t, w) })
			rotateAll(t, w)
			unchanged(t, w)

			readers.end(t)
			t.Logf("%d reads, %d late, different keys %v", readers.reads, readers.late, readers.different())
			for secret, n := range readers.different() {
				if n < 2 {
					t.Errorf("the reader of %s saw no rotation", secret)
				}
			}
			after, err := w.secret("eval")
			if err != nil {
				t.Fatal(err)
			}
			delete(after, "WANDB_API_KEY")
			if !maps.EqualFunc(before, after, func(a, b json.RawMessage) bool { return string(a) == string(b) }) {
				t.Errorf("foreign fields were %s\nand are %s", before, after)
			}
		})
	}
}

// begin gives each account its first key: by itself where the platform shows
// it; where it hashes keys, from a person who was told how.
func begin(t *testing.T, w *world, keys sandbox.KeyStorage) {
	t.Helper()
	if keys == sandbox.KeysShown {
		w.run(0, "sync")
		return
	}
	first := w.run(3, "sync")
	for _, p := range threePlaces {
		ref := team + "/" + p.account
		if want := "keyrota adopt " + ref + " --key-file -"; !strings.Contains(first.text(), want) {
			t.Errorf("nobody is told to run %q:\n%s", want, first.text())
		}
		_, value, err := w.platform.CreateKey(p.account, "made by hand")
		if err != nil {
			t.Fatal(err)
		}
		w.runWith(strings.NewReader(value+"\n"), 0, "adopt", "--yes", ref, "--key-file", "-", "--reason", "first key")
	}
}

// settle makes passes until nothing is under way any more. A key that a person
// brought is of unknown age, and rotated at once.
func (w *world) settle(t *testing.T) {
	t.Helper()
	poll(t, 60*time.Second, "every account to be steady", func() bool {
		w.try("sync")
		for _, s := range w.status() {
			if s.Phase != "steady" {
				return false
			}
		}
		return true
	})
}

// delivered checks that each account has exactly one key and every reader has
// it.
func (w *world) delivered(t *testing.T) {
	t.Helper()
	status := w.status()
	for _, p := range threePlaces {
		fields, err := w.secret(p.secret)
		if err != nil {
			t.Fatal(err)
		}
		id, _ := w.platform.KeyID(p.key(fields))
		if live := w.live(p.account); !slices.Equal(live, []string{id}) {
			t.Errorf("%s: the platform has keys %v, the reader's is %q", p.account, live, id)
		}
		if s := status[team+"/"+p.account]; s.Key != id || !s.Agree || s.Phase != "steady" || s.Overdue {
			t.Errorf("%s: status says %+v", p.account, s)
		}
	}
}

// mutations are the platform's operations that change something.
var mutations = []string{"createServiceAccount", "generateApiKey", "deleteApiKey"}

// unchanged checks that a pass writes nothing anywhere, and that it reads
// pages, not secrets.
func unchanged(t *testing.T, w *world) {
	t.Helper()
	w.proxy.Reset()
	calls := func() (n int) {
		for _, m := range mutations {
			n += w.platform.Calls(m)
		}
		return n
	}
	before := calls()
	events := len(decode[historyJSON](t, w.run(0, "history", "-o", "json")).Events)
	w.run(0, "plan", "--detailed-exitcode")
	pass := w.run(0, "sync", "-o", "json")
	for _, a := range decode[passJSON](t, pass).Accounts {
		if a.Result != "unchanged" {
			t.Errorf("%+v", a)
		}
	}
	seen := w.proxy.Calls()
	if len(seen) == 0 {
		t.Error("nothing was looked at")
	}
	for kind, n := range seen {
		if !strings.HasPrefix(kind, "GET ") || kind == "GET data" {
			t.Errorf("%d calls of Vault: %s", n, kind)
		}
	}
	if n := calls(); n != before {
		t.Errorf("%d changes at the platform", n-before)
	}
	if n := len(decode[historyJSON](t, w.run(0, "history", "-o", "json")).Events); n != events {
		t.Errorf("%d events more", n-events)
	}
}

// rotateAll asks for new keys, checks that both keys of each account work
// during the overlap, and waits until the old ones are gone.
func rotateAll(t *testing.T, w *world) {
	t.Helper()
	value := func(p place) string {
		fields, err := w.secret(p.secret)
		if err != nil {
			t.Fatal(err)
		}
		return p.key(fields)
	}
	check := func(p place, key string, want bool) {
		t.Helper()
		works, err := w.works(key, "check")
		if err != nil {
			t.Fatal(err)
		}
		if works != want {
			t.Errorf("%s: works %v, want %v", p.account, works, want)
		}
	}
	old := map[string]string{}
	for _, p := range threePlaces {
		old[p.account] = value(p)
	}
	w.run(0, append([]string{"rotate", "--yes", "--reason", "to see it"}, threeRefs...)...)
	for _, p := range threePlaces {
		if value(p) == old[p.account] {
			t.Errorf("%s: the reader still has the old key", p.account)
		}
	}
	// The overlap began a moment ago: both keys work.
	for _, p := range threePlaces {
		check(p, old[p.account], true)
		check(p, value(p), true)
		if s := w.status()[team+"/"+p.account]; s.Phase != "retiring" || len(s.Old) != 1 || s.Until == nil {
			t.Errorf("%s: status says %+v", p.account, s)
		}
	}
	w.settle(t)
	for _, p := range threePlaces {
		check(p, old[p.account], false)
		check(p, value(p), true)
	}
	w.delivered(t)
}
