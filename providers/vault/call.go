package vault

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/pace"
)

// request is one call of Vault's HTTP API.
type request struct {
	method string
	path   string // below /v1/
	query  url.Values
	body   any
	// values says that the request or its answer bears values of secrets, so
	// that nothing the server says about it is repeated.
	values bool
}

// pace returns the pace of the server's calls. No quota is published: it is what
// an operator sets.
func (s *Store) pace() *pace.Pace {
	return s.options.Paces.Get(provider+"/"+s.client.Address(), pace.Quota{})
}

// send makes one request with a token and decodes the answer's JSON into into,
// unless that is nil. Every error is a *failure. Nothing is sent once ctx has
// ended.
func (s *Store) send(ctx context.Context, token string, r request, into any) error {
	content := r.body
	r.body = nil // so that no failure holds it
	if err := ctx.Err(); err != nil {
		return &failure{request: r, err: providers.Unanswered(err)}
	}
	if err := s.pace().Wait(ctx); err != nil {
		var held *pace.Held
		if errors.As(err, &held) {
			return &failure{request: r, kind: kindOf(providers.Limited), words: held.Error(), retryAfter: held.After()}
		}
		return &failure{request: r, err: providers.Unanswered(err)}
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()

	req := s.client.NewRequest(r.method, "/v1/"+r.path)
	req.ClientToken = token
	req.Params = r.query
	if r.method == http.MethodPatch {
		req.Headers.Set("Content-Type", "application/merge-patch+json")
	}
	if content != nil {
		if err := req.SetJSONBody(content); err != nil {
			return &failure{request: r, err: errors.New("the request cannot be encoded as JSON")}
		}
	}
	//nolint:staticcheck // SA1019: what is to replace it hides Retry-After and decodes values, so that foreign fields would change
	resp, err := s.client.RawRequestWithContext(ctx, req)
	if resp == nil || resp.Response == nil {
		return &failure{request: r, err: providers.Unanswered(err)}
	}
	defer resp.Body.Close()
	body, readErr := io.ReadAll(resp.Body) // bounded
	if resp.StatusCode < 200 || resp.StatusCode >= 300 {
		f := s.refused(r, resp, err, body)
		if f.status == http.StatusTooManyRequests {
			s.pace().Limited(f.retryAfter)
		}
		return f
	}
	if err = errors.Join(err, readErr); err != nil {
		return &failure{request: r, err: providers.Unanswered(err)}
	}
	if into == nil || len(body) == 0 {
		return nil
	}
	if json.Unmarshal(body, into) != nil {
		return &failure{request: r, err: errors.New("the answer is not the JSON that Vault gives")}
	}
	return nil
}

// call makes one request with the session's token. A request that was refused
// because the token has ended had no effect; it is sent once more after a new
// login.
func (s *Store) call(ctx context.Context, r request, into any) error {
	token, err := s.session.token(ctx)
	if err != nil {
		return &loginError{err}
	}
	err = s.send(ctx, token, r, into)
	if statusOf(err) != http.StatusForbidden {
		return err
	}
	renewed, again := s.session.replace(ctx, token)
	if again != nil {
		return &loginError{again}
	}
	if renewed == "" {
		return err
	}
	return s.send(ctx, renewed, r, into)
}

// loginError is a login that failed, before the request that needed it.
type loginError struct{ err error }

func (e *loginError) Error() string { return "login: " + e.err.Error() }
func (e *loginError) Unwrap() error { return e.err }

func (s *Store) refused(r request, resp *api.Response, err error, body []byte) *failure {
	f := &failure{request: r, status: resp.StatusCode}
	if to, err := resp.Location(); err == nil {
		f.redirected = to.Scheme + "://" + to.Host
	}
	var about struct {
		Data struct {
			Metadata *versionAnswer `json:"metadata"`
		} `json:"data"`
	}
	f.ofVersion = json.Unmarshal(body, &about) == nil && about.Data.Metadata != nil
	var said *api.ResponseError
	if errors.As(err, &said) && !said.RawError {
		f.said = said.Errors
	}
	if after := resp.Header.Get("Retry-After"); after != "" {
		if seconds, err := strconv.Atoi(after); err == nil && seconds > 0 {
			f.retryAfter = time.Duration(seconds) * time.Second
		} else if at, err := http.ParseTime(after); err == nil {
			f.retryAfter = max(0, at.Sub(s.now()))
		}
	}
	return f
}
