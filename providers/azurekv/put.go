package azurekv

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// Content types of what is delivered.
const (
	contentObject = "application/json"
	contentText   = "text/plain"
)

// Put looks again, compares version and owner with what was seen, and writes
// value, mark and tags in one call. A deleted secret is recovered before. Where
// the current version bears the mark already, its tags and times are brought up
// to date, and no version is made.
func (s *Store) Put(ctx context.Context, d rotation.Destination, p providers.Payload, m rotation.Mark, seen rotation.Holding) (rotation.Holding, error) {
	const op = "put"
	none := rotation.Holding{}
	if err := s.Check(d, p); err != nil {
		return none, err
	}
	name, err := named(op, d.String(), d.Path)
	if err != nil {
		return none, err
	}
	if _, err := noteOf(m, newWrite(s.now())).encode(); err != nil {
		return none, problemf(op, d.String(), providers.Invalid, "a shorter instance name helps", "%w", err)
	}
	turn := s.turn(name)
	if err := turn.Take(ctx); err != nil {
		return none, problem(op, d.String(), err)
	}
	defer turn.Give()

	now, h, err := s.look(ctx, name, d)
	if err != nil {
		return none, problem(op, d.String(), err)
	}
	if err := unchanged(d, h, m, seen); err != nil {
		return none, err
	}
	if err := notOurs(d, now, m); err != nil {
		return none, err
	}
	if now.deleted != nil {
		if now, h, err = s.recover(ctx, name, d, now); err != nil {
			return none, problem(op, d.String(), err)
		}
	}
	if h.State == rotation.StateMarked && h.Mark == m {
		err = s.refresh(ctx, name, d, p, now)
	} else {
		h, err = s.write(ctx, name, d, p, m, now)
	}
	if err != nil {
		return none, renamed(problem(op, d.String(), err), d)
	}
	return h, nil
}

// renamed gives an error the name of what it is about.
func renamed(err error, d rotation.Destination) error {
	var e *providers.Error
	if errors.As(err, &e) && e.Name == "" {
		e.Name = d.String()
	}
	return err
}

// unchanged compares what is there with what was seen.
func unchanged(d rotation.Destination, now rotation.Holding, m rotation.Mark, seen rotation.Holding) error {
	marked := now.State == rotation.StateMarked || now.State == rotation.StateEdited
	err := providers.Present{Version: now.Version, Mark: now.Mark, Marked: marked}.Unchanged(seen, m)
	if err == nil && now.State != seen.State {
		err = fmt.Errorf("the secret changed since it was looked at: it is %s, seen %s", now.State, seen.State)
	}
	if err == nil {
		return nil
	}
	return problemf("put", d.String(), providers.Conflict, "", "%w", err)
}

// notOurs says why a secret is not to be written, although nothing changed since
// it was seen. To readers a deleted or disabled one is absent, whoever's it is.
func notOurs(d rotation.Destination, now sight, m rotation.Mark) error {
	invalid := func(hint, format string, a ...any) error {
		return problemf("put", d.String(), providers.Invalid, hint, format, a...)
	}
	n, marked := now.noted(d.Field)
	off := now.exists && (now.deleted != nil || !now.current.enabled)
	switch {
	case now.current.managed:
		return invalid("deliver to another secret", "the secret belongs to a certificate of the vault")
	case off && marked && (n.Instance != m.Instance || n.Account != m.Account):
		return invalid("deliver to another secret; or purge this one, if nobody uses it any more",
			"it is deleted or disabled, and belongs to keyrota %s, account %s", n.Instance, n.Account)
	case off && !marked && d.Field != "" && now.deleted == nil:
		return invalid("enable it", "the secret is disabled, so nobody can read what its other fields are")
	}
	return nil
}

