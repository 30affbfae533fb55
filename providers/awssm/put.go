package awssm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// Put writes p on condition that the secret's current version is the one seen.
// Tags that are not the mark of the data, and on a secret or field without one
// the mark of ownership, go first, so that a policy which forbids them is met
// before the data is written.
func (s *Store) Put(ctx context.Context, d rotation.Destination, p providers.Payload, m rotation.Mark, seen rotation.Holding) (rotation.Holding, error) {
	const op = "put"
	none := rotation.Holding{}
	if err := s.checkPut(d, p, m); err != nil {
		return none, err
	}
	turn := s.writing.Of(d.Path)
	if err := turn.Take(ctx); err != nil {
		return none, problem(op, d.String(), err)
	}
	defer turn.Give()

	before, err := s.describe(ctx, s.region, d.Path)
	if err != nil {
		return none, problem(op, d.String(), err)
	}
	if err := s.unchanged(d, before, m, seen); err != nil {
		return none, err
	}
	w := &write{store: s, to: d, payload: p, mark: m, before: before}
	act := w.create
	if before.exists {
		act = w.replace
	}
	x, err := act(ctx)
	if err != nil {
		return none, w.problem(op, err)
	}
	return rotation.Holding{State: rotation.StateMarked, Fresh: true, Mark: m, Version: x.token(), Older: x.older()}, nil
}

// unchanged compares version and mark with what was seen.
func (s *Store) unchanged(d rotation.Destination, now secret, m rotation.Mark, seen rotation.Holding) error {
	n, marked := now.note(d.Field)
	err := providers.Present{Version: now.token(), Mark: n.mark, Marked: marked}.Unchanged(seen, m)
	if err == nil {
		return nil
	}
	hint := ""
	var claimed *providers.ClaimedError
	if errors.As(err, &claimed) {
		hint = fmt.Sprintf("if that is over, remove its mark: `aws secretsmanager untag-resource --secret-id %s --tag-keys %s`", d.Path, markKey(d.Field))
	}
	return problemf("put", d.String(), providers.Conflict, hint, "%w", err)
}

// write is one Put on its way.
type write struct {
	store   *Store
	to      rotation.Destination
	payload providers.Payload
	mark    rotation.Mark
	before  secret
	written bool // the data is there; what follows may still fail
}

// problem tells a write that failed. A secret or version that is there no more
// has changed since it was looked at. Once the data is there the kind is
// Transient, whatever the reason.
func (w *write) problem(op string, err error) *providers.Error {
	var f *failure
	if errors.As(err, &f) && f.code == codeNotFound && w.before.exists {
		f.kind = kindOf(providers.Conflict)
	}
	var told *providers.Error
	if !errors.As(err, &told) {
		told = problem(op, w.to.String(), err)
	}
	if w.written {
		told.Err = fmt.Errorf("the data was written, what belongs to it was not: %w", told.Err)
		told.Kind = providers.Transient
	}
	return told
}

// create makes a secret with all that belongs to it in one call. Should the
// answer be lost, the same call again does nothing.
func (w *write) create(ctx context.Context) (secret, error) {
	s, name := w.store, w.to.Path
	value, err := w.text(ctx, "")
	if err != nil {
		return secret{}, err
	}
	id := idOf(w.mark, w.to.Field, "")
	tags, err := w.tags(id)
	if err != nil {
		return secret{}, err
	}
	in := &secretsmanager.CreateSecretInput{
		Name: aws.String(name), ClientRequestToken: aws.String(id), SecretString: aws.String(value.Expose()),
		Tags: tagList(tags), AddReplicaRegions: s.lacking(secret{}),
	}
	if w.payload.Description != "" {
		in.Description = aws.String(w.payload.Description)
	}
	if s.config.KMSKey != "" {
		in.KmsKeyId = aws.String(s.config.KMSKey)
	}
	out, err := call(ctx, s, s.region, opCreate, name, (*secretsmanager.Client).CreateSecret, in)
	if err != nil {
		return secret{}, err
	}
	return secret{exists: true, name: name, arn: aws.ToString(out.ARN), labels: map[string][]string{id: {labelCurrent}}}, nil
}

// replace brings the next version into a secret that exists. Each of its calls
// names the secret by the ARN that was seen, so that none reaches another one
// that was made under this name meanwhile.
func (w *write) replace(ctx context.Context) (secret, error) {
	s := w.store
	if err := w.checkRoom(); err != nil {
		return secret{}, err
	}
	if p := w.before.primary; p != "" && p != s.region {
		return secret{}, problemf("put", w.to.String(), providers.Invalid, "let a store of that Region deliver it",
			"this secret is a replica: its primary is in %s", p)
	}
	if err := w.restore(ctx); err != nil {
		return secret{}, err
	}
	id := w.before.current()
	there := isOf(id, w.mark, w.to.Field) // written before, and cut short
	var value providers.Secret
	if !there {
		var err error
		if value, err = w.text(ctx, id); err != nil {
			return secret{}, err
		}
		id = idOf(w.mark, w.to.Field, id)
	}
	if err := w.prepare(ctx); err != nil {
		return secret{}, err
	}
	if !there {
		if err := w.data(ctx, id, value); err != nil {
			return secret{}, err
		}
	}
	tags, err := w.tags(id)
	if err == nil {
		err = s.tag(ctx, w.before, tags)
	}
	if err == nil {
		err = s.replicate(ctx, w.before)
	}
	return w.before.moved(id), err
}

