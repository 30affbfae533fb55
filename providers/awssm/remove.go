package awssm

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

var (
	_ providers.Remover  = (*Store)(nil)
	_ providers.Unmarker = (*Store)(nil)
)

// recoveryDays is how long a deleted secret can be restored: the most that AWS
// offers (AWS Secrets Manager API Reference, "DeleteSecret").
const recoveryDays = 30

// Remove schedules the secret for deletion, so that it can be restored for 30
// days; its replicas, which AWS deletes at once, go before it. AWS deletes on no
// condition, and what it shows before may be seconds old: what is put meanwhile
// into a whole secret goes with it, and can be restored. A field goes first: a
// version without it becomes current on condition, as with Put, and only where
// that left nothing is the secret deleted.
func (s *Store) Remove(ctx context.Context, d rotation.Destination, seen rotation.Holding) error {
	const op = "remove"
	if err := providers.Removable(d, seen); err != nil {
		return problemf(op, d.String(), providers.Invalid, "look at it, and remove it by hand", "%w", err)
	}
	return s.giveUp(ctx, op, d, seen, func(w *write) error {
		if err := w.ours(op); err != nil {
			return err
		}
		if d.Field == "" {
			return w.delete(ctx)
		}
		base := w.before.current()
		text, from, err := s.value(ctx, d.Path, w.before.arn, base)
		switch {
		case err != nil:
			return err
		case from == "":
			return problemf(op, d.String(), providers.Conflict, "look again", "the version that was looked at is there no more")
		}
		rest, left, err := providers.WithoutField(text.Expose(), d.Field)
		if err != nil {
			return problemf(op, d.String(), providers.Invalid, notFields, "%w", err)
		}
		if err := w.without(ctx, seen.Mark, base, rest); err != nil {
			return err
		}
		if left == 0 {
			return w.delete(ctx) // nobody else had put anything there
		}
		return w.untag(ctx)
	})
}

// Undo says how a secret comes back.
func (s *Store) Undo(d rotation.Destination) string {
	whole := fmt.Sprintf("for %d days `aws secretsmanager restore-secret --region %s --secret-id %s` brings it back", recoveryDays, s.region, d.Path)
	if len(s.config.Replicas) > 0 {
		whole += ", and its replicas are deleted at once"
	}
	if d.Field == "" {
		return whole
	}
	return "the version labelled AWSPREVIOUS still has the field, until the next write; if nothing else is in the secret, it is deleted as well, and " + whole
}

// Unmark removes the destination's tag, and with the last mark the staging label.
func (s *Store) Unmark(ctx context.Context, d rotation.Destination, seen rotation.Holding) error {
	return s.giveUp(ctx, "unmark", d, seen, func(w *write) error {
		if _, marked := w.before.note(d.Field); !marked {
			return nil
		}
		if staged := w.before.labelled(labelStaged); staged != "" && !w.before.marksOthers(d.Field) {
			_, err := call(ctx, s, s.region, opMove, d.Path, (*secretsmanager.Client).UpdateSecretVersionStage, &secretsmanager.UpdateSecretVersionStageInput{
				SecretId: aws.String(w.before.arn), VersionStage: aws.String(labelStaged), RemoveFromVersionId: aws.String(staged),
			})
			if err != nil {
				return err
			}
		}
		return w.untag(ctx)
	})
}

// giveUp does something with a secret that still is as it was seen.
func (s *Store) giveUp(ctx context.Context, op string, d rotation.Destination, seen rotation.Holding, do func(*write) error) error {
	if err := s.Check(d, providers.Payload{}); err != nil {
		return err
	}
	turn := s.writing.Of(d.Path)
	if err := turn.Take(ctx); err != nil {
		return problem(op, d.String(), err)
	}
	defer turn.Give()
	before, err := s.describe(ctx, s.region, d.Path)
	if err != nil {
		return problem(op, d.String(), err)
	}
	n, marked := before.note(d.Field)
	err = providers.Present{Version: before.token(), Mark: n.mark, Marked: marked}.Unchanged(seen, seen.Mark)
	if now, _ := before.holding(d.Field); err == nil && seen.State == rotation.StateMarked && now.State != rotation.StateMarked {
		err = fmt.Errorf("the secret changed since it was looked at: it is %s, seen %s", now.State, seen.State)
	}
	if err != nil {
		return problemf(op, d.String(), providers.Conflict, "look again", "%w", err)
	}
	w := &write{store: s, to: d, before: before}
	if err := do(w); err != nil {
		return w.problem(op, err)
	}
	return nil
}

