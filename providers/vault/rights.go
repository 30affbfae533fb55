package vault

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

var (
	_ providers.RightsReporter = (*Store)(nil)
	_ providers.Connector      = (*Store)(nil)
	_ providers.LoginReporter  = (*Store)(nil)
)

// Rights asks Vault what the token may do at each destination.
func (s *Store) Rights(ctx context.Context, ds []rotation.Destination, yield func(rotation.Destination, providers.Rights) error) error {
	const op = "ask for the rights at"
	var failed []error
	places := map[rotation.Destination]place{}
	var paths []string
	for _, d := range ds {
		p, err := s.locate(ctx, op, d)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		places[d] = p
		paths = append(paths, p.data(), p.metadata())
	}
	slices.Sort(paths)
	can := map[string][]string{}
	for batch := range slices.Chunk(slices.Compact(paths), sightBatch) {
		told, err := s.capabilities(ctx, batch)
		if err != nil {
			return errors.Join(append(failed, problem(op, "", err))...)
		}
		for path, capabilities := range told {
			can[path] = capabilities
		}
	}
	for _, d := range ds {
		if p, ok := places[d]; ok {
			if err := yield(d, rightsAt(d, p, can[p.data()], can[p.metadata()])); err != nil {
				return err
			}
		}
	}
	return errors.Join(failed...)
}

// rightsAt judges capabilities by what a delivery needs: see the package's
// policy. Whoever may only create could write a secret once, and never again.
func rightsAt(d rotation.Destination, p place, data, metadata []string) providers.Rights {
	var r providers.Rights
	var missing []string
	lacks := func(path string, capabilities ...string) {
		missing = append(missing, fmt.Sprintf("path %q { capabilities = [\"%s\"] }", path, strings.Join(capabilities, `", "`)))
	}
	judge := func(granted bool) providers.Right {
		if granted {
			return providers.RightGranted
		}
		return providers.RightDenied
	}
	r.Read = judge(has(data, "read"))
	if !has(metadata, "read") {
		lacks(p.metadata(), "read")
	}
	if r.Read == providers.RightDenied {
		lacks(p.data(), "read")
	}
	// One field among others is patched where that is granted.
	again := has(data, "update") || d.Field != "" && has(data, "patch")
	marked := has(metadata, "update") || has(metadata, "patch")
	r.Write = judge(again && marked)
	if !again {
		lacks(p.data(), "create", "update", "patch")
	}
	if !marked {
		lacks(p.metadata(), "create", "update", "patch")
	}
	if r.Write == providers.RightGranted && !(has(data, "create") && has(metadata, "create")) {
		// Enough for what is there already; whether it is, nobody was asked.
		r.Write = providers.RightUnknown
		lacks(p.data(), "create")
		lacks(p.metadata(), "create")
	}
	if len(missing) > 0 {
		r.Missing = "the policy needs: " + strings.Join(missing, ", ")
	}
	return r
}

// Endpoints returns the server's address.
func (s *Store) Endpoints(context.Context) ([]providers.Endpoint, error) {
	return []providers.Endpoint{{
		URL: s.client.Address(), For: "Vault", Insecure: s.insecure,
		CAFile: cmp.Or(s.config.TLS.CAFile, os.Getenv(api.EnvVaultCACert)),
	}}, nil
}

// LoginEnds looks the token up, where no login gives another one.
func (s *Store) LoginEnds(ctx context.Context) (time.Time, error) {
	if s.session.again {
		return time.Time{}, nil
	}
	token, err := s.session.token(ctx)
	if err != nil {
		return time.Time{}, problem("log in", "", err)
	}
	g, err := s.lookup(ctx, token)
	switch {
	case err != nil:
		return time.Time{}, problem("look up the token", "", err)
	case g.ttl == 0 || g.renewable:
		return time.Time{}, nil
	}
	return s.now().Add(g.ttl), nil
}
