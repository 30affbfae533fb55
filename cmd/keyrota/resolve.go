package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/pace"
	"github.com/keyrota/keyrota/rotation"
)

// resolver reads our own credentials from where the configuration says they
// are, each time they are used.
type resolver struct {
	env    func(string) (string, bool)
	stores map[string]providers.SecretStore
	paces  *pace.Paces // shared by all that this process calls
}

// longest is a bound on the size of a credential's file, in bytes.
const longestCredential = 64 << 10

// resolve returns the value behind env:NAME, file:/path or
// store:NAME/path#field.
func (r resolver) resolve(ctx context.Context, reference string) (providers.Secret, error) {
	fail := func(kind providers.Kind, err error, hint string) (providers.Secret, error) {
		return providers.Secret{}, &providers.Error{Provider: "credential", Op: "read", Name: reference, Kind: kind, Err: err, Hint: hint}
	}
	ref, ok := config.ParseReference(reference)
	if !ok {
		return providers.Secret{}, errors.New("not a reference: write env:NAME, file:/path or store:NAME/path#field")
	}
	switch ref.Kind {
	case config.FromEnv:
		value, ok := r.env(ref.Env)
		if !ok || strings.TrimSpace(value) == "" {
			return fail(providers.Denied, errors.New("the variable is not set"), "set it where keyrota runs")
		}
		return providers.NewSecret(strings.TrimSpace(value)), nil
	case config.FromFile:
		info, err := os.Stat(ref.File)
		if err == nil && info.Size() > longestCredential {
			err = fmt.Errorf("it has %d bytes", info.Size())
		}
		var text []byte
		if err == nil {
			text, err = os.ReadFile(ref.File)
		}
		if err == nil && len(strings.TrimSpace(string(text))) == 0 {
			err = errors.New("it is empty")
		}
		if err != nil {
			return fail(providers.Denied, err, "put the credential there, readable by keyrota alone")
		}
		return providers.NewSecret(strings.TrimSpace(string(text))), nil
	}
	d := rotation.Destination{Store: ref.Store, Path: ref.Path, Field: ref.Field}
	reader, ok := r.stores[ref.Store].(providers.Reader)
	if !ok {
		return fail(providers.Invalid, errors.New("there is no such store, or it gives no values back"), "name a store that is under stores:")
	}
	return reader.Read(ctx, d, "")
}
