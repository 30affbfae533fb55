package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// What cobra says of a wrong command line, in words that say what to write.

// noArguments is for commands that take none.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("%s takes no arguments, and got %q: see %[1]s --help", c.CommandPath(), args[0])
}

// oneAccount is for commands about exactly one account.
func oneAccount(c *cobra.Command, args []string) error {
	if len(args) == 1 {
		return nil
	}
	return fmt.Errorf("name one account, like %s ml-platform/nightly-eval: keyrota status lists them", c.CommandPath())
}

// someAccounts is for commands that never mean all accounts.
func someAccounts(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return nil
	}
	return fmt.Errorf("name at least one account, like %s ml-platform/nightly-eval: keyrota status lists them", c.CommandPath())
}

// atMostOneAccount is for commands about one account or all.
func atMostOneAccount(c *cobra.Command, args []string) error {
	if len(args) <= 1 {
		return nil
	}
	return fmt.Errorf("name one account, or none for all: see %s --help", c.CommandPath())
}

// flagError adds where the flags are listed.
func flagError(c *cobra.Command, err error) error {
	return fmt.Errorf("%w: see %s --help", err, c.CommandPath())
}

// command answers a command line without a known command.
func command(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return root.Help()
	}
	if near := root.SuggestionsFor(args[0]); len(near) > 0 {
		return fmt.Errorf("there is no command %q: did you mean %s %s?", args[0], root.CommandPath(), near[0])
	}
	return fmt.Errorf("there is no command %q: %s --help lists them", args[0], root.CommandPath())
}

// completion answers a shell for which there is no script.
func completion(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return c.Help()
	}
	return fmt.Errorf("%s has no script for %q: name bash, zsh, fish or powershell", c.CommandPath(), args[0])
}

// accounts completes the names of accounts, where a configuration is found.
func (a *app) accounts(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	c, err := a.loadConfig()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []cobra.Completion
	for _, account := range c.Accounts {
		names = append(names, cobra.CompletionWithDesc(account.Ref, account.Purpose))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// account completes nothing after the first name.
func (a *app) account(c *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.accounts(c, args, begun)
}
