package inventory_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/file"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
)

func build(t *testing.T, yaml string, stores map[string]providers.SecretStore) (*inventory.Inventory, error) {
	t.Helper()
	c, problems := config.Parse("keyrota.yaml", []byte(yaml), config.Options{})
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	return inventory.Build(c, inventory.Providers{
		Stores: stores, Abilities: func(rotation.Account) inventory.Abilities { return inventory.Abilities{} },
	}, "ledger")
}

const twoNames = `
instance: test
ledger: ledger.db
stores: {one: {}, other: {}}
accounts:
  - {name: train, team: ml, deliver: one:ml/a#KEY}
  - {name: eval, team: ml, deliver: other:ml/a#KEY}
`

func TestOneSecretUnderTwoStoreNamesIsRefused(t *testing.T) {
	open := func(path string) providers.SecretStore {
		s, err := file.New(file.Config{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	store := open(t.TempDir())
	_, err := build(t, twoNames, map[string]providers.SecretStore{"one": store, "other": store})
	var refused *inventory.Refusal
	if !errors.As(err, &refused) || refused.Ref != "ml/eval" || refused.Pos.Line != 7 || !strings.Contains(err.Error(), "keyrota.yaml:6:") {
		t.Errorf("not refused with both places: %v", err)
	}
	fields := strings.Replace(twoNames, "other:ml/a#KEY", "other:ml/a#ANOTHER", 1)
	if _, err := build(t, fields, map[string]providers.SecretStore{"one": store, "other": store}); err != nil {
		t.Errorf("two fields of one secret: %v", err)
	}
	two := open(t.TempDir())
	inv, err := build(t, twoNames, map[string]providers.SecretStore{"one": store, "other": two})
	if err != nil {
		t.Fatal(err)
	}
	if a, err := inv.Find("eval"); err != nil || a.Ref() != "ml/eval" {
		t.Errorf("by its name alone: %v, %v", a.Ref(), err)
	}
	if _, err := inv.Find("nobody"); err == nil {
		t.Error("an account that is not there was found")
	}
}

// tagging is a store that keeps tags.
type tagging struct{ providers.SecretStore }

func (tagging) CheckTags(_ rotation.Destination, tags map[string]string) error {
	if len(tags) > 2 {
		return &providers.Error{Provider: "tagging", Op: "check", Kind: providers.Invalid, Err: errors.New("more than 2 tags")}
	}
	return nil
}

const tagged = `
instance: test
ledger: ledger.db
stores: {file: {}, tags: {}}
defaults: {tags: {a: b}}
accounts:
  - {name: train, team: ml, purpose: training, deliver: [file:ml/a, tags:ml/a]}
`

func TestTagsAreForStoresThatKeepThem(t *testing.T) {
	open := func() providers.SecretStore {
		s, err := file.New(file.Config{Path: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	stores := map[string]providers.SecretStore{"file": open(), "tags": tagging{open()}}
	shapes := func(yaml string) []rotation.Shape {
		inv, err := build(t, yaml, stores)
		if err != nil {
			t.Fatal(err)
		}
		return []rotation.Shape{inv.Accounts[0].Wants[0].Shape, inv.Accounts[0].Wants[1].Shape}
	}
	before, after := shapes(tagged), shapes(strings.NewReplacer("a: b", "a: c", "training", "evaluation").Replace(tagged))
	if before[0] != after[0] || before[1] == after[1] || before[0] == before[1] {
		t.Error("other tags are a delivery where they are kept, and there alone")
	}
	for yaml, want := range map[string]string{
		strings.Replace(tagged, "[file:ml/a,", "[{store: file, path: ml/a, tags: {x: y}},", 1): "its store keeps none",
		strings.Replace(tagged, "{a: b}", "{a: b, c: d, e: f}", 1):                             "more than 2 tags",
	} {
		_, err := build(t, yaml, stores)
		var refused *inventory.Refusal
		if !errors.As(err, &refused) || refused.Pos.Line != 7 || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestLanesChangeWithWhatARotationGoesOver: with a store's settings and a form,
// and with nothing that differs from account to account.
func TestLanesChangeWithWhatARotationGoesOver(t *testing.T) {
	dir := t.TempDir()
	lanes := func(store, deliver, more string) []string {
		t.Helper()
		s, err := file.New(file.Config{Path: dir})
		if err != nil {
			t.Fatal(err)
		}
		inv, err := build(t, "instance: test\nledger: l\nstores: {s: {"+store+"}}\naccounts:\n  - {name: train, team: ml, "+more+"deliver: "+deliver+"}\n",
			map[string]providers.SecretStore{"s": s})
		if err != nil {
			t.Fatal(err)
		}
		return inv.Accounts[0].Lanes
	}
	base := lanes("address: a", "s:x", "")
	for _, same := range [][]string{
		lanes("address: a", "s:y", ""), lanes("address: a", "[s:x, s:y]", ""), lanes("address: a", "s:x", "env: {A: b}, overlap: 2d, "),
		lanes("address: a", "{store: s, path: x, reader: environment}", ""),
	} {
		if !slices.Equal(base, same) {
			t.Errorf("%v, %v", base, same)
		}
	}
	for _, other := range [][]string{
		lanes("address: b", "s:x", ""), lanes("address: a, auth: {token: env:T}", "s:x", ""), lanes("address: a", "{store: s, path: x, format: env}", ""),
		lanes("type: file, address: a", "s:x", ""),
	} {
		if len(other) != 1 || slices.Contains(base, other[0]) {
			t.Errorf("%v, %v", base, other)
		}
	}
	if one, other := lanes("address: a", "{store: s, path: x, format: env, fields: {A: WANDB_API_KEY}}", ""), lanes("address: a", "{store: s, path: x, format: env, fields: {B: WANDB_API_KEY}}", ""); slices.Equal(one, other) {
		t.Error("another line is another form")
	}
}
