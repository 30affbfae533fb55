package vault

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/hashicorp/vault/api"

	"github.com/keyrota/keyrota/providers"
)

// login gives a new token by the configured way.
func (s *Store) login(ctx context.Context) (grant, error) {
	a := s.config.Auth
	switch {
	case a.AppRole != nil:
		return s.loginAppRole(ctx, *a.AppRole)
	case a.Kubernetes != nil:
		jwt, err := os.ReadFile(a.Kubernetes.TokenPath)
		if err != nil {
			return grant{}, loginFailed(err, "auth.kubernetes.token_path names the file of the pod's service account token")
		}
		return s.loginWith(ctx, a.Kubernetes.Mount, map[string]string{
			"role": a.Kubernetes.Role, "jwt": strings.TrimSpace(string(jwt)),
		}, "is the service account bound to this role? `vault read auth/"+a.Kubernetes.Mount+"/role/"+a.Kubernetes.Role+"`")
	case a.JWT != nil:
		jwt, err := s.resolve(ctx, a.JWT.Token)
		if err != nil {
			return grant{}, err
		}
		body := map[string]string{"jwt": jwt}
		if a.JWT.Role != "" {
			body["role"] = a.JWT.Role
		}
		return s.loginWith(ctx, a.JWT.Mount, body,
			"do the role's bound audience and claims fit the token? `vault read auth/"+a.JWT.Mount+"/role/ROLE`")
	case a.Token != "":
		token, err := s.resolve(ctx, a.Token)
		if err != nil {
			return grant{}, err
		}
		return s.loginToken(ctx, token, "put a new token at "+a.Token)
	}
	token := os.Getenv(api.EnvVaultToken)
	if token == "" {
		return grant{}, loginFailed(errors.New("there is no way to log in"), "set VAULT_TOKEN, or write auth with one of token, approle, kubernetes, jwt")
	}
	return s.loginToken(ctx, token, "put a new token into VAULT_TOKEN")
}

// loginToken asks how long a given token lives. A token whose policy does not
// let it ask is used for as long as it works.
func (s *Store) loginToken(ctx context.Context, token, hint string) (grant, error) {
	token = strings.TrimSpace(token)
	g, err := s.lookup(ctx, token)
	switch {
	case err == nil:
		return g, nil
	case said(err, saidInvalid):
		return grant{}, loginFailed(errors.New("the token is not valid, or has ended"), hint)
	case statusOf(err) == http.StatusForbidden:
		return grant{token: providers.NewSecret(token)}, nil
	}
	return grant{}, err
}

// loginWith posts to an auth method's login endpoint (Vault API docs, "AppRole",
// "Kubernetes", "JWT/OIDC": Login).
func (s *Store) loginWith(ctx context.Context, mount string, body map[string]string, hint string) (grant, error) {
	r := request{method: http.MethodPost, path: "auth/" + mount + "/login", body: body}
	var a tokenAnswer
	if err := s.send(ctx, "", r, &a); err != nil {
		return grant{}, loginRefused(err, body, hint)
	}
	return a.grant(r)
}

// loginRefused takes a refused login for what it is, a credential that is not
// valid, whatever status the auth method answers with. Its words are repeated
// unless they hold what was sent.
func loginRefused(err error, sent map[string]string, hint string) error {
	var f *failure
	if !errors.As(err, &f) || f.status < 400 || f.status >= 500 || f.status == http.StatusTooManyRequests {
		return err
	}
	for _, value := range sent {
		for _, words := range f.said {
			if strings.Contains(words, value) {
				f.request.values = true
			}
		}
	}
	f.kind, f.hint = kindOf(providers.Denied), hint
	return f
}

func loginFailed(err error, hint string) error {
	return &failure{kind: kindOf(providers.Denied), words: err.Error(), err: err, hint: hint}
}

// unwrapped is the secret id that a wrapping token gave, which gives it once.
type unwrapped struct {
	mu       sync.Mutex
	wrapping string
	secretID string
}

func (s *Store) loginAppRole(ctx context.Context, a AppRole) (grant, error) {
	body := map[string]string{"role_id": a.RoleID}
	if a.SecretID != "" {
		value, err := s.resolve(ctx, a.SecretID)
		if err != nil {
			return grant{}, err
		}
		if a.Wrapped {
			if value, err = s.unwrap(ctx, a, value); err != nil {
				return grant{}, err
			}
		}
		body["secret_id"] = value
	}
	return s.loginWith(ctx, a.Mount, body, "is the secret id used up or too old? make another: `vault write -f auth/"+a.Mount+"/role/ROLE/secret-id`")
}

// unwrap exchanges a wrapping token for the secret id in it, after checking
// that it was made where secret ids are made: who swaps it would otherwise
// choose the role that we work as.
func (s *Store) unwrap(ctx context.Context, a AppRole, wrapping string) (string, error) {
	s.unwrapped.mu.Lock()
	defer s.unwrapped.mu.Unlock()
	if s.unwrapped.wrapping == wrapping {
		return s.unwrapped.secretID, nil
	}
	hint := "a wrapping token works once: if nobody of yours used it, someone else did; make another with `vault write -wrap-ttl=10m -f auth/" + a.Mount + "/role/ROLE/secret-id`"
	var looked struct {
		Data struct {
			CreationPath string `json:"creation_path"`
		} `json:"data"`
	}
	if err := s.send(ctx, "", request{
		method: http.MethodPost, path: "sys/wrapping/lookup", body: map[string]string{"token": wrapping}, values: true,
	}, &looked); err != nil {
		return "", loginRefused(err, nil, hint)
	}
	made := strings.HasPrefix(looked.Data.CreationPath, "auth/"+a.Mount+"/role/") && strings.HasSuffix(looked.Data.CreationPath, "/secret-id")
	if !made {
		return "", loginFailed(errors.New("the wrapping token wraps no secret id of auth/"+a.Mount), hint)
	}
	var got struct {
		Data struct {
			SecretID string `json:"secret_id"`
		} `json:"data"`
	}
	if err := s.send(ctx, wrapping, request{method: http.MethodPost, path: "sys/wrapping/unwrap", values: true}, &got); err != nil {
		return "", loginRefused(err, nil, hint)
	}
	s.unwrapped.wrapping, s.unwrapped.secretID = wrapping, got.Data.SecretID
	return got.Data.SecretID, nil
}

func (s *Store) resolve(ctx context.Context, ref string) (string, error) {
	secret, err := s.options.Resolve(ctx, ref)
	if err != nil {
		kind := providers.Denied
		var told *providers.Error
		if errors.As(err, &told) {
			kind = told.Kind // of the store that the reference leads to
		}
		return "", &failure{kind: &kind, words: err.Error(), err: err, retryAfter: providers.RetryAfterOf(err), hint: "the reference is " + ref}
	}
	if secret.Empty() {
		return "", loginFailed(errors.New("nothing stands behind "+ref), "")
	}
	return strings.TrimSpace(secret.Expose()), nil
}
