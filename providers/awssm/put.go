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
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// Put writes p on condition that the secret's current version is the one seen.
// On a secret or field without a mark it writes the mark of ownership first, so
// that a policy which forbids tags is met before the data is.
func (s *Store) Put(ctx context.Context, d rotation.Destination, p providers.Payload, m rotation.Mark, seen rotation.Holding) (rotation.Holding, error) {
	const op = "put"
	none := rotation.Holding{}
	if err := s.checkPut(d, p, m); err != nil {
		return none, err
	}
	turn := s.turn(d.Path)
	if err := turn.take(ctx); err != nil {
		return none, problem(op, d.String(), err)
	}
	defer turn.give()

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

// unchanged compares version and owner with what was seen.
func (s *Store) unchanged(d rotation.Destination, now secret, m rotation.Mark, seen rotation.Holding) error {
	conflict := func(hint, format string, a ...any) error {
		return problemf("put", d.String(), providers.Conflict, hint, format, a...)
	}
	if version := now.token(); version != seen.Version {
		return conflict("", "the secret changed since it was looked at: version %s, seen %s", orNone(version), orNone(seen.Version))
	}
	n, marked := now.note(d.Field)
	switch seen.State {
	case rotation.StateUnknown:
		return conflict("", "it was not looked at before")
	case rotation.StateAbsent:
		// What is absent shows no mark, so ours of an earlier try counts as seen.
		if marked && (n.mark.Instance != m.Instance || n.mark.Account != m.Account) {
			return conflict(fmt.Sprintf("if that is over, remove its mark: `aws secretsmanager untag-resource --secret-id %s --tag-keys %s`", d.Path, markKey(d.Field)),
				"keyrota %s has claimed it for account %s", n.mark.Instance, n.mark.Account)
		}
	case rotation.StateBare:
		if marked {
			return conflict("", "its owner changed since it was looked at")
		}
	default:
		if !marked || n.mark != seen.Mark {
			return conflict("", "its mark changed since it was looked at")
		}
	}
	return nil
}

func orNone(v rotation.Version) string {
	if v == "" {
		return "none"
	}
	return string(v)
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

// problem tells a write that failed. Once the data is there the kind is
// Transient, whatever the reason.
func (w *write) problem(op string, err error) *providers.Error {
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

// replace brings the next version into a secret that exists.
func (w *write) replace(ctx context.Context) (secret, error) {
	s := w.store
	if p := w.before.primary; p != "" && p != s.region {
		return secret{}, problemf("put", w.to.String(), providers.Invalid, "let a store of that Region deliver it",
			"this secret is a replica: its primary is in %s", p)
	}
	if err := w.prepare(ctx); err != nil {
		return secret{}, vanished(err)
	}
	id, err := w.data(ctx)
	if err != nil {
		return secret{}, vanished(err)
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

// vanished tells of a secret or version that is there no more as of what it is:
// a change since it was looked at.
func vanished(err error) error {
	var f *failure
	if errors.As(err, &f) && f.code == codeNotFound {
		f.kind = kindOf(providers.Conflict)
	}
	return err
}

// prepare makes the secret ready for its next version: out of its recovery
// window, known as ours, under the key and with the description wanted.
func (w *write) prepare(ctx context.Context) error {
	s, name := w.store, w.to.Path
	if !w.before.deleted.IsZero() {
		_, err := call(ctx, s, s.region, opRestore, name, (*secretsmanager.Client).RestoreSecret,
			&secretsmanager.RestoreSecretInput{SecretId: aws.String(name)})
		var f *failure
		if errors.As(err, &f) && f.code == codeRequest {
			f.kind, f.hint = kindOf(providers.Transient), "it is about to be deleted for good, and is created anew then"
		}
		if err != nil {
			return err
		}
		w.before.deleted = time.Time{}
	}
	if _, marked := w.before.note(w.to.Field); !marked {
		text, err := ownership(w.mark).encode()
		if err != nil {
			return err
		}
		own := map[string]string{markKey(w.to.Field): text}
		if err := s.tag(ctx, w.before, own); err != nil {
			return err
		}
		maps.Copy(w.before.tags, own)
	}
	in := &secretsmanager.UpdateSecretInput{SecretId: aws.String(name)}
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
func sameKey(a, b string) bool {
	short := func(key string) string {
		if strings.HasPrefix(key, "arn:") {
			key = key[strings.LastIndexByte(key, ':')+1:]
		}
		return strings.TrimPrefix(key, "key/")
	}
	return short(a) == short(b)
}

// data puts the value under our staging label and moves AWSCURRENT to it from
// the version that was seen. It returns the id of the version that is current
// then.
func (w *write) data(ctx context.Context) (string, error) {
	s, name, current := w.store, w.to.Path, w.before.current()
	if isOf(current, w.mark, w.to.Field) {
		return current, nil // written before, and cut short
	}
	value, err := w.text(ctx, current)
	if err != nil {
		return "", err
	}
	id := idOf(w.mark, w.to.Field, current)
	put, err := call(ctx, s, s.region, opPut, name, (*secretsmanager.Client).PutSecretValue, &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(name), ClientRequestToken: aws.String(id), SecretString: aws.String(value.Expose()), VersionStages: []string{labelStaged},
	})
	if codeOf(err) == codeExists {
		return "", problemf("put", w.to.String(), providers.Invalid, "rotate the key: a new edition gets a version of its own",
			"version %s exists and holds another value: AWS changes no version", id)
	}
	if err != nil {
		return "", err
	}
	if slices.Contains(put.VersionStages, labelCurrent) {
		// The first version of a secret is current at once (AWS API Reference,
		// "PutSecretValue"), and so is one that an earlier try had moved.
		w.written = true
		return id, nil
	}
	move := &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: aws.String(name), VersionStage: aws.String(labelCurrent), MoveToVersionId: aws.String(id),
	}
	if current != "" {
		move.RemoveFromVersionId = aws.String(current)
	}
	_, err = call(ctx, s, s.region, opMove, name, (*secretsmanager.Client).UpdateSecretVersionStage, move)
	var f *failure
	if errors.As(err, &f) && (f.code == "InvalidParameterException" || f.code == codeRequest) {
		f.kind, f.words = kindOf(providers.Conflict), "AWSCURRENT has moved since the secret was looked at"
	}
	w.written = err == nil
	return id, err
}

// text returns what the secret is to hold: for a field, what it held at the
// version base with that field set.
func (w *write) text(ctx context.Context, base string) (providers.Secret, error) {
	if w.to.Field == "" {
		return w.payload.Value, nil
	}
	invalid := func(hint, format string, a ...any) (providers.Secret, error) {
		return providers.Secret{}, problemf("put", w.to.String(), providers.Invalid, hint, format, a...)
	}
	var before providers.Secret
	if base != "" {
		var found bool
		var err error
		if before, found, err = w.store.value(ctx, w.before, base); err != nil {
			return providers.Secret{}, err
		}
		if !found {
			return providers.Secret{}, problemf("put", w.to.String(), providers.Conflict, "", "the version that was looked at is there no more")
		}
	}
	after, err := providers.WithField(before.Expose(), w.to.Field, w.payload.Value)
	if err != nil {
		return invalid(notFields, "%w", err)
	}
	if size := len(after.Expose()); size > valueMax {
		return invalid("deliver to a secret of its own", "with this field the secret takes %d bytes, and has room for %d", size, valueMax)
	}
	return after, nil
}

// tags returns what the secret is to be tagged with once the version id is
// current: the mark, the marks of fields that came along, and those of the payload.
func (w *write) tags(id string) (map[string]string, error) {
	marks := w.before.advanced(w.to.Field, id)
	marks[markKey(w.to.Field)] = note{mark: w.mark, version: id}
	all := map[string]string{}
	maps.Copy(all, w.payload.Tags)
	for key, n := range marks {
		text, err := n.encode()
		if err != nil {
			return nil, err
		}
		all[key] = text
	}
	return all, nil
}

func (s *Store) tag(ctx context.Context, x secret, tags map[string]string) error {
	wanted := maps.Clone(tags)
	maps.DeleteFunc(wanted, func(key, value string) bool {
		is, has := x.tags[key]
		return has && is == value
	})
	if len(wanted) == 0 {
		return nil
	}
	_, err := call(ctx, s, s.region, opTag, x.name, (*secretsmanager.Client).TagResource,
		&secretsmanager.TagResourceInput{SecretId: aws.String(x.name), Tags: tagList(wanted)})
	return err
}

func tagList(tags map[string]string) []types.Tag {
	var all []types.Tag
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		all = append(all, types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
	}
	return all
}
