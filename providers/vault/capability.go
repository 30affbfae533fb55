package vault

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/keyrota/keyrota/providers"
)

// A 404 may mean that there is nothing, or that the token may not know. Only
// Vault's own word on what the token may do there settles it.

const (
	sightFor   = time.Minute // how long an answer on a path is good
	sightMax   = 10_000      // paths remembered
	sightBatch = 200         // paths asked for in one call
)

// sights remembers the paths that the token was found to be allowed to read.
type sights struct {
	mu    sync.Mutex
	until map[string]time.Time
}

func (s *sights) missing(paths []string, now time.Time) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(paths), func(p string) bool { return now.Before(s.until[p]) })
}

func (s *sights) remember(path string, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.until) >= sightMax {
		clear(s.until)
	}
	s.until[path] = until
}

// mustSee returns nil if the token may read path, so that a 404 there means
// that there is nothing.
func (s *Store) mustSee(ctx context.Context, path string) error {
	seen, err := s.canSee(ctx, []string{path})
	if err != nil {
		return err
	}
	if !seen[path] {
		return unseen(path)
	}
	return nil
}

func unseen(path string) *failure {
	r := request{method: http.MethodGet, path: path}
	return &failure{
		request: r, kind: kindOf(providers.Denied),
		words: "status 404 from a path that the token may not read",
		hint:  "nobody can tell whether there is nothing; the policy needs: " + grantFor(r),
	}
}

// canSee tells which of the paths the token may read, in one call for many
// (Vault API docs, "/sys/capabilities-self").
func (s *Store) canSee(ctx context.Context, paths []string) (map[string]bool, error) {
	seen := map[string]bool{}
	for _, p := range paths {
		seen[p] = true
	}
	for batch := range slices.Chunk(s.sights.missing(paths, s.now()), sightBatch) {
		can, err := s.capabilities(ctx, batch)
		if err != nil {
			return nil, err
		}
		for _, p := range batch {
			seen[p] = has(can[p], "read")
			if seen[p] {
				s.sights.remember(p, s.now().Add(sightFor))
			}
		}
	}
	return seen, nil
}

// capabilities returns what the token may do at each of some paths.
func (s *Store) capabilities(ctx context.Context, paths []string) (map[string][]string, error) {
	r := request{method: http.MethodPost, path: "sys/capabilities-self", body: map[string][]string{"paths": paths}}
	var a struct {
		Data map[string][]string `json:"data"`
	}
	err := s.call(ctx, r, &a)
	if statusOf(err) == http.StatusForbidden {
		return nil, &failure{
			request: r, kind: kindOf(providers.Denied), words: "the token may not ask what it may do",
			hint: fmt.Sprintf("without it nobody can tell a missing secret from one that the token may not see; the policy needs: path %q { capabilities = [\"update\"] }, as in Vault's default policy", r.path),
		}
	}
	return a.Data, err
}

// has reports whether capabilities are enough for something.
func has(capabilities []string, wanted string) bool {
	return slices.Contains(capabilities, wanted) || slices.Contains(capabilities, "root")
}
