package azurekv_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/azurekv"
	"github.com/keyrota/keyrota/providers/azurekv/azuretest"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
)

func TestDeletedSecrets(t *testing.T) {
	for _, protected := range []bool{false, true} {
		t.Run(fmt.Sprintf("purge protection %v", protected), func(t *testing.T) {
			w := start(t)
			vault, err := w.NewVault("v2", azuretest.VaultOptions{PurgeProtection: protected, RetentionDays: 7})
			if err != nil {
				t.Fatal(err)
			}
			s := w.open(t, azurekv.Config{URL: vault.URL}, azurekv.Options{HTTPClient: w.Client(), Credential: w.Credential(w.Admin)})
			d := dest("ci/wandb")
			live := providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
			vault.Delete("ci-wandb")
			h := providertest.WantState(t, s, d, rotation.StateAbsent)
			if h.Version == "" || h.Version == live.Version {
				t.Errorf("deleted at version %q, before %q", h.Version, live.Version)
			}
			_, err = s.Read(t.Context(), d, "")
			providertest.WantKind(t, err, providers.NotFound)
			_, err = s.Put(t.Context(), d, providertest.Value(keyTwo), providertest.MarkOf("a", 2), live)
			providertest.WantKind(t, err, providers.Conflict)
			w.SetRecovery(3)
			if _, err = s.Put(t.Context(), d, providertest.Value(keyTwo), providertest.MarkOf("a", 2), h); err != nil {
				t.Fatal(err)
			}
			providertest.WantMarked(t, s, d, providertest.MarkOf("a", 2))
			providertest.WantValue(t, s, d, "", keyTwo)
			if n := len(vault.Versions("ci-wandb")); n != 2 {
				t.Errorf("%d versions, want 2", n)
			}
		})
	}
}

