package main

import (
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/sync/inventory"
)

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

func TestReadmeConfigurationsLoad(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := yamlBlock.FindAllStringSubmatch(string(text), -1)
	if len(blocks) == 0 {
		t.Fatal("the README shows no configuration")
	}
	for i, block := range blocks {
		a := newApp()
		a.env = func(name string) (string, bool) {
			v, ok := map[string]string{"VAULT_ADDR": "http://127.0.0.1:1", "XDG_STATE_HOME": t.TempDir()}[name]
			return v, ok
		}
		file := fmt.Sprintf("README.md, example %d", i+1)
		c, problems := config.Parse(file, []byte(block[1]), config.Options{Env: a.env, StoreTypes: configTypes()})
		if err := problems.Err(); err != nil {
			t.Fatal(err)
		}
		p, _, err := a.openProviders(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := inventory.Build(c, p, ""); err != nil {
			t.Fatal(err)
		}
	}
}
