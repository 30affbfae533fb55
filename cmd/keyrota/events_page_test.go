package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/export"
	"github.com/keyrota/keyrota/sync/ledger"
)

// pageMarker ends what of EVENTS.md is written by hand.
const pageMarker = "-update`. -->\n"

// eventExamples are one event of each kind, with what it says.
func eventExamples() map[rotation.EventKind]struct {
	when  string
	event rotation.Event
} {
	const (
		label = rotation.Label("keyrota/prod/VXNlcjo3/4@20260803T090000Z.MFZFRUFLYDY2CRUK")
		key   = rotation.KeyID("QXBpS2V5Ojg=")
		old   = rotation.KeyID("QXBpS2V5OjY=")
	)
	to := rotation.Destination{Store: "vault", Path: "kv/ml/eval", Field: "WANDB_API_KEY"}
	type e = rotation.Event
	return map[rotation.EventKind]struct {
		when  string
		event rotation.Event
	}{
		rotation.EventProvisioning: {"the account is about to be created", e{Words: "begun by root on host-1"}},
		rotation.EventProvisioned:  {"it was created", e{Words: "VXNlcjo3"}},
		rotation.EventFound:        {"it was there already", e{Words: "VXNlcjo3"}},
		rotation.EventQuarantining: {"every key of the account is to be deleted, as its configuration says", e{Key: key, Edition: 4, Words: "state: quarantined; every key of the account is deleted from 2026-08-10T09:00:00Z on, whoever reads it"}},
		rotation.EventQuarantined:  {"they are", e{Words: "the account has no key any more; its secrets are as they were"}},
		rotation.EventRemoving:     {"the account is about to be taken out of its team", e{Words: "state: removed"}},
		rotation.EventRemoved:      {"it was", e{Words: "VXNlcjo3"}},
		rotation.EventActivating:   {"it is to work again, or to go on working", e{Words: "it had no key since 2026-08-10T09:12:00Z"}},
		rotation.EventRecovered:    {"its record was made again from labels and marks", e{Key: key, Edition: 5}},
		rotation.EventParked:       {"it waits for a person", e{Words: "the value in vault:kv/ml/eval#WANDB_API_KEY is someone else's key"}},
		rotation.EventRequested:    {"a person asked for something, or was refused", e{Words: "rotate: laptop lost"}},
		rotation.EventIssuing:      {"a key is about to be created", e{Label: label, Edition: 4}},
		rotation.EventIssueFailed:  {"it was not", e{Label: label, Edition: 4, Words: "HTTP 503 Service Unavailable"}},
		rotation.EventAbandoned:    {"its creation was cut short", e{Label: label, Edition: 4}},
		rotation.EventDiscarded:    {"a key that nobody was offered was deleted", e{Key: key, Label: label}},
		rotation.EventOffered:      {"a key was created and verified: readers are to have it", e{Key: key, Label: label, Edition: 4}},
		rotation.EventAdopted:      {"a key that was not made by keyrota is offered", e{Key: old, Edition: 1}},
		rotation.EventRolledBack:   {"an earlier key is offered again: a person asked", e{Key: old, Edition: 5}},
		rotation.EventWithdrawn:    {"an earlier key is offered again: the newer one is lost", e{Key: key, Edition: 5}},
		rotation.EventCondemned:    {"an old key is about to be deleted", e{Key: old, Edition: 3}},
		rotation.EventRevoked:      {"it was deleted", e{Key: old, Edition: 3}},
		rotation.EventGone:         {"someone else deleted a key", e{Key: old}},
		rotation.EventDelivering:   {"a key is about to be written to a destination", e{Key: key, Edition: 4, Destination: to}},
		rotation.EventDelivered:    {"it was written", e{Key: key, Edition: 4, Destination: to}},
		rotation.EventHealed:       {"a destination that no longer held what was delivered is about to be written", e{Key: key, Edition: 4, Destination: to}},
		rotation.EventAgreed:       {"every destination was seen to hold the key: the overlap begins", e{Key: key, Edition: 4}},
		rotation.EventLeaked:       {"a person said that others may know the account's keys", e{Edition: 4, Words: "found in a public repository"}},
		rotation.EventLeakOver:     {"every such key is deleted, or kept by name", e{Edition: 5}},
		rotation.EventInUse:        {"a run holds an old key whose overlap is over", e{Key: old, Edition: 3, Words: "run ml-platform/eval/k2x9 (created 2026-07-25T08:00:00Z) goes on; kept until 2026-08-17T09:00:00Z at most"}},
		rotation.EventStrange:      {"a key appeared that nothing of keyrota's explains", e{Key: "QXBpS2V5Ojk5"}},
		rotation.EventEnded:        {"a person ended an old key's overlap", e{Key: old, Edition: 3}},
		rotation.EventHeld:         {"a rotation is due, and held back by max_rotations_per_day or a canary", e{Words: "30 rotations began in the last 24 hours"}},
		rotation.EventLeft:         {"the account is no longer in the configuration", e{}},
		rotation.EventReturned:     {"it is in it again", e{}},
		rotation.EventMoved:        {"its record goes on under another name", e{Words: "now ml-platform/nightly-evaluation"}},
		rotation.EventForgotten:    {"its record was given up: a person asked", e{}},
		rotation.EventReleased:     {"a person said that nobody reads a destination any more", e{Destination: to}},
		rotation.EventPruning:      {"a secret is about to be deleted: a person asked", e{Key: old, Edition: 3, Destination: to}},
		rotation.EventUnmarking:    {"keyrota's mark is about to be removed from a secret", e{Destination: to}},
		rotation.EventPruned:       {"a secret was deleted: a person asked", e{Destination: to}},
		rotation.EventFrozen:       {"a freeze began", e{Words: "quarter end, until 2026-08-10T00:00:00Z"}},
		rotation.EventUnfrozen:     {"it was lifted", e{Words: "quarter end is over"}},

		rotation.EventAcknowledged:   {"a person said that a finding is known", e{Words: "unused of ml-platform/nightly-eval until 2026-12-31T00:00:00Z: the yearly benchmark"}},
		rotation.EventUnacknowledged: {"a person took that back", e{Words: "acknowledgement 17 of unused of ml-platform/nightly-eval: the benchmark was moved"}},
		rotation.EventJWTKept:        {"fresh JWTs of external accounts are kept where jobs read them (once a day)", e{Words: "ml-platform/eks-training at vault:kv/ml/jwt#identity_token"}},
	}
}

