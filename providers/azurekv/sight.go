package azurekv

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// sight is what was seen of one secret. The zero sight is of one that is not
// there.
type sight struct {
	exists  bool
	current version   // the newest; of a deleted secret too
	older   []version // newest first; unknown of a deleted secret
	deleted *deletion // nil: it is not
}

// deletion is what is known of a secret that can be recovered.
type deletion struct{ at, purge time.Time }

// errUnsure is that only a value could tell, and none is to be read.
var errUnsure = errors.New("only a value can tell")

// see looks at a secret. listed is what a listing of secrets shows of it; then
// no value is read, and errUnsure returned where one would have to be.
func (s *Store) see(ctx context.Context, name string, listed *version) (sight, error) {
	all, err := s.versions(ctx, name)
	if err != nil {
		return sight{}, err
	}
	current, all, err := s.newest(ctx, name, all, listed)
	if err != nil {
		return sight{}, err
	}
	if len(all) == 0 {
		return s.seeDeleted(ctx, name)
	}
	return sight{
		exists: true, current: current,
		older: slices.DeleteFunc(all, func(v version) bool { return v.id == current.id }),
	}, nil
}

// clocksApart is how far apart the clocks of a vault's machines may be. The times
// of versions that are closer, which come in whole seconds, do not tell their order.
const clocksApart = 5 * time.Second

// newest finds the current version, and returns all of them, newest first. The
// listing alone does not tell where versions are closer than clocks, or while it
// does not show what this process wrote.
func (s *Store) newest(ctx context.Context, name string, all []version, listed *version) (version, []version, error) {
	newestFirst(all)
	behind, isBehind := s.recent.missing(name, all, s.now())
	tied := 0
	for tied < len(all) && all[0].created.Sub(all[tied].created) <= clocksApart {
		tied++
	}
	if !isBehind && tied <= 1 {
		if tied == 0 {
			return version{}, nil, nil
		}
		return all[0], all, nil
	}
	if listed != nil {
		var fits []version
		for _, v := range all[:tied] {
			if v.same(*listed) {
				fits = append(fits, v)
			}
		}
		if isBehind || len(fits) != 1 {
			return version{}, nil, errUnsure
		}
		return fits[0], all, nil
	}
	b, err := s.bundle(ctx, name, "")
	switch {
	case is(err, http.StatusNotFound):
		s.recent.forget(name) // it was removed by now
		return version{}, nil, nil
	case told(err, innerDisabled):
		for _, v := range all[:tied] {
			if !v.enabled && !isBehind {
				return v, all, nil
			}
		}
		return version{}, nil, lagging()
	case err != nil:
		return version{}, nil, err
	}
	current := ofSecret(b)
	known := slices.ContainsFunc(all, func(v version) bool { return v.id == current.id })
	switch {
	case isBehind && slices.Contains(behind.before, current.id):
		return version{}, nil, lagging()
	case !isBehind && !known:
		return version{}, nil, lagging()
	case !known:
		all = append(all, current)
		newestFirst(all)
	}
	return current, all, nil
}

func lagging() error {
	return &failure{
		op: opVersions(), kind: kindOf(providers.Transient),
		words: "the vault does not show yet what was written to it", hint: "try again in a while",
	}
}

// seeDeleted looks whether a secret that is not there can be recovered.
func (s *Store) seeDeleted(ctx context.Context, name string) (sight, error) {
	answer, err := call(ctx, s, opGetDeleted(), func(ctx context.Context) (azsecrets.GetDeletedSecretResponse, error) {
		return s.client.GetDeletedSecret(ctx, name, nil)
	})
	if is(err, http.StatusNotFound) {
		return sight{}, nil
	}
	if err != nil {
		return sight{}, err
	}
	was := versionOf(answer.ID, answer.Attributes, answer.ContentType, answer.Managed, answer.Tags)
	if was.id == "" {
		return sight{}, odd(opGetDeleted())
	}
	return sight{
		exists:  true,
		current: was,
		deleted: &deletion{value(answer.DeletedDate), value(answer.ScheduledPurgeDate)},
	}, nil
}

// The ends of the versions of what is not there to readers. Bringing it back
// changes the secret without a new version.
const (
	disabledEnd = "-disabled"
	deletedEnd  = "-deleted"
)

// holding says what was seen of a destination. It is not sure where only the
// value can tell whether a field is there.
func (s sight) holding(field string) (h rotation.Holding, sure bool) {
	switch {
	case !s.exists:
		return rotation.Holding{State: rotation.StateAbsent}, true
	case s.deleted != nil:
		h.Version = rotation.Version(fmt.Sprintf("%s%s@%d", s.current.id, deletedEnd, s.deleted.at.Unix()))
		if _, ours := s.current.note(field); ours {
			h.State = rotation.StateAbsent
			return h, true
		}
		// Its older versions, which may be ours, are not shown.
		h.State, h.Owner = rotation.StateBare, "deleted, its last version not ours, and recoverable until "+
			s.deleted.purge.UTC().Format(time.DateOnly)+"; recover it if it was ours before"
		if by := s.current.owner(); by != "" {
			h.Owner = by + "; " + h.Owner
		}
		return h, true
	}
	for _, v := range s.older {
		if v.enabled {
			h.Older = append(h.Older, rotation.Version(v.id))
		}
	}
	now, marked := s.current.note(field)
	last, ours := s.noted(field)
	if !s.current.enabled {
		h.Version = rotation.Version(s.current.id + disabledEnd)
		h.State = rotation.StateAbsent
		if !ours {
			h.State, h.Owner = rotation.StateBare, "disabled, not ours"
		}
		return h, true
	}
	switch {
	case marked && !s.copied(noteKey(field), now):
		h.State, h.Mark, h.Version = rotation.StateMarked, now.Mark(), s.current.token(field)
		return h, true
	case ours:
		h.State, h.Mark = rotation.StateEdited, last.Mark()
	default:
		h.State, h.Owner = rotation.StateBare, s.current.owner()
	}
	h.Version = rotation.Version(s.current.id)
	return h, field == ""
}

// noteBefore returns the mark of the newest older version that has one.
func (s sight) noteBefore(field string) (note, bool) {
	for _, v := range s.older {
		if n, ok := v.note(field); ok {
			return n, true
		}
	}
	return note{}, false
}

// noted returns the mark that the current version has, or the newest older one.
func (s sight) noted(field string) (note, bool) {
	if n, ok := s.current.note(field); ok {
		return n, true
	}
	return s.noteBefore(field)
}

// copied reports whether the current version's mark under a tag is that of an
// older one: a person set a value and took the tags along.
func (s sight) copied(key string, now note) bool {
	return now.Write != "" && slices.ContainsFunc(s.older, func(v version) bool {
		n, ok := decodeNote(v.tags[key])
		return ok && n.Write == now.Write
	})
}

// owner says, for people, who seems to own a version that bears no mark for the
// destination.
func (v version) owner() string {
	if v.managed {
		return "a certificate of the vault"
	}
	for _, key := range slices.Sorted(maps.Keys(v.tags)) {
		if n, ok := decodeNote(v.tags[key]); ok && providers.IsNoteKey(key) {
			return fmt.Sprintf("keyrota %s, account %s (%s)", n.Instance, n.Account, key)
		}
	}
	for _, wanted := range []string{"managed-by", "managed_by", "managedby", "owner"} {
		for _, key := range slices.Sorted(maps.Keys(v.tags)) {
			if strings.EqualFold(key, wanted) && v.tags[key] != "" {
				return v.tags[key]
			}
		}
	}
	return ""
}
