package main

import (
	"bytes"
	"testing"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/wandb/auditlog"
)

// TestGenerate: what is measured is a log that is read whole, and is as wide as
// W&B's entries are.
func TestGenerate(t *testing.T) {
	for _, f := range forms() {
		var log bytes.Buffer
		if err := generate(&log, 1001, f.name == "page"); err != nil {
			t.Fatal(err)
		}
		size, actors := log.Len(), map[string]bool{}
		answer, err := auditlog.Read(&log, func(e providers.AuditEntry) error {
			actors[string(e.Actor)] = true
			if e.Action == "" || e.Actor == "" || e.Team == "" || e.Status == 0 || e.At.IsZero() {
				t.Errorf("%+v", e)
			}
			return nil
		})
		if err != nil || answer.Entries != 1001 || answer.Broken != 0 || answer.Page != (f.name == "page") {
			t.Errorf("%s: %+v, %v", f.name, answer, err)
		}
		if width := size / 1001; width < 400 || len(actors) < 300 {
			t.Errorf("%s: %d bytes an entry, %d accounts", f.name, width, len(actors))
		}
	}
}
