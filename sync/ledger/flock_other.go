//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package ledger

import (
	"errors"
	"fmt"
	"os"
	"runtime"
)

func flock(*os.File, bool) error {
	return fmt.Errorf("%w on %s: run keyrota on Linux, macOS or a BSD", errors.ErrUnsupported, runtime.GOOS)
}
