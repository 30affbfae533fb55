package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func newPlan(*app) *cobra.Command {
	return &cobra.Command{
		Use: "plan", Short: "Show what would be done", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return errors.New("the plan is not built yet") },
	}
}
