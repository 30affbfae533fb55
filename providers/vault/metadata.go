package vault

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// version is one version of a secret. A secret that is removed with all its
// metadata and made again counts from 1 again, so the number alone does not
// tell.
type version struct {
	number  int
	created string // as the server writes it
}

// deletedMark ends the Version of a secret whose current version is deleted or
// destroyed: bringing it back changes the secret without a new number.
const deletedMark = "-deleted"

func (v version) String() string { return strconv.Itoa(v.number) + "@" + v.created }

func parseVersion(v rotation.Version) (version, error) {
	number, created, ok := strings.Cut(strings.TrimSuffix(string(v), deletedMark), "@")
	n, err := strconv.Atoi(number)
	if !ok || err != nil || n < 1 {
		return version{}, fmt.Errorf("%q is no version of a secret in Vault", v)
	}
	return version{n, created}, nil
}

// defaultVersions is how many versions are kept where neither secret nor engine
// says (Vault API docs, KV version 2, "max_versions").
const defaultVersions = 10

// metadata is what Vault keeps beside the versions of a secret (Vault API docs,
// KV version 2, "Read secret metadata").
type metadata struct {
	Current int `json:"current_version"`
	// MaxVersions is how many versions are kept: the larger of this and the
	// engine's own number. Versions has only those that are kept.
	MaxVersions int                        `json:"max_versions"`
	Custom      map[string]string          `json:"custom_metadata"`
	Versions    map[string]versionMetadata `json:"versions"`

	exists bool
}

type versionMetadata struct {
	Created   string `json:"created_time"`
	Deletion  string `json:"deletion_time"` // empty: never; in the future where versions are deleted by age
	Destroyed bool   `json:"destroyed"`
}

func (v versionMetadata) readable(now time.Time) bool {
	if v.Destroyed || v.Created == "" {
		return false
	}
	if v.Deletion == "" {
		return true
	}
	at, err := time.Parse(time.RFC3339Nano, v.Deletion)
	return err == nil && now.Before(at)
}

// metadata reads the metadata of one secret. Where there is none, exists is
// false, and the server has said that the token may read it.
func (s *Store) metadata(ctx context.Context, p place) (metadata, error) {
	m, err := s.listedMetadata(ctx, p)
	if err != nil || m.exists {
		return m, err
	}
	return m, s.mustSee(ctx, p.metadata())
}

// listedMetadata is metadata without asking what a 404 means.
func (s *Store) listedMetadata(ctx context.Context, p place) (metadata, error) {
	var a struct {
		Data metadata `json:"data"`
	}
	err := s.call(ctx, request{method: http.MethodGet, path: p.metadata()}, &a)
	if statusOf(err) == http.StatusNotFound && !said(err, saidNoRoute) {
		return metadata{}, nil
	}
	if said(err, saidNoRoute) {
		s.mounts.forget(p.mount)
	}
	a.Data.exists = err == nil
	return a.Data, err
}

// current returns the current version, and whether it can be read.
func (m metadata) current(now time.Time) (version, bool) {
	if m.Current < 1 { // none, or not one that Vault gives
		return version{}, false
	}
	v := m.Versions[strconv.Itoa(m.Current)]
	return version{m.Current, v.Created}, v.readable(now)
}

// token is the Version that a holding shows.
func (m metadata) token(now time.Time) rotation.Version {
	v, live := m.current(now)
	switch {
	case v.number == 0:
		return ""
	case !live:
		return rotation.Version(v.String() + deletedMark)
	}
	return rotation.Version(v.String())
}

// older returns the earlier versions that can be read, newest first.
func (m metadata) older(now time.Time) []rotation.Version {
	var all []version
	for number, v := range m.Versions {
		if n, err := strconv.Atoi(number); err == nil && 0 < n && n < m.Current && v.readable(now) {
			all = append(all, version{n, v.Created})
		}
	}
	slices.SortFunc(all, func(a, b version) int { return cmp.Compare(b.number, a.number) })
	var older []rotation.Version
	for _, v := range all {
		older = append(older, rotation.Version(v.String()))
	}
	return older
}

// note returns the mark of a field, or of the whole secret.
func (m metadata) note(field string) (providers.Note, bool) {
	text, ok := m.Custom[markKey(field)]
	if !ok {
		return providers.Note{}, false
	}
	return providers.DecodeNote(text)
}

// holding says what the metadata shows of a destination. It is not sure where
// only the data can tell whether a field is there.
func (m metadata) holding(field string, now time.Time) (h rotation.Holding, sure bool) {
	h = rotation.Holding{Version: m.token(now), Older: m.older(now)}
	v, live := m.current(now)
	n, marked := m.note(field)
	switch {
	case !live:
		h.State = rotation.StateAbsent
	case marked && names(n, v):
		h.State, h.Mark = rotation.StateMarked, n.Mark()
	case marked:
		h.State, h.Mark = rotation.StateEdited, n.Mark()
		return h, field == ""
	default:
		h.State, h.Owner = rotation.StateBare, m.owner()
		return h, field == ""
	}
	return h, true
}

// owner says, for people, who seems to own a secret that bears no mark for the
// destination: another destination of keyrota, or what other tools write.
func (m metadata) owner() string {
	for _, key := range slices.Sorted(maps.Keys(m.Custom)) {
		if n, ok := providers.DecodeNote(m.Custom[key]); ok && providers.IsNoteKey(key) {
			return fmt.Sprintf("keyrota %s, account %s (%s)", n.Instance, n.Account, key)
		}
	}
	for _, key := range []string{"managed-by", "managed_by", "owner"} {
		if m.Custom[key] != "" {
			return m.Custom[key]
		}
	}
	return ""
}

// advanced returns the marks of the other fields that name version from, naming
// version to instead: writing one field carried the others over as they were.
func (m metadata) advanced(field string, from, to version) map[string]providers.Note {
	moved := map[string]providers.Note{}
	if field == "" {
		return moved
	}
	for key, text := range m.Custom {
		n, ok := providers.DecodeNote(text)
		if ok && providers.IsFieldNoteKey(key) && key != markKey(field) && names(n, from) {
			n.Version, n.Created = to.number, to.created
			moved[key] = n
		}
	}
	return moved
}

// olderAfterWrite returns the older versions once a further one was written. It
// leaves out what the secret's own limit would have pruned; the engine's, which
// only a larger policy shows, may keep more.
func (m metadata) olderAfterWrite(now time.Time) []rotation.Version {
	older := m.older(now)
	if v, live := m.current(now); live {
		older = slices.Insert(older, 0, rotation.Version(v.String()))
	}
	kept := m.MaxVersions
	if kept == 0 {
		kept = defaultVersions
	}
	return older[:min(len(older), kept-1)]
}