// TestEventsPage: EVENTS.md tells of every kind of event, and shows what is
// sent of each.
func TestEventsPage(t *testing.T) {
	page, err := os.ReadFile("EVENTS.md")
	if err != nil {
		t.Fatal(err)
	}
	head, got, ok := strings.Cut(string(page), pageMarker)
	if !ok {
		t.Fatal("the marker is gone")
	}
	want := "\n" + eventsPage(t)
	if *update {
		if err := os.WriteFile("EVENTS.md", []byte(head+pageMarker+want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	// Every field that is sent is told of.
	for _, name := range fieldsIn(t, got) {
		if !strings.Contains(head, name[strings.LastIndex(name, ".")+1:]) {
			t.Errorf("the page does not tell of %s", name)
		}
	}
}

func eventsPage(t *testing.T) string {
	t.Helper()
	encoder := export.Encoder{Ledger: "lvamxet6t5cvejcq", Instance: "prod", Organization: "acme", Version: "1.4.0", Describe: describe}
	at := time.Date(2026, 8, 3, 9, 0, 0, 0, time.UTC)
	var table, lines, whole strings.Builder
	all, seq := eventExamples(), int64(40)
	for _, kind := range export.Kinds() {
		x, ok := all[kind]
		if !ok {
			t.Fatalf("there is no example of %s", kind)
		}
		delete(all, kind)
		seq++
		x.event.Kind = kind
		s := ledger.StoredEvent{
			Seq: seq, Time: at.Add(time.Duration(seq) * time.Second), Ref: "ml-platform/nightly-eval", By: "keyrota on host-1",
			Config: strings.Repeat("5e80f2a7", 8), Hash: ledger.Hash{byte(seq)}, Event: x.event,
		}
		if strings.HasPrefix(string(kind), "freeze.") {
			s.Ref = ""
		}
		item := made(t)(encoder.Event(s, export.ECS))
		var d struct {
			Event struct {
				Kind, Outcome string
				Category      []string
				Type          []string
			}
		}
		if err := json.Unmarshal(item.Body, &d); err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(&table, "| `%s` | %s | %s, %s | %s | %s |\n",
			kind, d.Event.Kind, d.Event.Category[0], strings.Join(d.Event.Type, " "), d.Event.Outcome, x.when)
		_, _ = fmt.Fprintf(&lines, "%s\n", item.Body)
		if kind == rotation.EventDelivered {
			whole.WriteString("A document as a whole, and a head in its envelope:\n\n")
			block(t, &whole, item)
		}
	}
	for kind := range all {
		t.Errorf("there is an example of %s, which is no kind of event", kind)
	}
	block(t, &whole, made(t)(encoder.Head(ledger.Head{Seq: seq, Hash: ledger.Hash{byte(seq)}}, at.Add(time.Minute), at.Add(time.Hour), export.CloudEvents)))
	return "## Kinds of events\n\n| `event.action` | kind | category, type | outcome | when |\n|---|---|---|---|---|\n" + table.String() +
		"\n## Examples\n\n" + whole.String() + "One of each kind:\n\n```json\n" + lines.String() + "```\n"
}

func made(t *testing.T) func(export.Item, error) export.Item {
	return func(item export.Item, err error) export.Item {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return item
	}
}

func block(t *testing.T, to *strings.Builder, item export.Item) {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, item.Body, "", "  "); err != nil {
		t.Fatal(err)
	}
	_, _ = fmt.Fprintf(to, "```json\n%s\n```\n\n", &b)
}

// fieldsIn are the names of all fields in the lines of JSON of a page.
func fieldsIn(t *testing.T, page string) []string {
	t.Helper()
	var names []string
	var walk func(at string, v any)
	walk = func(at string, v any) {
		if m, ok := v.(map[string]any); ok {
			for name, v := range m {
				walk(strings.TrimPrefix(at+"."+name, "."), v)
			}
			return
		}
		names = append(names, at)
	}
	for line := range strings.Lines(page) {
		var v any
		if strings.HasPrefix(line, `{"`) && json.Unmarshal([]byte(line), &v) == nil {
			walk("", v)
		}
	}
	if len(names) == 0 {
		t.Error("the page has no examples")
	}
	return names
}
