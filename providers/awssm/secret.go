package awssm

import (
	"cmp"
	"context"
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

// Staging labels. The first two are AWS's own; ours is none that native
// rotation looks at, as it does at AWSPENDING.
const (
	labelCurrent  = "AWSCURRENT"
	labelPrevious = "AWSPREVIOUS"
	labelStaged   = "KEYROTA_STAGED"
)

// secret is what DescribeSecret, or a listing, shows of a secret.
type secret struct {
	exists      bool
	name        string
	arn         string
	deleted     time.Time // when it will be gone; zero: it is not scheduled for deletion
	changed     time.Time
	read        time.Time
	description string
	kmsKey      string
	service     string // the AWS service that keeps it, if any
	rotates     string // the function that rotates it natively, if any
	primary     string // the Region of which it is a replica or which has replicas
	tags        map[string]string
	labels      map[string][]string // by version id; versions without labels are not shown
	replicas    []types.ReplicationStatusType
}

// describe returns a secret, which may be one that does not exist.
func (s *Store) describe(ctx context.Context, region, name string) (secret, error) {
	out, err := call(ctx, s, region, opDescribe, name, (*secretsmanager.Client).DescribeSecret,
		&secretsmanager.DescribeSecretInput{SecretId: aws.String(name)})
	if codeOf(err) == codeNotFound {
		return secret{}, nil
	}
	if err != nil {
		return secret{}, err
	}
	seen := listed(types.SecretListEntry{
		Name: &name, ARN: out.ARN, Description: out.Description, KmsKeyId: out.KmsKeyId, Tags: out.Tags, SecretVersionsToStages: out.VersionIdsToStages,
		DeletedDate: out.DeletedDate, LastChangedDate: out.LastChangedDate, LastAccessedDate: out.LastAccessedDate,
		OwningService: out.OwningService, PrimaryRegion: out.PrimaryRegion, RotationEnabled: out.RotationEnabled, RotationLambdaARN: out.RotationLambdaARN,
	})
	seen.replicas = out.ReplicationStatus
	return seen, nil
}

func listed(e types.SecretListEntry) secret {
	seen := secret{
		exists: true, name: aws.ToString(e.Name), arn: aws.ToString(e.ARN),
		deleted: aws.ToTime(e.DeletedDate), changed: aws.ToTime(e.LastChangedDate), read: aws.ToTime(e.LastAccessedDate),
		description: aws.ToString(e.Description), kmsKey: aws.ToString(e.KmsKeyId), service: aws.ToString(e.OwningService),
		primary: aws.ToString(e.PrimaryRegion), tags: map[string]string{}, labels: e.SecretVersionsToStages,
	}
	for _, t := range e.Tags {
		seen.tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	if aws.ToBool(e.RotationEnabled) {
		seen.rotates = aws.ToString(e.RotationLambdaARN)
	}
	return seen
}

// current returns the id of the version that readers get, or "".
func (x secret) current() string { return x.labelled(labelCurrent) }

func (x secret) labelled(label string) string {
	for id, labels := range x.labels {
		if slices.Contains(labels, label) {
			return id
		}
	}
	return ""
}

// deletedMark ends the Version of a secret in its recovery window: restoring it
// changes the secret without a new version.
const deletedMark = "-deleted"

// token is the Version that a holding shows: the current version's id, and the
// end of the ARN, which is another one if the secret is deleted and made anew.
func (x secret) token() rotation.Version {
	switch {
	case !x.exists:
		return ""
	case !x.deleted.IsZero():
		return x.version(x.current()) + deletedMark
	}
	return x.version(x.current())
}

func (x secret) version(id string) rotation.Version {
	return rotation.Version(id + "@" + incarnation(x.arn))
}

// incarnation is the six characters that AWS puts after the name in an ARN.
func incarnation(arn string) string { return arn[strings.LastIndexByte(arn, '-')+1:] }

// parseVersion returns the id of a version and the secret's incarnation.
func parseVersion(v rotation.Version) (id, incarnation string, ok bool) {
	text := strings.TrimSuffix(string(v), deletedMark)
	at := strings.LastIndexByte(text, '@')
	if at < 1 {
		return "", "", false
	}
	return text[:at], text[at+1:], true
}

// older returns the other versions that can be read: the previous one, then
// those of other labels, the latest edition of ours first.
func (x secret) older() []rotation.Version {
	if !x.deleted.IsZero() {
		return nil
	}
	current, previous := x.current(), x.labelled(labelPrevious)
	ids := slices.DeleteFunc(slices.Collect(maps.Keys(x.labels)), func(id string) bool { return id == current || len(x.labels[id]) == 0 })
	slices.SortFunc(ids, func(a, b string) int {
		switch {
		case a == previous:
			return -1
		case b == previous:
			return 1
		}
		return -cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	})
	var older []rotation.Version
	for _, id := range ids {
		older = append(older, x.version(id))
	}
	return older
}

// note returns the mark of a field, or of the whole secret.
func (x secret) note(field string) (note, bool) { return x.noteAt(markKey(field)) }

func (x secret) noteAt(tag string) (note, bool) { return decode(x.name, tag, x.tags[tag]) }

// holding says what a description shows of a destination. It is not sure where
// only the value can tell whether a field is there.
func (x secret) holding(field string) (h rotation.Holding, sure bool) {
	h = rotation.Holding{Version: x.token(), Older: x.older()}
	current := x.current()
	n, marked := x.note(field)
	switch {
	case !x.exists:
		h.State = rotation.StateAbsent
	case !x.deleted.IsZero() && marked:
		h.State = rotation.StateAbsent
	case !x.deleted.IsZero():
		h.State = rotation.StateBare
		h.Owner = fmt.Sprintf("scheduled for deletion on %s, not ours", x.deleted.UTC().Format(time.DateOnly))
		if owner := x.owner(); owner != "" {
			h.Owner += ": " + owner
		}
	case current == "":
		h.State = rotation.StateAbsent
	case marked && n.version == current:
		h.State, h.Mark = rotation.StateMarked, n.mark
	case marked:
		h.State, h.Mark = rotation.StateEdited, n.mark
		return h, field == ""
	default:
		h.State, h.Owner = rotation.StateBare, x.owner()
		return h, field == ""
	}
	return h, true
}

// owner says, for people, who seems to own a secret that bears no mark for the
// destination: another destination of keyrota, another AWS service, or what
// other tools write.
func (x secret) owner() string {
	keys := slices.Sorted(maps.Keys(x.tags))
	for _, key := range keys {
		if !providers.IsNoteKey(key) {
			continue
		}
		if n, ok := x.noteAt(key); ok {
			return fmt.Sprintf("keyrota %s, account %s (tag %s)", n.mark.Instance, n.mark.Account, key)
		}
		return fmt.Sprintf("a tag %s that cannot be read", key)
	}
	if x.service != "" {
		return "AWS service " + x.service
	}
	if stack := x.tags["aws:cloudformation:stack-name"]; stack != "" {
		return "CloudFormation stack " + stack
	}
	for _, want := range []string{"managed-by", "managed_by", "managedby", "owner"} {
		for _, key := range keys {
			if strings.EqualFold(key, want) && x.tags[key] != "" {
				return x.tags[key]
			}
		}
	}
	if x.rotates != "" {
		return "rotated by " + x.rotates[strings.LastIndexByte(x.rotates, ':')+1:]
	}
	return ""
}

// advanced returns the marks of the other fields that name the version which
// to was built upon, naming to instead: writing one field carried the others
// over as they were.
func (x secret) advanced(field, to string) map[string]note {
	moved := map[string]note{}
	for key := range x.tags {
		n, ok := x.noteAt(key)
		if ok && field != "" && providers.IsFieldNoteKey(key) && key != markKey(field) && builtOn(to, n.version) {
			n.version = to
			moved[key] = n
		}
	}
	return moved
}

// moved returns x once the current label is at another version, put under ours.
func (x secret) moved(to string) secret {
	from := x.current()
	if from == to {
		return x
	}
	labels := map[string][]string{}
	for id, all := range x.labels {
		labels[id] = slices.DeleteFunc(slices.Clone(all), func(l string) bool {
			return l == labelCurrent || l == labelStaged || l == labelPrevious && from != ""
		})
	}
	if from != "" {
		labels[from] = append(labels[from], labelPrevious)
	}
	labels[to] = append(labels[to], labelCurrent)
	x.labels = labels
	return x
}
