package awssm

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/keyrota/keyrota/providers"
)

// checkRoom says what could only be met once the data is written, and would
// keep its mark from ever following: that the tags do not fit.
func (w *write) checkRoom() error {
	all := maps.Clone(w.before.tags)
	maps.Copy(all, w.payload.Tags)
	all[markKey(w.to.Field)] = ""
	maps.DeleteFunc(all, func(key, _ string) bool { return strings.HasPrefix(key, "aws:") }) // these do not count
	if len(all) > tagsMax {
		return problemf("put", w.to.String(), providers.Invalid, "remove some by hand, or deliver to a secret of its own",
			"with keyrota's mark and the tags wanted the secret would have %d tags, and has room for %d", len(all), tagsMax)
	}
	return nil
}

// tags returns what the secret is to be tagged with once the version id is
// current: the mark, the marks of fields that came along, and those of the payload.
func (w *write) tags(id string) (map[string]string, error) {
	marks := w.before.advanced(w.to.Field, id)
	marks[markKey(w.to.Field)] = note{mark: w.mark, version: id}
	all := map[string]string{}
	maps.Copy(all, w.payload.Tags)
	for key, n := range marks {
		text, err := n.encode(w.to.Path, key)
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
		&secretsmanager.TagResourceInput{SecretId: aws.String(x.arn), Tags: tagList(wanted)})
	return err
}

func tagList(tags map[string]string) []types.Tag {
	var all []types.Tag
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		all = append(all, types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
	}
	return all
}
