package vault

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

var (
	_ providers.Remover  = (*Store)(nil)
	_ providers.Unmarker = (*Store)(nil)
)

// Remove deletes softly the version that was seen, by its number: what anybody
// writes meanwhile is another one. Older versions, and all metadata, stay. Of a
// secret with other fields it writes a version without ours, with
// check-and-set. The policy needs, beside that of deliveries:
//
//	path "secret/delete/ci/*" { capabilities = ["update"] }
func (s *Store) Remove(ctx context.Context, d rotation.Destination, seen rotation.Holding) error {
	const op = "remove"
	if err := providers.Removable(d, seen); err != nil {
		return problemf(op, d.String(), providers.Invalid, "look at it, and remove it by hand", "%w", err)
	}
	return s.giveUp(ctx, op, d, seen, func(at place, before metadata) error {
		if by := before.keptBy(); by != "" {
			return problemf(op, d.String(), providers.Invalid, "remove it there", "it is kept by %s", by)
		}
		v, _ := before.current(s.now())
		others := 0
		if d.Field != "" {
			names, same, err := s.fieldNames(ctx, at, v)
			if err != nil {
				return err
			}
			if !same || !names[d.Field] {
				return changed(at)
			}
			others = len(names) - 1
		}
		if others == 0 {
			return s.call(ctx, request{method: http.MethodPost, path: at.deletion(), body: map[string]any{"versions": []int{v.number}}}, nil)
		}
		written, err := s.writeWithout(ctx, at, d.Field, v)
		if err != nil {
			return err
		}
		if err := s.dropMark(ctx, at, d.Field, before.advanced(d.Field, v, written)); err != nil {
			return unmarked(op, d, err)
		}
		return nil
	})
}

// Undo says how a version comes back.
func (s *Store) Undo(d rotation.Destination) string {
	if d.Field == "" {
		return "`vault kv undelete -versions=N " + d.Path + "` brings it back, as long as Vault keeps that version"
	}
	return "the version before it still has the field, as long as Vault keeps that version: `vault kv get -version=N " + d.Path +
		"`; if nothing else is in the secret, its version is deleted: `vault kv undelete -versions=N " + d.Path + "`"
}

// Unmark removes the destination's key from the custom metadata.
func (s *Store) Unmark(ctx context.Context, d rotation.Destination, seen rotation.Holding) error {
	return s.giveUp(ctx, "unmark", d, seen, func(at place, before metadata) error {
		if _, marked := before.note(d.Field); !marked {
			return nil
		}
		return s.dropMark(ctx, at, d.Field, nil)
	})
}

// giveUp does something with a secret that still is as it was seen.
func (s *Store) giveUp(ctx context.Context, op string, d rotation.Destination, seen rotation.Holding, do func(place, metadata) error) error {
	at, err := s.locate(ctx, op, d)
	if err != nil {
		return err
	}
	turn := s.writing.Of(at.data())
	if err := turn.Take(ctx); err != nil {
		return problem(op, d.String(), err)
	}
	defer turn.Give()
	before, err := s.metadata(ctx, at)
	if err != nil {
		return problem(op, d.String(), err)
	}
	n, marked := before.note(d.Field)
	now, _ := before.holding(d.Field, s.now())
	err = providers.Present{Version: before.token(s.now()), Mark: n.Mark(), Marked: marked}.Unchanged(seen, seen.Mark)
	if err == nil && now.State != seen.State && seen.State != rotation.StateAbsent {
		err = fmt.Errorf("the secret changed since it was looked at: it is %s, seen %s", now.State, seen.State)
	}
	if err != nil {
		return problemf(op, d.String(), providers.Conflict, "look again", "%w", err)
	}
	switch err := do(at, before).(type) { //nolint:errorlint // told already, or not
	case nil:
		return nil
	case *providers.Error:
		return err
	default:
		return problem(op, d.String(), err)
	}
}

// keptBy says which other tool keeps a secret, by what such tools write.
func (m metadata) keptBy() string {
	for _, key := range []string{"managed-by", "managed_by"} {
		if by := m.Custom[key]; by != "" && by != providers.ManagedBy {
			return by
		}
	}
	return ""
}

// writeWithout writes the version after v without one field.
func (s *Store) writeWithout(ctx context.Context, at place, field string, v version) (version, error) {
	return s.writeField(ctx, at, v, map[string]any{field: nil}, func(fields map[string]json.RawMessage) { delete(fields, field) })
}

// dropMark removes one mark, sets others, and leaves all else.
func (s *Store) dropMark(ctx context.Context, at place, field string, others map[string]providers.Note) error {
	custom := map[string]any{markKey(field): nil}
	for key, n := range others {
		text, err := encode(n)
		if err != nil {
			return err
		}
		custom[key] = text
	}
	write := func(method string, custom any) error {
		return s.call(ctx, request{method: method, path: at.metadata(), body: map[string]any{"custom_metadata": custom}}, nil)
	}
	err := write(http.MethodPatch, custom)
	if status := statusOf(err); status != http.StatusForbidden && status != http.StatusMethodNotAllowed {
		return err
	}
	fresh, err := s.metadata(ctx, at)
	if err != nil {
		return err
	}
	all := map[string]any{}
	for key, text := range fresh.Custom {
		all[key] = text
	}
	maps.Copy(all, custom)
	delete(all, markKey(field))
	return write(http.MethodPost, all)
}

// fieldNames returns the names of the fields of version v, where it can without
// their values; same is false if the secret has changed since.
func (s *Store) fieldNames(ctx context.Context, at place, v version) (names map[string]bool, same bool, err error) {
	subkeys, same, err := s.subkeys(ctx, at, v)
	if err == nil {
		return namesOf(subkeys), same, nil
	}
	switch statusOf(err) {
	case http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusBadRequest:
		fields, same, err := s.fields(ctx, at, v)
		return namesOf(fields), same, err
	}
	return nil, false, err
}

func namesOf(members map[string]json.RawMessage) map[string]bool {
	names := make(map[string]bool, len(members))
	for name := range members {
		names[name] = true
	}
	return names
}
