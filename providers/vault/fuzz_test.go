package vault

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

// Whatever a server says of a secret's versions and marks, no more is seen than
// it says: a secret is marked only as a version that can be read now.
func FuzzMark(f *testing.F) {
	for _, answer := range []string{
		``, `null`, `{}`, `{"current_version":1}`, `{"current_version":-1,"versions":{"-1":{"created_time":"x"}}}`,
		`{"current_version":1,"versions":{"-1":{"created_time":"x"},"1":{"created_time":"x-deleted"}}}`,
		`{"current_version":2,"versions":{"1":{"created_time":"2026-01-01T00:00:00Z"},"2":{"created_time":"2026-01-02T00:00:00Z"}},"custom_metadata":{"keyrota":"{\"by\":\"keyrota\",\"version\":2,\"created\":\"2026-01-02T00:00:00Z\"}"}}`,
		`{"current_version":2,"versions":{"2":{"created_time":"2026-01-02T00:00:00Z","destroyed":true}},"custom_metadata":{"keyrota":"{\"by\":\"keyrota\",\"version\":2,\"created\":\"2026-01-02T00:00:00Z\"}","keyrota.K":"{}"}}`,
		`{"current_version":1,"versions":{"1":{"created_time":"2026-01-02T00:00:00Z","deletion_time":"9999-99-99"}},"custom_metadata":{"keyrota.K":"CANARY"}}`,
	} {
		f.Add(answer, "K")
		f.Add(answer, "")
	}
	now := time.Date(2026, 8, 3, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, answer, field string) {
		var m metadata
		if json.Unmarshal([]byte(answer), &m) != nil {
			return
		}
		for _, v := range m.Versions {
			if strings.HasSuffix(v.Created, deletedMark) {
				return // no time ends so
			}
		}
		h, _ := m.holding(field, now)
		v, live := m.current(now)
		if h.State == rotation.StateMarked && (!live || v.number < 1 || v.created == "") {
			t.Errorf("%s is seen as marked", answer)
		}
		if h.State != rotation.StateAbsent && !live {
			t.Errorf("%s is seen as %s", answer, h.State)
		}
		if h.Version != "" && live {
			if p, err := parseVersion(h.Version); err != nil || p != v {
				t.Errorf("version %s is read as %+v, %v", h.Version, p, err)
			}
		}
		for _, older := range h.Older {
			if _, err := parseVersion(older); err != nil {
				t.Errorf("an older version: %v", err)
			}
		}
	})
}
