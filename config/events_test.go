package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestEvents(t *testing.T) {
	c, _ := loadGood(t, "events.yaml", Options{Env: testEnv, StoreTypes: testTypes})
	want := []EventTarget{
		{Name: "file", File: "testdata/good/events.jsonl", Format: EventsECS, Batch: 100, Heartbeat: time.Hour},
		{
			Name: "siem", Webhook: "https://siem.acme.example/in?index=keyrota", Format: EventsCloudEvents, Batch: 1, Heartbeat: time.Hour,
			Bearer: Reference{Kind: FromEnv, Env: "SIEM_TOKEN"}, Sign: Reference{Kind: FromFile, File: "/etc/keyrota/webhook.key"},
			Headers: map[string]Reference{
				"X-Tenant": {Kind: FromFile, File: "testdata/good/tenant"}, "X-Key": {Kind: FromStore, Store: "vault", Path: "kv/keyrota/siem", Field: "key"},
			},
			CAFile: "testdata/good/ca.pem",
		},
		{
			Name: "local", Webhook: "http://127.0.0.1:9999/", Format: EventsECS, Batch: 10, Heartbeat: 10 * time.Minute,
			Headers: map[string]Reference{"Authorization": {Kind: FromEnv, Env: "SPLUNK"}},
		},
	}
	if d := cmp.Diff(want, c.Events, cmpopts.IgnoreTypes(Position{}), cmpopts.EquateEmpty()); d != "" {
		t.Error(d)
	}
}
