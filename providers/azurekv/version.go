package azurekv

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// version is one version of a secret, without its value.
type version struct {
	name, id    string // the id is empty in a listing of secrets
	created     time.Time
	updated     time.Time
	enabled     bool
	managed     bool // by a certificate
	contentType string
	tags        map[string]string
	notBefore   time.Time // zero: none
	expires     time.Time // zero: none
}

// versionOf takes over what the SDK gives of a version. Every pointer may be nil.
func versionOf(id *azsecrets.ID, a *azsecrets.SecretAttributes, contentType *string, managed *bool, tags map[string]*string) version {
	v := version{enabled: true, contentType: value(contentType), managed: value(managed), tags: map[string]string{}}
	// https://HOST/secrets/NAME/VERSION, or deletedsecrets in the middle.
	if parts := strings.Split(strings.TrimPrefix(string(value(id)), "https://"), "/"); len(parts) > 2 {
		v.name = parts[2]
		if len(parts) > 3 {
			v.id = parts[3]
		}
	}
	for key, text := range tags {
		v.tags[key] = value(text)
	}
	if a != nil {
		v.created, v.updated, v.notBefore, v.expires = value(a.Created), value(a.Updated), value(a.NotBefore), value(a.Expires)
		v.enabled = a.Enabled == nil || *a.Enabled
	}
	return v
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func ofProperties(p *azsecrets.SecretProperties) version {
	return versionOf(p.ID, p.Attributes, p.ContentType, p.Managed, p.Tags)
}

func ofSecret(b azsecrets.Secret) version {
	return versionOf(b.ID, b.Attributes, b.ContentType, b.Managed, b.Tags)
}

// note returns the mark of a field, or of the whole secret.
func (v version) note(field string) (note, bool) { return decodeNote(v.tags[noteKey(field)]) }

// edition is the highest that the version bears, to tell apart versions of one
// second.
func (v version) edition() (most rotation.Edition) {
	for key, text := range v.tags {
		if n, ok := decodeNote(text); ok && providers.IsNoteKey(key) {
			most = max(most, n.Edition)
		}
	}
	return most
}

// token is the Version that a holding of a current, enabled version shows.
func (v version) token(field string) rotation.Version {
	if n, ok := v.note(field); ok && n.Write != "" {
		return rotation.Version(n.Write)
	}
	return rotation.Version(v.id)
}

// same reports whether two lookups show the same of a version, its id aside.
func (v version) same(w version) bool {
	return v.created.Equal(w.created) && v.enabled == w.enabled && v.contentType == w.contentType && maps.Equal(v.tags, w.tags)
}

// versions lists all versions of a secret, none if it is not there.
func (s *Store) versions(ctx context.Context, name string) ([]version, error) {
	var all []version
	err := pages(ctx, s, opVersions(), s.client.NewListSecretPropertiesVersionsPager(name, nil),
		func(page azsecrets.ListSecretPropertiesVersionsResponse) error {
			if page.Value == nil {
				return odd(opVersions())
			}
			for _, p := range page.Value {
				if p != nil {
					all = append(all, ofProperties(p))
				}
			}
			return nil
		})
	if is(err, http.StatusNotFound) {
		return nil, nil
	}
	return all, err
}

// bundle reads a version with its value; the current one for an empty id.
func (s *Store) bundle(ctx context.Context, name, id string) (azsecrets.Secret, error) {
	answer, err := call(ctx, s, opGet(), func(ctx context.Context) (azsecrets.GetSecretResponse, error) {
		return s.client.GetSecret(ctx, name, id, nil)
	})
	if err == nil && (answer.Value == nil || ofSecret(answer.Secret).id == "") {
		err = odd(opGet())
	}
	return answer.Secret, err
}

// value reads the value of a version.
func (s *Store) value(ctx context.Context, name, id string) (string, error) {
	b, err := s.bundle(ctx, name, id)
	return value(b.Value), err
}

// newestFirst sorts by creation. Versions of one second come in the order of
// their editions; which of them is current, only the service can say.
func newestFirst(all []version) {
	slices.SortFunc(all, func(a, b version) int {
		return cmp.Or(b.created.Compare(a.created), cmp.Compare(b.edition(), a.edition()), cmp.Compare(a.id, b.id))
	})
}

// written is a version that this process made.
type written struct {
	version
	before []string  // the ids of the versions before it
	until  time.Time // when it is forgotten
}

// recentFor is how long a listing may fail to show what was written before that
// is no longer held against it.
const recentFor = 5 * time.Minute

// recent remembers, by name, the versions that this process made and that no
// listing has shown yet.
type recent struct {
	mu sync.Mutex
	by map[string]written
}

func (r *recent) remember(name string, made sight, now time.Time) {
	w := written{version: made.current, until: now.Add(recentFor)}
	for _, v := range made.older {
		w.before = append(w.before, v.id)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, old := range r.by {
		if !now.Before(old.until) {
			delete(r.by, key)
		}
	}
	r.by[strings.ToLower(name)] = w
}

// missing returns the version that a listing should show and does not.
func (r *recent) missing(name string, listed []version, now time.Time) (written, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := strings.ToLower(name)
	w, ok := r.by[key]
	if !ok {
		return written{}, false
	}
	if !now.Before(w.until) || slices.ContainsFunc(listed, func(v version) bool { return v.id == w.id }) {
		delete(r.by, key)
		return written{}, false
	}
	return w, true
}

func (r *recent) forget(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.by, strings.ToLower(name))
}
