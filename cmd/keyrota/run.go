package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func newRun(*app) *cobra.Command {
	return &cobra.Command{
		Use: "run", Short: "Run the daemon: do on schedule what sync does once", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return errors.New("the daemon is not built yet") },
	}
}
