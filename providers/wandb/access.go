package wandb

import (
	"context"
	"errors"
	"net/http"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/wandb/internal/graph"
)

var _ providers.AccessChecker = (*Issuer)(nil)

// Access says what a credential may do with a project. A key that does not work
// at all is Denied.
func (i *Issuer) Access(ctx context.Context, team, project string, auth providers.Secret) (providers.Access, error) {
	c, err := i.inTeam(ctx, "check the access to", team+"/"+project, team, auth)
	if err != nil {
		return "", err
	}
	answer, err := graph.ReadOnly(ctx, c, team, project)
	switch {
	case unseen(err), err == nil && answer.Project == nil:
		return providers.AccessNone, nil
	case err != nil:
		return "", err
	case answer.Project.ReadOnly == nil:
		return "", c.fail(providers.Invalid, errors.New("the server does not say whether the project may be written to"), hintSchema)
	case *answer.Project.ReadOnly:
		return providers.AccessRead, nil
	}
	return providers.AccessWrite, nil
}

// unseen reports whether an error says that there is no such project or that the
// caller may not see it; that the whole request was refused is another matter.
func unseen(err error) bool {
	var r *refusal
	if !errors.As(err, &r) || r.badKey || r.status != http.StatusOK {
		return false
	}
	kind := providers.KindOf(err)
	return kind == providers.Denied || kind == providers.NotFound
}