func TestDeletedAndPutBackAsItWas(t *testing.T) {
	w := start(t)
	d := dest("ci/wandb")
	providertest.Put(t, w.store, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	w.Delete("ci-wandb")
	providertest.Put(t, w.store, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	wantVersions(t, w, "ci-wandb", 1)
	providertest.WantMarked(t, w.store, d, providertest.MarkOf("a", 1))
}

func TestDeletedAndNotOurs(t *testing.T) {
	w := start(t)
	d := dest("ci/theirs")
	w.EditWith("ci-theirs", azuretest.Version{Value: keyOne, Enabled: true, Tags: map[string]string{"managed-by": "terraform"}})
	w.Delete("ci-theirs")
	h := providertest.WantState(t, w.store, d, rotation.StateBare)
	for _, words := range []string{"terraform", "not ours", "recoverable until"} {
		if !strings.Contains(h.Owner, words) {
			t.Errorf("the owner is %q, want %q in it", h.Owner, words)
		}
	}
	// A person has named it for adoption.
	if _, err := w.store.Put(t.Context(), d, providertest.Value(keyTwo), providertest.MarkOf("a", 1), h); err != nil {
		t.Fatal(err)
	}
	providertest.WantMarked(t, w.store, d, providertest.MarkOf("a", 1))
	if w.Tags("ci-theirs")["managed-by"] != "terraform" {
		t.Error("the tags of others are gone")
	}
}

// Of a deleted secret only the last version is seen. One that a person set by
// hand and then deleted says how it becomes ours again, and it does.
func TestDeletedAfterAnEdit(t *testing.T) {
	w := start(t)
	d := dest("ci/wandb")
	providertest.Put(t, w.store, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	w.Edit("ci-wandb", "typed by hand")
	w.Delete("ci-wandb")
	if h := providertest.WantState(t, w.store, d, rotation.StateBare); !strings.Contains(h.Owner, "recover it if it was ours before") {
		t.Errorf("the owner is %q", h.Owner)
	}
	w.Recover("ci-wandb")
	providertest.WantState(t, w.store, d, rotation.StateEdited)
}

// Between look and put someone recovers, purges, or makes anew what was deleted.
func TestDeletedMeanwhile(t *testing.T) {
	for what, f := range map[string]func(*world){
		"recovered":            func(w *world) { w.Recover("ci-wandb") },
		"purged":               func(w *world) { w.Purge("ci-wandb") },
		"made anew":            func(w *world) { w.Purge("ci-wandb"); w.Edit("ci-wandb", keyTwo) },
		"recovered and anew":   func(w *world) { w.Edit("ci-wandb", keyTwo) },
		"recovered as we do":   func(w *world) { w.Inject(azuretest.Fault{Operation: "RecoverDeletedSecret", Before: edit(w)}) },
		"recovered and edited": func(w *world) { w.Inject(azuretest.Fault{Operation: "RecoverDeletedSecret", After: edit(w)}) },
	} {
		t.Run(what, func(t *testing.T) {
			w := start(t)
			d := dest("ci/wandb")
			providertest.Put(t, w.store, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
			w.Delete("ci-wandb")
			seen := providertest.Look(t, w.store, d)
			f(w)
			_, err := w.store.Put(t.Context(), d, providertest.Value("new"), providertest.MarkOf("a", 2), seen)
			providertest.WantKind(t, err, providers.Conflict)
			if got, _ := w.Raw("ci-wandb"); got == "new" {
				t.Error("it was written all the same")
			}
		})
	}
}

func edit(w *world) func(azuretest.Call) error {
	return func(azuretest.Call) error {
		w.Edit("ci-wandb", keyTwo)
		return nil
	}
}

func TestRecoveryThatTakesTooLong(t *testing.T) {
	w := start(t)
	d := dest("ci/wandb")
	providertest.Put(t, w.store, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	w.Delete("ci-wandb")
	seen := providertest.Look(t, w.store, d)
	w.SetRecovery(1_000_000)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := w.store.Put(ctx, d, providertest.Value(keyTwo), providertest.MarkOf("a", 2), seen)
	providertest.WantKind(t, err, providers.Transient)
	wantVersions(t, w, "ci-wandb", 1)
}

func TestRightsForDeleted(t *testing.T) {
	w := start(t)
	d := dest("ci/wandb")
	providertest.Put(t, w.store, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	w.Delete("ci-wandb")
	s := w.as(t, w.AddApp("no recover", azuretest.ActionGet, azuretest.ActionSet, azuretest.ActionMetadata, azuretest.ActionUpdate))
	_, err := s.Put(t.Context(), d, providertest.Value(keyTwo), providertest.MarkOf("a", 2), providertest.Look(t, s, d))
	providertest.WantKind(t, err, providers.Denied, "secrets/recover/action")
	w.Inject(azuretest.Fault{Operation: "GetDeletedSecret", Error: &azuretest.Error{Status: 403, Code: "Forbidden", Inner: "ForbiddenByRbac", Message: keyOne}})
	h, err := w.store.Look(t.Context(), d)
	providertest.WantKind(t, err, providers.Denied)
	if h.State != rotation.StateUnknown {
		t.Errorf("seen as %s", h.State)
	}
}

func TestDisabledByHand(t *testing.T) {
	w := start(t)
	d := dest("ci/wandb")
	live := providertest.Put(t, w.store, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	w.Disable("ci-wandb")
	h := providertest.WantState(t, w.store, d, rotation.StateAbsent)
	if h.Version == live.Version {
		t.Error("the version is the one that was enabled")
	}
	_, err := w.store.Read(t.Context(), d, live.Version)
	providertest.WantKind(t, err, providers.NotFound)
	providertest.Put(t, w.store, d, providertest.Value(keyTwo), providertest.MarkOf("a", 2))
	providertest.WantMarked(t, w.store, d, providertest.MarkOf("a", 2))

	w.EditWith("ci-theirs", azuretest.Version{Value: "x"})
	if h := providertest.WantState(t, w.store, dest("ci/theirs"), rotation.StateBare); !strings.Contains(h.Owner, "disabled") {
		t.Errorf("%+v", h)
	}
}

// What another account left, deleted or disabled, is not taken over unasked:
// absent says nothing of whose it is.
func TestNotThereAndOfAnotherAccount(t *testing.T) {
	for what, f := range map[string]func(*world){
		"deleted":  func(w *world) { w.Delete("ci-wandb") },
		"disabled": func(w *world) { w.Disable("ci-wandb") },
	} {
		t.Run(what, func(t *testing.T) {
			w := start(t)
			d := dest("ci/wandb")
			providertest.Put(t, w.store, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
			f(w)
			h := providertest.WantState(t, w.store, d, rotation.StateAbsent)
			for _, m := range []rotation.Mark{providertest.MarkOf("b", 1), {Instance: "staging", Account: providertest.MarkOf("a", 1).Account}} {
				_, err := w.store.Put(t.Context(), d, providertest.Value(keyTwo), m, h)
				providertest.WantKind(t, err, providers.Invalid, "account acct-a", "purge")
			}
			wantVersions(t, w, "ci-wandb", 1)
			if n := w.Calls()["RecoverDeletedSecret"]; n != 0 {
				t.Error("it was recovered")
			}
			again := providertest.MarkOf("a", 2)
			again.Ledger = "another: the first was lost"
			if _, err := w.store.Put(t.Context(), d, providertest.Value(keyTwo), again, h); err != nil {
				t.Error(err)
			}
		})
	}
}