// write makes a version.
func (s *Store) write(ctx context.Context, name string, d rotation.Destination, p providers.Payload, m rotation.Mark, before sight) (rotation.Holding, error) {
	text := p.Value
	if d.Field != "" {
		var base string
		var err error
		if before.exists && before.current.enabled {
			if base, err = s.value(ctx, name, before.current.id); err != nil {
				if is(err, http.StatusNotFound) || told(err, innerDisabled) {
					err = problemf("put", d.String(), providers.Conflict, "", "the secret changed while it was read")
				}
				return rotation.Holding{}, err
			}
		}
		if text, err = providers.WithField(base, d.Field, p.Value); err != nil {
			return rotation.Holding{}, problemf("put", d.String(), providers.Invalid, "make it a JSON object, or deliver to the whole secret", "%w", err)
		}
		if n := len(text.Expose()); n > valueMax {
			return rotation.Holding{}, problemf("put", d.String(), providers.Invalid, "give the key a secret of its own", "with this field the secret has %d bytes, and Key Vault keeps %d", n, valueMax)
		}
	}
	tags, err := tagsFor(before, d.Field, noteOf(m, newWrite(s.now())), p)
	if err != nil {
		return rotation.Holding{}, err
	}
	parameters := azsecrets.SetSecretParameters{
		Value: to.Ptr(text.Expose()), Tags: pointers(tags), ContentType: to.Ptr(contentTypeFor(before.current, d, p)),
		SecretAttributes: attributes(timesFor(before.current, d, p, s.now())),
	}
	answer, err := call(ctx, s, opSet(), func(ctx context.Context) (azsecrets.SetSecretResponse, error) {
		return s.client.SetSecret(ctx, name, parameters, nil)
	})
	if err != nil {
		return rotation.Holding{}, err
	}
	made := ofSecret(answer.Secret)
	made.tags = tags
	if made.id == "" {
		return rotation.Holding{}, odd(opSet())
	}
	after := sight{exists: true, current: made}
	if before.exists {
		after.older = append([]version{before.current}, before.older...)
	}
	s.recent.remember(name, after, s.now())
	h, _ := after.holding(d.Field)
	h.Fresh = true
	return h, nil
}

// refresh brings tags, content type and times of the current version up to
// date, which already bears the mark.
func (s *Store) refresh(ctx context.Context, name string, d rotation.Destination, p providers.Payload, now sight) error {
	own, _ := now.current.note(d.Field)
	tags, err := tagsFor(now, d.Field, own, p)
	if err != nil {
		return err
	}
	// The marks stay as they are, to the byte.
	for key, text := range now.current.tags {
		if providers.IsNoteKey(key) {
			tags[key] = text
		}
	}
	notBefore, expires := timesFor(now.current, d, p, s.now())
	same := func(wanted, is time.Time) bool { return wanted.IsZero() || wanted.Unix() == is.Unix() }
	contentType := contentTypeFor(now.current, d, p)
	if maps.Equal(tags, now.current.tags) && contentType == now.current.contentType &&
		same(notBefore, now.current.notBefore) && same(expires, now.current.expires) {
		return nil
	}
	parameters := azsecrets.UpdateSecretPropertiesParameters{
		Tags: pointers(tags), ContentType: &contentType, SecretAttributes: attributes(notBefore, expires),
	}
	_, err = call(ctx, s, opUpdate(), func(ctx context.Context) (azsecrets.UpdateSecretPropertiesResponse, error) {
		return s.client.UpdateSecretProperties(ctx, name, now.current.id, parameters, nil)
	})
	return err
}

// contentTypeFor is a hint to readers. One that somebody else gave stays.
func contentTypeFor(before version, d rotation.Destination, p providers.Payload) string {
	if before.contentType != "" && before.contentType != contentObject && before.contentType != contentText {
		return before.contentType
	}
	if d.Field != "" || p.Object {
		return contentObject
	}
	return contentText
}

// slowClock is by how much a version begins before its key was created, for
// readers whose clocks are behind.
const slowClock = 5 * time.Minute

// timesFor returns when a version is made to begin and to end. Key Vault itself
// gives values at any time; a reader who minds these is not told that what works
// now has not begun, or has ended. A secret with fields keeps the times it has:
// each field has a life of its own.
func timesFor(before version, d rotation.Destination, p providers.Payload, now time.Time) (notBefore, expires time.Time) {
	if d.Field != "" {
		return before.notBefore, before.expires
	}
	if begun := p.NotBefore.Add(-slowClock); !p.NotBefore.IsZero() && begun.Before(now) {
		notBefore = begun
	}
	if p.Expires.After(now) && p.Expires.After(p.NotBefore) {
		expires = p.Expires
	}
	return notBefore, expires
}

func attributes(notBefore, expires time.Time) *azsecrets.SecretAttributes {
	a := azsecrets.SecretAttributes{}
	if !notBefore.IsZero() {
		a.NotBefore = &notBefore
	}
	if !expires.IsZero() {
		a.Expires = &expires
	}
	return &a
}
