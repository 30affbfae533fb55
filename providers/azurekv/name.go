package azurekv

import (
	"errors"
	"fmt"
	"strings"

	"github.com/keyrota/keyrota/providers"
)

// Bounds of a secret, in bytes and in numbers.
// https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates
// https://learn.microsoft.com/azure/key-vault/secrets/about-secrets
const (
	nameMax     = 127
	valueMax    = 25 * 1024
	tagsMax     = 15
	tagKeyMax   = 512
	tagValueMax = 512
)

// mapped replaces what stands in a path for what Key Vault allows in a name. The
// second result is the first character that stands for nothing, 0 if none.
func mapped(path string) (string, rune) {
	var refused rune
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z', r == '-':
			return r
		case r == '/', r == '_', r == '.':
			return '-'
		}
		if refused == 0 {
			refused = r
		}
		return r
	}, path)
	return name, refused
}

// nameError says why a path cannot be a secret's name.
type nameError struct{ message, hint string }

func (e *nameError) Error() string { return e.message }

// nameOf returns the secret's name of a path.
func nameOf(path string) (string, error) {
	name, refused := mapped(path)
	switch {
	case name == "":
		return name, &nameError{"the path is empty", "write the secret's name, such as ci-wandb"}
	case refused != 0:
		return name, &nameError{fmt.Sprintf("Key Vault does not allow %q in a name", refused), "use letters, digits and -; /, _ and . become -"}
	case len(name) > nameMax:
		return name, &nameError{fmt.Sprintf("the name has %d characters", len(name)), fmt.Sprintf("Key Vault allows %d", nameMax)}
	}
	return name, nil
}

// named is nameOf for a call.
func named(op, destination, path string) (string, error) {
	name, err := nameOf(path)
	if err != nil {
		e := problemf(op, destination, providers.Invalid, "", "%w", err)
		var why *nameError
		if errors.As(err, &why) {
			e.Hint = why.hint
		}
		return "", e
	}
	return name, nil
}