// restore takes the secret out of its recovery window, if it is in one.
func (w *write) restore(ctx context.Context) error {
	if w.before.deleted.IsZero() {
		return nil
	}
	_, err := call(ctx, w.store, w.store.region, opRestore, w.to.Path, (*secretsmanager.Client).RestoreSecret,
		&secretsmanager.RestoreSecretInput{SecretId: aws.String(w.before.arn)})
	var f *failure
	if errors.As(err, &f) && f.code == codeRequest {
		f.kind, f.hint = kindOf(providers.Transient), "it is about to be deleted for good, and is created anew then"
	}
	if err == nil {
		w.before.deleted = time.Time{}
	}
	return err
}

// prepare makes the secret ready for its next version: known as ours, under the
// key and with the tags and description wanted.
func (w *write) prepare(ctx context.Context) error {
	s, name, arn := w.store, w.to.Path, aws.String(w.before.arn)
	tags := map[string]string{}
	maps.Copy(tags, w.payload.Tags)
	if _, marked := w.before.note(w.to.Field); !marked {
		key := markKey(w.to.Field)
		text, err := ownership(w.mark).encode(name, key)
		if err != nil {
			return err
		}
		tags[key] = text
	}
	if err := s.tag(ctx, w.before, tags); err != nil {
		return err
	}
	maps.Copy(w.before.tags, tags)
	in := &secretsmanager.UpdateSecretInput{SecretId: arn}
	if d := w.payload.Description; d != "" && d != w.before.description {
		in.Description = aws.String(d)
	}
	if key := s.config.KMSKey; key != "" && !sameKey(key, w.before.kmsKey) {
		in.KmsKeyId = aws.String(key)
	}
	if in.Description == nil && in.KmsKeyId == nil {
		return nil
	}
	_, err := call(ctx, s, s.region, opUpdate, name, (*secretsmanager.Client).UpdateSecret, in)
	return err
}

// sameKey compares two names of KMS keys: an id or alias, alone or in an ARN.
// AWS shows none for the key that it takes by default.
func sameKey(a, b string) bool {
	short := func(key string) string {
		if key == "" {
			return "alias/aws/secretsmanager"
		}
		if strings.HasPrefix(key, "arn:") {
			key = key[strings.LastIndexByte(key, ':')+1:]
		}
		return strings.TrimPrefix(key, "key/")
	}
	return short(a) == short(b)
}

// data puts the value as version id under our staging label, and moves
// AWSCURRENT to it from the version that was seen.
func (w *write) data(ctx context.Context, id string, value providers.Secret) error {
	s, name, arn := w.store, w.to.Path, aws.String(w.before.arn)
	put, err := call(ctx, s, s.region, opPut, name, (*secretsmanager.Client).PutSecretValue, &secretsmanager.PutSecretValueInput{
		SecretId: arn, ClientRequestToken: aws.String(id), SecretString: aws.String(value.Expose()), VersionStages: []string{labelStaged},
	})
	if codeOf(err) == codeExists {
		return problemf("put", w.to.String(), providers.Invalid, "rotate the key: a new edition gets a version of its own",
			"version %s exists and holds another value: AWS changes no version", id)
	}
	if err != nil {
		return err
	}
	if slices.Contains(put.VersionStages, labelCurrent) {
		// The first version of a secret is current at once (AWS API Reference,
		// "PutSecretValue"), and so is one that an earlier try had moved.
		w.written = true
		return nil
	}
	move := &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: arn, VersionStage: aws.String(labelCurrent), MoveToVersionId: aws.String(id),
	}
	if current := w.before.current(); current != "" {
		move.RemoveFromVersionId = aws.String(current)
	}
	_, err = call(ctx, s, s.region, opMove, name, (*secretsmanager.Client).UpdateSecretVersionStage, move)
	var f *failure
	if errors.As(err, &f) && (f.code == "InvalidParameterException" || f.code == codeRequest) {
		f.kind, f.words = kindOf(providers.Conflict), "AWSCURRENT has moved since the secret was looked at"
	}
	w.written = err == nil
	return err
}

// text returns what the secret is to hold: for a field, what it held at the
// version base with that field set.
func (w *write) text(ctx context.Context, base string) (providers.Secret, error) {
	if w.to.Field == "" {
		return w.payload.Value, nil
	}
	wrong := func(kind providers.Kind, hint, format string, a ...any) (providers.Secret, error) {
		return providers.Secret{}, problemf("put", w.to.String(), kind, hint, format, a...)
	}
	var before providers.Secret
	if base != "" {
		text, from, err := w.store.value(ctx, w.to.Path, w.before.arn, base)
		if err != nil {
			return providers.Secret{}, err
		}
		if before = text; from == "" {
			return wrong(providers.Conflict, "", "the version that was looked at is there no more")
		}
	}
	after, err := providers.WithField(before.Expose(), w.to.Field, w.payload.Value)
	if err != nil {
		return wrong(providers.Invalid, notFields, "%w", err)
	}
	if size := len(after.Expose()); size > valueMax {
		return wrong(providers.Invalid, "deliver to a secret of its own", "with this field the secret takes %d bytes, and has room for %d", size, valueMax)
	}
	return after, nil
}
