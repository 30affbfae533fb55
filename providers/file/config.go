package file

import (
	"crypto/rand"
	"errors"
	"path/filepath"
	"strings"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// Description is what the store says of itself, for listings of stores.
const Description = "files in a directory: for trying out and for air gaps; whoever can read the directory can read the keys"

// Config is the block of one store of type file.
type Config struct {
	// Path is the directory. It is made, mode 0700, if only itself is missing.
	Path string `yaml:"path" json:"path" keyrota:"required,path" jsonschema:"required,description=directory that the secrets are files in; mode 0700 and ours"`
}

// Identity returns what tells the secret at a path apart from every other.
func (c Config) Identity(path string) string {
	root, err := filepath.Abs(c.Path)
	if err != nil {
		root = c.Path
	}
	if real, err := filepath.EvalSymlinks(root); err == nil {
		root = real
	}
	return "file:" + filepath.Join(root, filepath.FromSlash(path))
}

// New makes a store of its configuration. It touches nothing: the directory is
// looked at by each call, and made by the first Put.
func New(c Config) (*Store, error) {
	if strings.TrimSpace(c.Path) == "" {
		return nil, &providers.Error{Provider: provider, Op: "open", Kind: providers.Invalid,
			Err: errors.New("no directory"), Hint: "give one, such as path: ./secrets"}
	}
	root, err := filepath.Abs(c.Path)
	if err != nil {
		return nil, &providers.Error{Provider: provider, Op: "open", Name: c.Path, Kind: providers.Invalid,
			Err: err, Hint: "give an absolute path"}
	}
	s := &Store{config: c, path: root, turn: make(chan struct{}, 1), salt: make([]byte, 32)}
	_, _ = rand.Read(s.salt) // never fails (crypto/rand documentation)
	return s, nil
}

// Bounds of a destination and a payload. A file name has at most 255 bytes on
// common file systems (Linux man-pages, path_resolution(7) and pathconf(3)),
// less what the name of a mark needs.
const (
	partMax  = 200
	pathMax  = 1024
	fieldMax = 256
	valueMax = 1 << 20
)

// Check implements providers.SecretStore.
func (s *Store) Check(d rotation.Destination, p providers.Payload) error {
	invalid := func(what, hint string) error {
		return &providers.Error{Provider: provider, Op: "check", Name: d.String(), Kind: providers.Invalid, Err: errors.New(what), Hint: hint}
	}
	if d.Path == "" || len(d.Path) > pathMax {
		return invalid("a path has 1 to 1024 bytes", "name a file below the directory, such as ci/wandb")
	}
	for part := range strings.SplitSeq(d.Path, "/") {
		switch {
		case part == "" || part[0] == '.':
			return invalid("a part of the path is empty or begins with a dot", "name a file below the directory, such as ci/wandb")
		case len(part) > partMax:
			return invalid("a part of the path has more than 200 bytes", "shorten it")
		case strings.IndexFunc(part, odd) >= 0:
			return invalid("a character that is odd in a file's name", "use letters, digits and _ - . @ + = ~ ,")
		}
	}
	if len(d.Field) > fieldMax || strings.ContainsFunc(d.Field, control) {
		return invalid("a field has at most 256 bytes and no control characters", "shorten it")
	}
	if len(p.Value.Expose()) > valueMax {
		return invalid("the value has more than 1048576 bytes", "shorten it")
	}
	if d.Field != "" && p.Object {
		return invalid("an object cannot be put into one field", "leave out #"+d.Field+", or the format")
	}
	if d.Field != "" {
		if _, err := providers.WithField("", d.Field, p.Value); err != nil {
			return invalid(err.Error(), "render text, or deliver to the whole file")
		}
	}
	if p.Object {
		if _, _, err := providers.Field(p.Value.Expose(), ""); err != nil {
			return invalid(err.Error(), "render a JSON object")
		}
	}
	return nil
}

func odd(r rune) bool {
	letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	return !letter && !strings.ContainsRune("_-.@+=~,", r)
}

func control(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }

// Identity implements providers.SecretStore.
func (s *Store) Identity(d rotation.Destination) string { return s.config.Identity(d.Path) }
