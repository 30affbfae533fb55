package federation

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/keyrota/keyrota/providers"
)

// heldByFile says what JWT a file holds, and refuses one that was not written for
// this account.
func heldByFile(file, subject string) (Claims, error) {
	info, err := os.Lstat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Claims{}, nil
	case err != nil:
		return Claims{}, fmt.Errorf("keep_file %s: %w: check its directory's permissions", file, reasonOf(err))
	case !info.Mode().IsRegular():
		return Claims{}, fmt.Errorf("keep_file %s is no plain file: name one that keyrota may replace", file)
	case info.Size() == 0:
		return Claims{}, nil
	}
	jwt, err := readJWT(file)
	if err != nil {
		return Claims{}, fmt.Errorf("keep_file: %w", err)
	}
	claims, err := claimsOf(jwt)
	if err != nil || claims.Subject != subject {
		return Claims{}, fmt.Errorf("what is in keep_file %s is not a JWT of this account: name another file, or delete it if nobody reads it", file)
	}
	return claims, nil
}

// writeFile replaces a file by one that holds the JWT, readable by its owner
// alone: whoever reads it sees the old one or the new one, whole.
func writeFile(file string, jwt providers.Secret) (err error) {
	fail := func(err error) error {
		return fmt.Errorf("writing keep_file %s: %w: check that its directory is there and that keyrota may write to it", file, reasonOf(err))
	}
	f, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*") // mode 0600
	if err != nil {
		return fail(err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.WriteString(jwt.Expose())
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fail(err)
	}
	if err = os.Rename(f.Name(), file); err != nil {
		return fail(err)
	}
	return nil
}
