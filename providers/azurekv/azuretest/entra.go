package azuretest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	operationToken  = "Token"
	identityHeader  = "CANARY-identity-header-0123456789-0123456789"
	exchange        = "api://AzureADTokenExchange"
	jwtBearer       = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	assertionLife   = time.Hour
	subjectPrefix   = "system:serviceaccount:keyrota:"
	pathAppService  = "/msi/token"
	pathIMDS        = "/metadata/identity/oauth2/token"
	pathMetadata    = "/v2.0/.well-known/openid-configuration"
	pathTokens      = "/oauth2/v2.0/token"
	codeNoMatch     = 700213
	codeNoApp       = 700016
	codeNoTenant    = 90002
	codeExpired     = 700024
	codeBadResource = 500011
)

// Assertion returns a token of an application's workload, as a cluster would
// put one into its pod. It expires after a while; a negative one is past.
func (s *Server) Assertion(a App, life time.Duration) string {
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`))
	claims, _ := json.Marshal(map[string]any{ // strings and a number always encode
		"iss": s.Authority + "/cluster", "sub": subjectPrefix + a.Client, "aud": exchange,
		"exp": s.options.Now().Add(life).Unix(), "note": "CANARY-assertion-0123456789-0123456789-0123456789",
	})
	signed := header + "." + base64.RawURLEncoding.EncodeToString(claims)
	return signed + "." + s.sign(signed)
}

func (s *Server) sign(text string) string {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// WorkloadIdentity writes an application's assertion into a directory and
// returns the environment that Azure's webhook gives a pod, as "NAME=value".
func (s *Server) WorkloadIdentity(a App, dir string) ([]string, error) {
	path := filepath.Join(dir, "azure-identity-token")
	if err := os.WriteFile(path, []byte(s.Assertion(a, assertionLife)), 0o600); err != nil {
		return nil, fmt.Errorf("azuretest: %w", err)
	}
	return []string{
		"AZURE_AUTHORITY_HOST=" + s.Authority + "/", "AZURE_CLIENT_ID=" + a.Client,
		"AZURE_TENANT_ID=" + Tenant, "AZURE_FEDERATED_TOKEN_FILE=" + path,
	}, nil
}

// ManagedIdentity returns the environment that App Service gives a program, as
// "NAME=value". The identity is asked for by its client id.
func (s *Server) ManagedIdentity() []string {
	return []string{"IDENTITY_ENDPOINT=" + s.Authority + pathAppService, "IDENTITY_HEADER=" + identityHeader}
}

// entra answers what of Entra ID, and of the endpoints of managed identities,
// gives tokens.
func (s *Server) entra(w http.ResponseWriter, r *http.Request) {
	if !strings.HasSuffix(r.URL.Path, pathMetadata) {
		if answered := s.troubled(w, r, Call{Operation: operationToken}); answered {
			return
		}
	}
	switch {
	case r.URL.Path == pathAppService:
		s.managed(w, r, r.Header.Get("X-IDENTITY-HEADER") == identityHeader)
	case r.URL.Path == pathIMDS:
		s.managed(w, r, r.Header.Get("Metadata") == "true")
	case strings.HasSuffix(r.URL.Path, pathMetadata):
		tenant := strings.Trim(strings.TrimSuffix(r.URL.Path, pathMetadata), "/")
		if tenant != Tenant {
			refuse(w, http.StatusBadRequest, "invalid_tenant", codeNoTenant)
			return
		}
		base := s.Authority + "/" + tenant
		answer(w, http.StatusOK, map[string]any{
			"issuer": base + "/v2.0", "token_endpoint": base + pathTokens, "authorization_endpoint": base + "/oauth2/v2.0/authorize",
			"jwks_uri": base + "/discovery/v2.0/keys", "subject_types_supported": []string{"pairwise"},
			"token_endpoint_auth_methods_supported": []string{"private_key_jwt"},
		})
	case strings.HasSuffix(r.URL.Path, pathTokens) && r.Method == http.MethodPost:
		s.federated(w, r)
	default:
		http.NotFound(w, r)
	}
}

// troubled counts a call and says whether a fault has answered it.
func (s *Server) troubled(w http.ResponseWriter, r *http.Request, c Call) bool {
	s.mu.Lock()
	s.count(c.Operation)
	f, unreachable, latency := s.takeFault(c), s.unreachable, s.latency
	s.mu.Unlock()
	if unreachable || f.Refuse || !s.wait(r.Context(), latency+f.Delay) || f.Before != nil && f.Before(c) != nil {
		cut()
	}
	if f.Error != nil {
		answer(w, f.Error.Status, map[string]any{"error": f.Error.Code, "error_description": f.Error.Message})
		return true
	}
	return false
}

// federated exchanges an assertion for an access token.
func (s *Server) federated(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		refuse(w, http.StatusBadRequest, "invalid_request", 900144)
		return
	}
	client := r.PostForm.Get("client_id")
	audience := ""
	for scope := range strings.FieldsSeq(r.PostForm.Get("scope")) {
		if resource, ok := strings.CutSuffix(scope, "/.default"); ok {
			audience = resource
		}
	}
	s.mu.Lock()
	_, known := s.grants[grant{client, ""}]
	s.mu.Unlock()
	switch {
	case !known:
		refuse(w, http.StatusBadRequest, "unauthorized_client", codeNoApp)
		return
	case r.PostForm.Get("grant_type") != "client_credentials" || r.PostForm.Get("client_assertion_type") != jwtBearer:
		refuse(w, http.StatusBadRequest, "unsupported_grant_type", 70003)
		return
	}
	parts := strings.Split(r.PostForm.Get("client_assertion"), ".")
	if len(parts) != 3 || s.sign(parts[0]+"."+parts[1]) != parts[2] {
		refuse(w, http.StatusUnauthorized, "invalid_client", codeNoMatch)
		return
	}
	var claims struct {
		Sub, Aud string
		Exp      int64
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(text, &claims) != nil || claims.Sub != subjectPrefix+client || claims.Aud != exchange {
		refuse(w, http.StatusUnauthorized, "invalid_client", codeNoMatch)
		return
	}
	if s.options.Now().Unix() >= claims.Exp {
		refuse(w, http.StatusUnauthorized, "invalid_client", codeExpired)
		return
	}
	s.give(w, client, audience)
}

// managed gives a token to a managed identity.
func (s *Server) managed(w http.ResponseWriter, r *http.Request, trusted bool) {
	client := r.URL.Query().Get("client_id")
	s.mu.Lock()
	_, known := s.grants[grant{client, ""}]
	s.mu.Unlock()
	if !trusted || !known {
		refuse(w, http.StatusBadRequest, "invalid_request", codeNoApp)
		return
	}
	s.give(w, client, r.URL.Query().Get("resource"))
}

func (s *Server) give(w http.ResponseWriter, client, audience string) {
	if !s.isResource(audience) {
		refuse(w, http.StatusBadRequest, "invalid_resource", codeBadResource)
		return
	}
	s.mu.Lock()
	value, t := s.issue(client, audience)
	s.mu.Unlock()
	answer(w, http.StatusOK, map[string]any{
		"token_type": "Bearer", "access_token": value, "expires_in": int(s.options.TokenLife.Seconds()),
		"expires_on": strconv.FormatInt(t.expires.Unix(), 10), "resource": audience,
	})
}

func (s *Server) isResource(audience string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.vaults {
		if v.Resource == audience {
			return true
		}
	}
	return false
}

// refuse answers as Entra ID does, with a canary in what must not be repeated.
func refuse(w http.ResponseWriter, status int, code string, number int) {
	answer(w, status, map[string]any{
		"error": code, "error_codes": []int{number}, "correlation_id": randomHex(16),
		"error_description": fmt.Sprintf("AADSTS%d: CANARY-description-0123456789-0123456789-0123456789", number),
	})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone
}
