package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/keyrota/keyrota/config"
)

// firstConfig is what init writes: complete once three names are filled in.
const firstConfig = `# yaml-language-server: $schema=https://raw.githubusercontent.com/keyrota/keyrota/main/config/schema.json
# keyrota: which W&B service accounts there are, and where their keys go.
# Check it with: keyrota validate        See what would be done: keyrota plan

instance: prod                  # in every label and mark; choose once, never change

wandb:
  organization: acme            # your W&B organization
  # url: https://acme.wandb.io  # your own server; left out: https://api.wandb.ai
  # admin_key: env:WANDB_ADMIN_KEY   # creates accounts, lists and deletes their keys

stores:
  vault: {}                     # address and login from VAULT_ADDR, VAULT_TOKEN, ...

defaults:
  manage: observe               # watch and report; write rotate when you are ready
  every: 90d
  overlap: 24h                  # both keys work at least this long after every reader has the new one

accounts:
  - name: ci-model-training
    team: ml-platform
    purpose: training runs from CI
    owner: ml-platform@acme.example
    used_by: [ci]
    deliver: vault:secret/ci/wandb#WANDB_API_KEY
`

func newInit(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "init",
		Short: "Write a first configuration to start from",
		Long:  "Writes a first configuration, to " + config.Name + " or to the file named with\n--config. A file that exists is left alone.",
		Args:  noArguments,
		RunE:  func(*cobra.Command, []string) error { return a.initConfig() },
	}
}

func (a *app) initConfig() error {
	path := a.configPath
	if path == "" {
		path = config.Name
	}
	f, err := newFile(path, 0o644) // it holds no secret, and reviewers read it
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w with --config", err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("writing a first configuration: %w: make its directory first", err)
	}
	if err != nil {
		return fmt.Errorf("writing a first configuration: %w", err)
	}
	_, err = f.WriteString(firstConfig)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing a first configuration: %w", err)
	}
	return a.print(struct {
		File string `json:"file"`
	}{path}, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "wrote %s: fill in your names, then run keyrota validate and keyrota plan\n", path)
	})
}
