package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/keyrota/keyrota/providers"
)

// longestKey bounds what is read as a key, in bytes.
const longestKey = 4 << 10

// readKey reads exactly one key from a file, or with - from standard input.
func (a *app) readKey(ctx context.Context, path string) (providers.Secret, error) {
	in, name := a.stdin, "standard input"
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			// The name is not repeated: someone may have pasted the key itself.
			if named := (*fs.PathError)(nil); errors.As(err, &named) {
				err = named.Err
			}
			return providers.Secret{}, fmt.Errorf("%w: --key-file takes the name of a file, or - for standard input, and never a key", err)
		}
		defer func() { _ = f.Close() }()
		in, name = f, path
	} else if keyboard, ok := a.stdin.(*os.File); ok && terminal(keyboard) {
		line, err := a.secretLine(ctx, keyboard, "Paste the key, which is not shown, and press Enter: ")
		if err != nil {
			return providers.Secret{}, err
		}
		in = strings.NewReader(line)
	}
	text, err := io.ReadAll(io.LimitReader(in, longestKey+1))
	if err != nil {
		return providers.Secret{}, err
	}
	value := providers.NewSecret(strings.TrimSpace(string(text)))
	switch {
	case value.Empty():
		return providers.Secret{}, fmt.Errorf("there is nothing in %s: write the key, and nothing else, into it", name)
	case len(text) > longestKey || strings.ContainsAny(value.Expose(), " \t\r\n"):
		return providers.Secret{}, fmt.Errorf("there is more than a key in %s: write one key, and nothing else, into it", name)
	}
	return value, nil
}
