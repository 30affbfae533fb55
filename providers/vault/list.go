package vault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/keyrota/keyrota/providers"
)

// listers is how many calls of a listing are under way at a time.
const listers = 8

// List asks for the names in each folder, and for the metadata of each secret:
// names alone do not tell that a secret is deleted. A prefix may begin with the
// whole of a mount, or be the beginning of several; what is there in engines
// that are not KV version 2 is left out. Where the token may see no such engine
// it is Denied.
//
// The policy needs, beside "read" on metadata:
//
//	path "secret/metadata/ci/*" { capabilities = ["list"] }
func (s *Store) List(ctx context.Context, prefix string, yield func(providers.Listed) error) error {
	const op = "list"
	folders, err := s.engines(ctx, prefix)
	if err != nil {
		return problem(op, prefix, err)
	}
	l := listing{store: s, prefix: prefix, yield: yield}
	for _, p := range folders {
		if err := l.folders(ctx, p); err != nil {
			return l.told(op, err)
		}
	}
	if err := ctx.Err(); err != nil {
		return problem(op, prefix, &failure{words: providers.Unanswered(err).Error(), err: err})
	}
	return nil
}

// told is the error of a listing that ended early.
func (l *listing) told(op string, err error) error {
	var stopped *yieldError
	if errors.As(err, &stopped) {
		return stopped.err
	}
	return problem(op, l.prefix, err)
}

// engines returns the folder to begin with in each KV version 2 engine that has
// paths with a prefix. A place's name is the folder, "" or with a last slash.
func (s *Store) engines(ctx context.Context, prefix string) ([]place, error) {
	begin := func(mount string) (place, bool) {
		below, inside := strings.CutPrefix(prefix, mount+"/")
		if !inside {
			return place{mount, ""}, strings.HasPrefix(mount+"/", prefix)
		}
		return place{mount, below[:strings.LastIndexByte(below, '/')+1]}, true
	}
	if s.config.Mount != "" {
		if p, ok := begin(s.config.Mount); ok {
			return []place{p}, nil
		}
		return nil, &failure{kind: kindOf(providers.Invalid), words: "the prefix is not below the store's mount " + s.config.Mount + "/",
			hint: "begin it with " + s.config.Mount + "/, or leave the store's mount out"}
	}
	var a struct {
		Data struct {
			Secret map[string]struct {
				Type    string            `json:"type"`
				Options map[string]string `json:"options"`
			} `json:"secret"`
		} `json:"data"`
	}
	// The call behind `vault secrets list` needs a policy of its own; this one
	// shows each token what it has a policy for.
	if err := s.call(ctx, request{method: http.MethodGet, path: "sys/internal/ui/mounts"}, &a); err != nil {
		return nil, err
	}
	var folders []place
	for path, engine := range a.Data.Secret {
		if engine.Type != "kv" || engine.Options["version"] != "2" {
			continue
		}
		if p, ok := begin(strings.Trim(path, "/")); ok {
			folders = append(folders, p)
		}
	}
	if len(folders) == 0 {
		return nil, &failure{kind: kindOf(providers.Denied), words: "no KV version 2 engine at the beginning of this prefix, or the token's policy has nothing below it",
			hint: "a prefix begins with the engine's mount, such as secret/ci/; `vault secrets list` shows the mounts"}
	}
	return folders, nil
}

// listing is one List at work. yield is called by one goroutine at a time.
type listing struct {
	store  *Store
	prefix string
	mu     sync.Mutex
	yield  func(providers.Listed) error
}

// folders walks the tree below a folder, level by level.
func (l *listing) folders(ctx context.Context, first place) error {
	for level := []place{first}; len(level) > 0; {
		var mu sync.Mutex
		var below, secrets []place
		err := each(ctx, level, func(ctx context.Context, p place) error {
			names, err := l.store.names(ctx, p)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			for _, name := range names {
				found := place{p.mount, p.name + name}
				folder := strings.HasSuffix(name, "/")
				path := found.mount + "/" + found.name
				switch {
				case folder && (strings.HasPrefix(path, l.prefix) || strings.HasPrefix(l.prefix, path)):
					below = append(below, found)
				case !folder && strings.HasPrefix(path, l.prefix):
					secrets = append(secrets, found)
				}
			}
			return nil
		})
		if err == nil {
			err = each(ctx, secrets, l.show)
		}
		if err != nil {
			return err
		}
		level = below
	}
	return nil
}

// each does something for all places, some at a time, until one fails.
func each(ctx context.Context, places []place, do func(context.Context, place) error) error {
	group, inside := errgroup.WithContext(ctx)
	group.SetLimit(listers)
	for _, p := range places {
		if inside.Err() != nil {
			break
		}
		group.Go(func() (err error) {
			defer providers.Guard(&err)
			return do(inside, p)
		})
	}
	return group.Wait()
}

// names returns what is in a folder; folders end in a slash.
func (s *Store) names(ctx context.Context, folder place) ([]string, error) {
	var a struct {
		Data struct {
			Keys []string `json:"keys"`
		} `json:"data"`
	}
	r := request{method: http.MethodGet, path: folder.metadata(), query: url.Values{"list": {"true"}}}
	err := s.call(ctx, r, &a)
	switch {
	case err == nil:
		return a.Data.Keys, nil
	case statusOf(err) == http.StatusNotFound && !said(err, saidNoRoute):
		return nil, s.mustList(ctx, folder.metadata()) // nothing there, if it may know
	}
	return nil, err
}

// mustList returns nil if the token may list a folder, so that a 404 there
// means that it is empty.
func (s *Store) mustList(ctx context.Context, folder string) error {
	can, err := s.capabilities(ctx, []string{folder})
	if err != nil {
		return err
	}
	if has(can[folder], "list") {
		return nil
	}
	r := request{method: methodList, path: folder}
	return &failure{
		request: r, kind: kindOf(providers.Denied),
		words: "status 404 from a folder that the token may not list",
		hint:  fmt.Sprintf("nobody can tell whether there is nothing; the policy needs: path %q { capabilities = [\"list\"] }", folder+"*"),
	}
}

// methodList is how Vault calls a listing.
const methodList = "LIST"

// show yields one secret, unless it is deleted or gone by now.
func (l *listing) show(ctx context.Context, p place) error {
	m, err := l.store.listedMetadata(ctx, p)
	if err != nil {
		return err
	}
	v, live := m.current(l.store.now())
	if !live {
		return nil
	}
	found := providers.Listed{Path: p.mount + "/" + p.name}
	found.Changed, _ = time.Parse(time.RFC3339Nano, v.created)
	if n, ok := m.note(""); ok {
		found.Mark = n.Mark()
	} else {
		found.Owner = m.owner()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err() // another one failed, or has seen enough
	}
	if err := l.yield(found); err != nil {
		return &yieldError{err}
	}
	return nil
}
