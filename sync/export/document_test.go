package export_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/export"
	"github.com/keyrota/keyrota/sync/ledger"
)

func indented(t *testing.T, item export.Item, err error) string {
	t.Helper()
	var b bytes.Buffer
	if err == nil {
		err = json.Indent(&b, item.Body, "", "  ")
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestDocuments(t *testing.T) {
	e := export.Encoder{
		Ledger: "l1", Instance: "prod", Organization: "acme", Version: "1.2.3",
		Describe: func(e rotation.Event) string { return "told: " + e.Words },
	}
	s := ledger.StoredEvent{
		Seq: 7, Time: start, Ref: "ml/eval", Revision: 3, By: "ada on call on host-1", Config: "c0ffee", Hash: ledger.Hash{1},
		Event: rotation.Event{
			Kind: rotation.EventDelivered, Key: "k1", Label: "keyrota/prod/u/3@t.n", Edition: 3,
			Destination: rotation.Destination{Store: "vault", Path: "kv/ml/eval", Field: "KEY"}, Words: `<a> & "b"` + "\n",
		},
	}
	const hash = "0100000000000000000000000000000000000000000000000000000000000000"
	item, err := e.Event(s, export.ECS)
	want := `{
  "@timestamp": "2026-08-03T12:00:00Z",
  "message": "told: <a> & \"b\"\n",
  "ecs": {
    "version": "8.17.0"
  },
  "event": {
    "kind": "event",
    "category": [
      "configuration"
    ],
    "type": [
      "change"
    ],
    "action": "key.delivered",
    "outcome": "success",
    "provider": "keyrota",
    "dataset": "keyrota.events",
    "id": "l1-7",
    "sequence": 7,
    "hash": "` + hash + `",
    "reason": "<a> & \"b\"\n"
  },
  "user": {
    "name": "ada on call",
    "target": {
      "name": "eval",
      "group": {
        "name": "ml"
      }
    }
  },
  "host": {
    "name": "host-1"
  },
  "service": {
    "name": "keyrota",
    "type": "keyrota",
    "version": "1.2.3",
    "environment": "prod"
  },
  "organization": {
    "name": "acme"
  },
  "related": {
    "user": [
      "ada on call",
      "eval"
    ],
    "hosts": [
      "host-1"
    ]
  },
  "labels": {
    "ledger": "l1",
    "instance": "prod",
    "account": "ml/eval",
    "key": "k1",
    "key_label": "keyrota/prod/u/3@t.n",
    "edition": "3",
    "store": "vault",
    "destination": "vault:kv/ml/eval#KEY",
    "config": "c0ffee"
  }
}`
	if d := cmp.Diff(want, indented(t, item, err)); d != "" {
		t.Error(d)
	}

	item, err = e.Event(s, export.CloudEvents)
	var envelope map[string]any
	if err != nil || json.Unmarshal(item.Body, &envelope) != nil {
		t.Fatal(err)
	}
	var data map[string]any
	if err := json.Unmarshal([]byte(want), &data); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]any{
		"specversion": "1.0", "id": "l1-7", "source": "/keyrota/prod/l1", "type": "com.github.keyrota.key.delivered", "subject": "ml/eval",
		"time": "2026-08-03T12:00:00Z", "datacontenttype": "application/json", "sequence": "0000000000000000007", "data": data,
	}, envelope); d != "" {
		t.Error(d)
	}

	for _, c := range []struct {
		ref, by string
		want    string
	}{
		{"organization//batch", "ada on host-1", `{"name":"ada","target":{"name":"batch"}}`},
		{"odd", "somebody", `{"name":"somebody","target":{"name":"odd"}}`},
		{"", "", `{}`},
	} {
		item, err := e.Event(ledger.StoredEvent{Seq: 1, Time: start, Ref: rotation.Ref(c.ref), By: c.by, Event: rotation.Event{Kind: rotation.EventFrozen}}, export.ECS)
		var d struct{ User json.RawMessage }
		if err != nil || json.Unmarshal(item.Body, &d) != nil || string(d.User) != c.want {
			t.Errorf("%s by %s: %s, %v", c.ref, c.by, d.User, err)
		}
	}
}
