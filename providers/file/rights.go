package file

import (
	"context"
	"os"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

var _ providers.RightsReporter = (*Store)(nil)

// Rights judges the directory: who may use it may use every file in it. One that
// is not there yet is made by the first Put, in a directory that is.
func (s *Store) Rights(_ context.Context, ds []rotation.Destination, yield func(rotation.Destination, providers.Rights) error) error {
	root, err := s.open(false)
	if err != nil {
		return s.fail("ask for the rights at", s.path, err)
	}
	r := providers.Rights{Write: providers.RightUnknown, Read: providers.RightGranted}
	if root != nil {
		info, err := root.Stat(".")
		_ = root.Close()
		if err != nil {
			return s.fail("ask for the rights at", s.path, err)
		}
		r.Write = providers.RightGranted
		if info.Mode().Perm()&0o300 != 0o300 && os.Geteuid() != 0 {
			r.Write, r.Missing = providers.RightDenied, "chmod 700 "+s.path
		}
	}
	for _, d := range ds {
		if err := yield(d, r); err != nil {
			return err
		}
	}
	return nil
}
