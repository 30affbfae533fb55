package azurekv_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/azurekv/azuretest"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
)

func TestPutWritesValueAndMarkInOneCall(t *testing.T) {
	w := start(t)
	d := dest("ci/wandb_key")
	seen := providertest.Look(t, w.store, d)
	w.Reset()
	h, err := w.store.Put(t.Context(), d, providertest.Value(keyOne), providertest.MarkOf("a", 1), seen)
	if err != nil {
		t.Fatal(err)
	}
	wantCalls(t, w, map[string]int{"GetDeletedSecret": 1, "ListVersions": 1, "SetSecret": 1})
	if now := providertest.WantMarked(t, w.store, d, providertest.MarkOf("a", 1)); now.Version != h.Version {
		t.Errorf("put says version %s, look %s", h.Version, now.Version)
	}
	n, ok := providers.DecodeNote(w.Tags("ci-wandb-key")["keyrota"])
	if !ok || n.Mark() != providertest.MarkOf("a", 1) {
		t.Errorf("tags %v", w.Tags("ci-wandb-key"))
	}
	if v := w.Versions("CI-WANDB-KEY"); len(v) != 1 || v[0].Value != keyOne || v[0].ContentType != "text/plain" {
		t.Errorf("versions %+v", v)
	}
}

// A second pass, a repeated put and one that changes nothing but tags make no
// second version.
func TestPutAgain(t *testing.T) {
	w := start(t)
	d := dest("ci/wandb")
	first := providertest.Put(t, w.store, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	w.Reset()
	again := providertest.Put(t, w.store, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	wantCalls(t, w, map[string]int{"ListVersions": 2})
	if again.Version != first.Version {
		t.Errorf("version %s, then %s", first.Version, again.Version)
	}
	w.Reset()
	p := providertest.Value(keyOne)
	p.Tags, p.Expires = map[string]string{"team": "ml"}, time.Now().Add(time.Hour)
	h, err := w.store.Put(t.Context(), d, p, providertest.MarkOf("a", 1), first)
	if err != nil || h.Version != first.Version {
		t.Errorf("%+v, %v", h, err)
	}
	wantCalls(t, w, map[string]int{"ListVersions": 1, "UpdateSecret": 1})
	if v := w.Versions("ci-wandb"); len(v) != 1 || v[0].Tags["team"] != "ml" || v[0].Expires.IsZero() {
		t.Errorf("versions %+v", v)
	}
	providertest.WantMarked(t, w.store, d, providertest.MarkOf("a", 1))
}

// Every read lags: nothing is written twice, and nothing on a look of which we
// know that it is behind.
func TestPutUnderLag(t *testing.T) {
	w := start(t)
	d := dest("ci/wandb")
	seen := providertest.Put(t, w.store, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	providertest.Look(t, w.store, d)
	held := azuretest.Lag{Hold: true}
	w.SetLags(azuretest.Lags{Get: held, Versions: held, List: held})
	second, err := w.store.Put(t.Context(), d, providertest.Value(keyTwo), providertest.MarkOf("a", 2), seen)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.store.Look(t.Context(), d)
	providertest.WantKind(t, err, providers.Transient, "does not show yet")
	_, err = w.store.Put(t.Context(), d, providertest.Value(keyOne), providertest.MarkOf("a", 3), seen)
	providertest.WantKind(t, err, providers.Transient)
	wantVersions(t, w, "ci-wandb", 2)
	w.Release()
	if h := providertest.WantMarked(t, w.store, d, providertest.MarkOf("a", 2)); h.Version != second.Version {
		t.Errorf("version %s, want %s", h.Version, second.Version)
	}
}

// A listing that does not show our write yet is not believed, where a read of
// the current version knows better.
func TestLookUnderLagOfListings(t *testing.T) {
	w := start(t)
	d := dest("ci/wandb")
	held := azuretest.Lag{Hold: true}
	w.SetLags(azuretest.Lags{Versions: held, List: held})
	providertest.Put(t, w.store, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	providertest.WantMarked(t, w.store, d, providertest.MarkOf("a", 1))
	providertest.Put(t, w.store, d, providertest.Value(keyTwo), providertest.MarkOf("a", 2))
	h := providertest.WantMarked(t, w.store, d, providertest.MarkOf("a", 2))
	providertest.Put(t, w.store, d, providertest.Value(keyTwo), providertest.MarkOf("a", 2))
	wantVersions(t, w, "ci-wandb", 2)
	providertest.WantValue(t, w.store, d, h.Version, keyTwo)
	w.Edit("ci-wandb", keyOne)
	h = providertest.WantState(t, w.store, d, rotation.StateBare) // the listing hides that an older one is ours
	w.Release()
	if now := providertest.WantState(t, w.store, d, rotation.StateEdited); now.Version != h.Version || now.Mark != providertest.MarkOf("a", 2) {
		t.Errorf("%+v, before %+v", now, h)
	}
}

func TestFields(t *testing.T) {
	w := start(t)
	a, b := dest("ci/shared#A"), dest("ci/shared#B")
	w.EditWith("ci-shared", azuretest.Version{Value: `{"host": "db",  "port":5432}`, Enabled: true, ContentType: "theirs", Tags: map[string]string{"team": "ml"}})
	if err := w.store.Check(a, providers.Payload{Value: providers.NewSecret(keyOne)}); err == nil {
		t.Error("a field that others may write is taken")
	} else {
		providertest.WantKind(t, err, providers.Invalid, "exclusive: true")
	}
	providertest.Put(t, w.store, a, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	providertest.Put(t, w.store, b, providertest.Value(keyOne), providertest.MarkOf("b", 1))
	v := w.Versions("ci-shared")
	last := v[len(v)-1]
	if want := `{"host": "db",  "port":5432,"A":"` + keyOne + `","B":"` + keyOne + `"}`; last.Value != want {
		t.Errorf("the text is %s", last.Value)
	}
	if last.ContentType != "theirs" || last.Tags["team"] != "ml" {
		t.Errorf("%+v", last)
	}
	providertest.WantMarked(t, w.store, a, providertest.MarkOf("a", 1))
	h := providertest.WantMarked(t, w.store, b, providertest.MarkOf("b", 1))
	providertest.WantValue(t, w.store, b, h.Version, keyOne)
	// The marks carried over bear the write of the version that they stand on.
	var notes [2]struct{ Write string }
	for i, key := range []string{"keyrota.A", "keyrota.B"} {
		if err := json.Unmarshal([]byte(last.Tags[key]), &notes[i]); err != nil {
			t.Fatal(err)
		}
	}
	if notes[0] != notes[1] || notes[0].Write != string(h.Version) {
		t.Errorf("%+v, version %s", notes, h.Version)
	}
}

func TestFieldOfWhatIsNoObject(t *testing.T) {
	w := start(t)
	d := dest("ci/raw#A")
	w.Edit("ci-raw", keyOne)
	_, err := w.store.Look(t.Context(), d)
	providertest.WantKind(t, err, providers.Invalid, "JSON object")
	w.Edit("ci-large", `{"x":"`+strings.Repeat("x", 25_000)+`"}`)
	d = dest("ci/large#A")
	_, err = w.store.Put(t.Context(), d, providertest.Value(strings.Repeat("y", 1000)), providertest.MarkOf("a", 1), providertest.Look(t, w.store, d))
	providertest.WantKind(t, err, providers.Invalid, "a secret of its own")
}

func TestTooManyTagsOfOthers(t *testing.T) {
	w := start(t)
	tags := map[string]string{}
	for n := range 14 {
		tags[fmt.Sprintf("theirs-%d", n)] = "x"
	}
	w.EditWith("ci-wandb", azuretest.Version{Value: "x", Enabled: true, Tags: tags})
	d := dest("ci/wandb")
	p := providertest.Value(keyOne)
	p.Description = "there is no room for it"
	providertest.Put(t, w.store, d, p, providertest.MarkOf("a", 1))
	if got := w.Tags("ci-wandb"); len(got) != 15 || got["description"] != "" {
		t.Errorf("tags %v", got)
	}
	p.Tags = map[string]string{"one": "more"}
	_, err := w.store.Put(t.Context(), d, p, providertest.MarkOf("a", 2), providertest.Look(t, w.store, d))
	providertest.WantKind(t, err, providers.Invalid, "16 tags", "az:ci/wandb")
	wantVersions(t, w, "ci-wandb", 2)
}

// What must not be written at all: a certificate's secret, and one field of what
// nobody can read.
func TestRefusedToWrite(t *testing.T) {
	w := start(t)
	w.EditWith("ci-cert", azuretest.Version{Value: "x", Enabled: true, Managed: true})
	w.EditWith("ci-off", azuretest.Version{Value: `{"theirs":"x"}`})
	for path, words := range map[string]string{"ci/cert": "certificate", "ci/off#A": "disabled"} {
		d := dest(path)
		h := providertest.WantState(t, w.store, d, rotation.StateBare)
		_, err := w.store.Put(t.Context(), d, providertest.Value(keyOne), providertest.MarkOf("a", 1), h)
		providertest.WantKind(t, err, providers.Invalid, words)
	}
	if n := w.Calls()["SetSecret"]; n != 0 {
		t.Errorf("%d writes", n)
	}
}

// Key Vault lets every writer win; writers of one process take turns, so that
// of those who start from one look one wins.
func TestWritersOfOneProcess(t *testing.T) {
	w := start(t)
	d := dest("ci/wandb")
	providertest.Put(t, w.store, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	seen := providertest.Look(t, w.store, d)
	var all sync.WaitGroup
	var won atomic.Int32
	for e := rotation.Edition(2); e < 8; e++ {
		all.Go(func() {
			_, err := w.store.Put(t.Context(), d, providertest.Value(fmt.Sprintf("%s-%d", keyOne, e)), providertest.MarkOf("a", e), seen)
			switch {
			case err == nil:
				won.Add(1)
			case providers.KindOf(err) != providers.Conflict:
				t.Errorf("%v, want a conflict", err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d won", won.Load())
	}
	wantVersions(t, w, "ci-wandb", 2)
}

// A write whose answer is lost has happened or not: both are seen, and neither
// ends in two versions.
func TestLostAnswers(t *testing.T) {
	for name, f := range map[string]azuretest.Fault{
		"before": {Operation: "SetSecret", Refuse: true},
		"after":  {Operation: "SetSecret", Drop: true},
		"500":    {Operation: "SetSecret", Error: &azuretest.Error{Status: 500, Code: "InternalServerError", Message: keyOne}},
		"503":    {Operation: "SetSecret", Late: &azuretest.Error{Status: 503, Code: "ServiceUnavailable", Message: keyOne}},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			d := dest("ci/wandb")
			seen := providertest.Look(t, w.store, d)
			w.Inject(f)
			_, err := w.store.Put(t.Context(), d, providertest.Value(keyOne), providertest.MarkOf("a", 1), seen)
			providertest.WantKind(t, err, providers.Transient)
			providertest.Put(t, w.store, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
			wantVersions(t, w, "ci-wandb", 1)
			if n := w.Calls()["SetSecret"]; n > 2 {
				t.Errorf("%d writes were sent: something tries again by itself", n)
			}
		})
	}
}

// A put that waits for its turn or for an answer sends nothing after its deadline.
func TestNothingAfterTheDeadline(t *testing.T) {
	w := start(t)
	d := dest("ci/wandb")
	seen := providertest.Look(t, w.store, d)
	ctx, cancel := context.WithCancel(t.Context())
	w.Inject(azuretest.Fault{Operation: "ListVersions", After: func(azuretest.Call) error {
		cancel()
		return nil
	}})
	_, err := w.store.Put(ctx, d, providertest.Value(keyOne), providertest.MarkOf("a", 1), seen)
	providertest.WantKind(t, err, providers.Transient)
	wantVersions(t, w, "ci-wandb", 0)
	if n := w.Calls()["SetSecret"]; n != 0 {
		t.Errorf("%d writes", n)
	}
}
