package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// Put writes p on condition that the secret's version is the one seen. On a
// secret or field without a mark it writes the mark of ownership first, so
// that a policy which forbids marks is met before the data is.
func (s *Store) Put(ctx context.Context, d rotation.Destination, p providers.Payload, m rotation.Mark, seen rotation.Holding) (rotation.Holding, error) {
	const op = "put"
	none := rotation.Holding{}
	if err := s.Check(d, p); err != nil {
		return none, err
	}
	longest := version{math.MaxInt32, "2006-01-02T15:04:05.000000000Z"}
	if _, err := encode(delivery(m, longest)); err != nil {
		return none, problemf(op, d.String(), providers.Invalid, "a shorter instance name helps", "%w", err)
	}
	at, err := s.locate(ctx, op, d)
	if err != nil {
		return none, err
	}
	turn := s.writing.Of(at.data())
	if err := turn.Take(ctx); err != nil {
		return none, problem(op, d.String(), err)
	}
	defer turn.Give()

	before, err := s.metadata(ctx, at)
	if err != nil {
		return none, problem(op, d.String(), err)
	}
	if err := s.unchanged(d, before, m, seen); err != nil {
		return none, err
	}
	if _, marked := before.note(d.Field); !marked {
		err := s.writeMarks(ctx, at, before, map[string]providers.Note{markKey(d.Field): providers.Ownership(m)}, nil)
		if statusOf(err) == http.StatusNotFound && !said(err, saidNoRoute) {
			err = changed(at)
		}
		if err != nil {
			return none, problem(op, d.String(), err)
		}
	}
	written, err := s.writeData(ctx, at, d.Field, p, before)
	if err != nil {
		return none, problem(op, d.String(), err)
	}
	marks := map[string]providers.Note{}
	if v, live := before.current(s.now()); live {
		marks = before.advanced(d.Field, v, written)
	}
	marks[markKey(d.Field)] = delivery(m, written)
	before.exists = true
	if err := s.writeMarks(ctx, at, before, marks, tagsOf(p)); err != nil {
		return none, unmarked(op, d, err)
	}
	return rotation.Holding{
		State: rotation.StateMarked, Fresh: true, Mark: m,
		Version: rotation.Version(written.String()), Older: before.olderAfterWrite(s.now()),
	}, nil
}

// unmarked tells of data that was written and whose mark was not. Whatever the
// reason, the data is there, so the kind is Transient.
func unmarked(op string, d rotation.Destination, err error) *providers.Error {
	e := problem(op, d.String(), err)
	e.Err = fmt.Errorf("the data was written, its mark was not: %w", e.Err)
	e.Kind = providers.Transient
	return e
}

// unchanged compares version and mark with what was seen.
func (s *Store) unchanged(d rotation.Destination, now metadata, m rotation.Mark, seen rotation.Holding) error {
	n, marked := now.note(d.Field)
	err := providers.Present{Version: now.token(s.now()), Mark: n.Mark(), Marked: marked}.Unchanged(seen, m)
	if err == nil {
		return nil
	}
	hint := ""
	var claimed *providers.ClaimedError
	if errors.As(err, &claimed) {
		hint = fmt.Sprintf("if that is over, remove its mark: `vault kv metadata patch -remove-custom-metadata=%s %s`", markKey(d.Field), d.Path)
	}
	return problemf("put", d.String(), providers.Conflict, hint, "%w", err)
}

// writeData writes the next version with check-and-set on the one before, which
// is 0 only for a secret without any version (Vault API docs, KV version 2,
// "Create/Update secret").
func (s *Store) writeData(ctx context.Context, at place, field string, p providers.Payload, before metadata) (version, error) {
	v, live := before.current(s.now())
	write := func(method string, data map[string]json.RawMessage) (version, error) {
		return s.writeVersion(ctx, at, method, v.number, data)
	}
	if field == "" {
		whole, err := members(p.Value)
		if err != nil {
			return version{}, err
		}
		return write(http.MethodPost, whole)
	}
	text, err := json.Marshal(p.Value.Expose())
	if err != nil {
		return version{}, err
	}
	only := map[string]json.RawMessage{field: text}
	if !live {
		return write(http.MethodPost, only)
	}
	return s.writeField(ctx, at, v, only, func(fields map[string]json.RawMessage) { maps.Copy(fields, only) })
}

// writeField writes the version after v with one field changed: merged by
// Vault itself, or, where that is not allowed, as all fields that v has after
// change.
func (s *Store) writeField(ctx context.Context, at place, v version, merge any, change func(fields map[string]json.RawMessage)) (version, error) {
	written, err := s.writeVersion(ctx, at, http.MethodPatch, v.number, merge)
	switch status := statusOf(err); {
	case status == http.StatusNotFound && !said(err, saidNoRoute):
		return version{}, changed(at)
	case status != http.StatusForbidden && status != http.StatusMethodNotAllowed:
		return written, err
	}
	patchErr := err
	fields, same, err := s.fields(ctx, at, v)
	switch {
	case statusOf(err) == http.StatusForbidden:
		return version{}, patchErr // the capability that is better given
	case err != nil:
		return version{}, err
	case !same:
		return version{}, changed(at)
	}
	change(fields)
	return s.writeVersion(ctx, at, http.MethodPost, v.number, fields)
}

// writeVersion writes data, or with PATCH merges it, as the version after number.
func (s *Store) writeVersion(ctx context.Context, at place, method string, number int, data any) (version, error) {
	var a struct {
		Data versionAnswer `json:"data"`
	}
	err := s.call(ctx, request{
		method: method, path: at.data(), values: true,
		body: map[string]any{"options": map[string]int{"cas": number}, "data": data},
	}, &a)
	if err == nil && a.Data.Version == 0 {
		err = &failure{request: request{method: method, path: at.data()}, err: errors.New("the answer names no version")}
	}
	return version{a.Data.Version, a.Data.Created}, err
}

func changed(at place) error {
	return &failure{request: request{method: http.MethodPatch, path: at.data()}, status: http.StatusBadRequest, said: []string{saidMismatch}}
}

// writeMarks sets some keys of custom metadata, marks and others, and leaves
// the rest.
func (s *Store) writeMarks(ctx context.Context, at place, m metadata, marks map[string]providers.Note, others map[string]string) error {
	custom := map[string]string{}
	maps.Copy(custom, others)
	for key, n := range marks {
		text, err := encode(n)
		if err != nil {
			return err
		}
		custom[key] = text
	}
	write := func(method string) error {
		return s.call(ctx, request{method: method, path: at.metadata(), body: map[string]any{"custom_metadata": custom}}, nil)
	}
	if !m.exists {
		return write(http.MethodPost)
	}
	err := write(http.MethodPatch)
	if status := statusOf(err); status != http.StatusForbidden && status != http.StatusMethodNotAllowed {
		return err
	}
	fresh, err := s.metadata(ctx, at)
	if err != nil {
		return err
	}
	for key, text := range fresh.Custom {
		if _, ours := custom[key]; !ours {
			custom[key] = text
		}
	}
	return write(http.MethodPost)
}
