package main

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/spf13/cobra"

	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

func newSandbox(a *app) *cobra.Command {
	var listen, seed, state string
	c := &cobra.Command{
		Use:   "sandbox --seed FILE",
		Short: "Run a W&B-compatible server to try things out on",
		Long: `Runs a server that behaves like W&B as far as keyrota and its readers need:
accounts, keys, projects, runs, the audit log, token exchange. The seed says
what is in it. With --state it goes on where it stopped; that file holds hashes
of keys, never keys. Not a W&B product, and not for production.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.sandbox(cmd.Context(), listen, seed, state) },
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "`ADDRESS` to listen on; port 0 chooses one")
	c.Flags().StringVar(&seed, "seed", "", "YAML `FILE` with what the server begins with")
	c.Flags().StringVar(&state, "state", "", "`FILE` in which the server keeps its state")
	return c
}

func (a *app) sandbox(ctx context.Context, listen, seed, state string) error {
	if seed == "" {
		return errors.New("name what the server begins with: --seed FILE, like examples/quickstart/sandbox.yaml")
	}
	server, err := sandbox.Open(seed, sandbox.Options{Now: a.now, StatePath: state})
	if err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return fmt.Errorf("the sandbox cannot listen: %w: choose another address with --listen, like 127.0.0.1:0", err)
	}
	if _, err := fmt.Fprintf(a.stdout, "listening on http://%s\n", l.Addr()); err != nil {
		return err
	}
	return server.Serve(ctx, l)
}
