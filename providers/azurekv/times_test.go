package azurekv_test

import (
	"github.com/keyrota/keyrota/providers/providertest"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/azurekv/azuretest"
)

func TestTimesAndDescription(t *testing.T) {
	w := start(t)
	d := dest("ci/wandb")
	from := time.Now().AddDate(0, -1, 0).Truncate(time.Second)
	p := providertest.Value(keyOne)
	p.NotBefore, p.Expires, p.Description = from, from.AddDate(0, 3, 0), "W&B API key of ml/eval"
	providertest.Put(t, w.store, d, p, providertest.MarkOf("a", 1))
	v := w.Versions("ci-wandb")[0]
	if !v.NotBefore.Equal(from.Add(-5*time.Minute)) || !v.Expires.Equal(p.Expires) || v.Tags["description"] != p.Description {
		t.Errorf("%+v", v)
	}
	w.Reset()
	providertest.Put(t, w.store, d, p, providertest.MarkOf("a", 1))
	wantCalls(t, w, map[string]int{"ListVersions": 2})
	p.Expires = p.Expires.AddDate(0, 1, 0)
	p.Description = strings.Repeat("long ", 200)
	providertest.Put(t, w.store, d, p, providertest.MarkOf("a", 1))
	v = w.Versions("ci-wandb")[0]
	if !v.Expires.Equal(p.Expires) || v.Tags["description"] != "W&B API key of ml/eval" {
		t.Errorf("%+v", v)
	}
	wantVersions(t, w, "ci-wandb", 1)
}

// A reader that minds a version's times is never told that a key which works
// has not begun, or has ended.
func TestTimesThatWouldTurnReadersAway(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct{ from, until time.Time }{
		"created by a clock that is ahead": {now.Add(time.Hour), now.AddDate(0, 1, 0)},
		"created just now":                 {now, now.AddDate(0, 1, 0)},
		"overdue":                          {now.AddDate(0, -2, 0), now.Add(-time.Hour)},
		"ends before it begins":            {now.AddDate(0, 0, 2), now.AddDate(0, 0, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			d := dest("ci/wandb")
			p := providertest.Value(keyOne)
			p.NotBefore, p.Expires = c.from, c.until
			providertest.Put(t, w.store, d, p, providertest.MarkOf("a", 1))
			p.Tags = map[string]string{"team": "ml"}
			providertest.Put(t, w.store, d, p, providertest.MarkOf("a", 1))
			v := w.Versions("ci-wandb")[0]
			if v.NotBefore.After(now.Add(-time.Minute)) {
				t.Errorf("it begins %s, which a slow clock has not reached", v.NotBefore)
			}
			if !v.Expires.IsZero() && v.Expires.Before(now) {
				t.Errorf("it has ended %s", v.Expires)
			}
		})
	}
}

// A secret with fields keeps the times that somebody gave it.
func TestTimesOfFields(t *testing.T) {
	w := start(t)
	d := dest("ci/shared#A")
	until := time.Now().AddDate(1, 0, 0).Truncate(time.Second).UTC()
	w.EditWith("ci-shared", azuretest.Version{Value: `{"theirs":"x"}`, Enabled: true, Expires: until})
	p := providertest.Value(keyOne)
	p.NotBefore, p.Expires = time.Now().AddDate(0, -1, 0), time.Now().AddDate(0, 1, 0)
	providertest.Put(t, w.store, d, p, providertest.MarkOf("a", 1))
	if v := w.Versions("ci-shared")[1]; !v.Expires.Equal(until) || !v.NotBefore.IsZero() {
		t.Errorf("%+v", v)
	}
	w.Reset()
	providertest.Put(t, w.store, d, p, providertest.MarkOf("a", 1))
	if n := w.Calls()["UpdateSecret"]; n != 0 {
		t.Errorf("%d updates where nothing changed", n)
	}
}