// ours returns nil if the secret is keyrota's to delete, and its replicas are.
func (w *write) ours(op string) error {
	if by := w.before.keptBy(); by != "" {
		return problemf(op, w.to.String(), providers.Invalid, "remove it there", "it is kept by %s", by)
	}
	if p := w.before.primary; p != "" && p != w.store.region {
		return problemf(op, w.to.String(), providers.Invalid, "let a store of that Region remove it", "this secret is a replica: its primary is in %s", p)
	}
	for _, r := range w.before.replicas {
		region := aws.ToString(r.Region)
		if !slices.ContainsFunc(w.store.config.Replicas, func(c Replica) bool { return c.Region == region }) {
			return problemf(op, w.to.String(), providers.Invalid,
				fmt.Sprintf("if nobody reads it there: `aws secretsmanager remove-regions-from-replication --secret-id %s --remove-replica-regions %s`", w.to.Path, region),
				"it is replicated to %s, which is not keyrota's doing", region)
		}
	}
	return nil
}

// keptBy says which other tool keeps a secret, by what such tools write.
func (x secret) keptBy() string {
	switch stack := x.tags["aws:cloudformation:stack-name"]; {
	case x.service != "":
		return "AWS service " + x.service
	case stack != "":
		return "CloudFormation stack " + stack
	case x.rotates != "":
		return "native rotation with " + x.rotates[strings.LastIndexByte(x.rotates, ':')+1:]
	}
	for key, by := range x.tags {
		switch strings.ToLower(key) {
		case "managed-by", "managed_by", "managedby":
			if by != "" && by != providers.ManagedBy {
				return by
			}
		}
	}
	return ""
}

// marksOthers reports whether a secret bears marks beside that of a field.
func (x secret) marksOthers(field string) bool {
	for key := range x.tags {
		if providers.IsNoteKey(key) && key != markKey(field) {
			return true
		}
	}
	return false
}

// delete removes the replicas, which AWS keeps a secret from being deleted for,
// and the secret.
func (w *write) delete(ctx context.Context) error {
	s, arn := w.store, aws.String(w.before.arn)
	var regions []string
	for _, r := range w.before.replicas {
		regions = append(regions, aws.ToString(r.Region))
	}
	if len(regions) > 0 {
		_, err := call(ctx, s, s.region, opUnreplicate, w.to.Path, (*secretsmanager.Client).RemoveRegionsFromReplication,
			&secretsmanager.RemoveRegionsFromReplicationInput{SecretId: arn, RemoveReplicaRegions: regions})
		if err != nil {
			return err
		}
	}
	_, err := call(ctx, s, s.region, opDelete, w.to.Path, (*secretsmanager.Client).DeleteSecret,
		&secretsmanager.DeleteSecretInput{SecretId: arn, RecoveryWindowInDays: aws.Int64(recoveryDays)})
	return err
}

// without makes a version current that has the rest of the fields. Its id is
// that of no delivery: it names no key.
func (w *write) without(ctx context.Context, m rotation.Mark, base string, rest providers.Secret) error {
	id := idOf(rotation.Mark{Instance: m.Instance, Ledger: m.Ledger, Account: m.Account, Edition: m.Edition}, w.to.Field, base)
	if err := w.data(ctx, id, rest); err != nil {
		return err
	}
	tags := map[string]string{}
	for key, n := range w.before.advanced(w.to.Field, id) {
		text, err := n.encode(w.to.Path, key)
		if err != nil {
			return err
		}
		tags[key] = text
	}
	return w.store.tag(ctx, w.before, tags)
}

// untag removes the destination's mark.
func (w *write) untag(ctx context.Context) error {
	_, err := call(ctx, w.store, w.store.region, opUntag, w.to.Path, (*secretsmanager.Client).UntagResource,
		&secretsmanager.UntagResourceInput{SecretId: aws.String(w.before.arn), TagKeys: []string{markKey(w.to.Field)}})
	return err
}
