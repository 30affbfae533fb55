package config

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// source is one file that was read, by its name below the directory of the
// configuration file, with slashes.
type source struct {
	name string
	sum  [sha256.Size]byte
}

// reads takes down what a file holds.
func (r *report) reads(name string, data []byte) {
	r.sources = append(r.sources, source{name, sha256.Sum256(data)})
}

// digest identifies what was read, and no value of the environment or of a
// secret: it can be shown to anybody, and made again by anybody who has the
// files. Of one file it is its SHA-256; of several, that of the list of theirs
// as sha256sum prints it, the configuration file first.
func (r *report) digest() string {
	if len(r.sources) == 1 {
		return hex.EncodeToString(r.sources[0].sum[:])
	}
	var list strings.Builder
	for _, s := range r.sources {
		list.WriteString(hex.EncodeToString(s.sum[:]) + "  " + s.name + "\n")
	}
	sum := sha256.Sum256([]byte(list.String()))
	return hex.EncodeToString(sum[:])
}
