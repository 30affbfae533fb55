package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func newDemo(*app) *cobra.Command {
	return &cobra.Command{
		Use: "demo", Short: "Show the main job on a sandbox, with nothing else installed", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return errors.New("the demo is not built yet") },
	}
}
