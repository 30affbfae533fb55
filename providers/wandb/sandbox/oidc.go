package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	grantJWTBearer      = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	accessTokenLifetime = time.Hour
	accessTokenLength   = 64
)

// errIssuerUnreachable is a failure of the JWT issuer, not of the token: worth another try.
var errIssuerUnreachable = errors.New("the JWT issuer's keys cannot be fetched")

// algorithms are the signatures accepted; none of them is made with a shared secret.
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// serveTokenExchange is RFC 7523: a JWT of a registered issuer for an access token.
func (s *Server) serveTokenExchange(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if r.PostFormValue("grant_type") != grantJWTBearer {
		oauthError(http.StatusBadRequest, "unsupported_grant_type", "the grant type is not "+grantJWTBearer).write(w)
		return
	}
	assertion := r.PostFormValue("assertion")
	r.Header.Del("Authorization") // the assertion is the credential
	// The issuer is asked outside of the lock.
	claims, checkErr := s.checkJWT(r.Context(), assertion)
	s.perform(w, r, []string{"oidc/token"}, func(q *request) answer {
		switch {
		case errors.Is(checkErr, errIssuerUnreachable):
			return oauthError(http.StatusServiceUnavailable, "temporarily_unavailable", checkErr.Error())
		case checkErr != nil:
			return oauthError(http.StatusBadRequest, "invalid_grant", checkErr.Error())
		}
		owner := q.world.subject(claims.Subject)
		if owner == nil {
			return oauthError(http.StatusBadRequest, "invalid_grant", "no external service account or person has the token's subject")
		}
		token, err := randomText(s.options.Rand, accessTokenLength)
		if err != nil {
			return oauthError(http.StatusInternalServerError, "server_error", err.Error())
		}
		q.world.tokens[hashKey(token)] = accessToken{owner, q.now.Add(accessTokenLifetime)}
		return jsonAnswer(http.StatusOK, map[string]any{
			"access_token": token, "token_type": "Bearer", "expires_in": int(accessTokenLifetime.Seconds()),
		})
	})
}

func oauthError(status int, code, description string) answer {
	return jsonAnswer(status, map[string]string{"error": code, "error_description": description})
}

// subject finds whom a JWT speaks for: an external account by its subject, a person by e-mail address.
func (w *world) subject(subject string) *account {
	if subject == "" {
		return nil
	}
	for _, a := range w.accounts {
		if !a.deleted() && (a.scope == ScopeExternal && a.subject == subject || !a.isService() && a.email == subject) {
			return a
		}
	}
	return nil
}

// checkJWT verifies signature, issuer, audience and times.
func (s *Server) checkJWT(ctx context.Context, assertion string) (jwt.Claims, error) {
	token, err := jwt.ParseSigned(assertion, algorithms)
	if err != nil {
		return jwt.Claims{}, errors.New("the assertion is not a signed JWT")
	}
	var unverified jwt.Claims
	if err := token.UnsafeClaimsWithoutVerification(&unverified); err != nil {
		return jwt.Claims{}, errors.New("the JWT's claims cannot be read")
	}
	s.mu.Lock()
	issuers, organization := slices.Clone(s.world.jwtIssuers), s.world.organization
	s.mu.Unlock()
	i := slices.IndexFunc(issuers, func(issuer JWTIssuer) bool { return issuer.URL == unverified.Issuer })
	if i < 0 {
		return jwt.Claims{}, errors.New("the JWT's issuer is not registered with the organization")
	}
	keys, err := s.fetchKeys(ctx, issuers[i].URL)
	if err != nil {
		return jwt.Claims{}, fmt.Errorf("%w: %w", errIssuerUnreachable, err)
	}
	var claims jwt.Claims
	if err := token.Claims(keys, &claims); err != nil {
		return jwt.Claims{}, errors.New("no key of the issuer verifies the JWT's signature")
	}
	if claims.Expiry == nil {
		return jwt.Claims{}, errors.New("the JWT never expires")
	}
	expected := jwt.Expected{Issuer: issuers[i].URL, Time: s.options.Now()}
	if !issuers[i].AnyAudience {
		expected.AnyAudience = jwt.Audience{organization}
	}
	if err := claims.ValidateWithLeeway(expected, 0); err != nil {
		return jwt.Claims{}, fmt.Errorf("the JWT is refused: %w", err)
	}
	return claims, nil
}

// fetchKeys reads the issuer's discovery document and its keys (OpenID Connect Discovery 1.0).
func (s *Server) fetchKeys(ctx context.Context, issuer string) (*jose.JSONWebKeySet, error) {
	var discovery struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := s.fetchJSON(ctx, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration", &discovery); err != nil {
		return nil, err
	}
	if discovery.Issuer != issuer {
		return nil, fmt.Errorf("the discovery document is of another issuer, %q", discovery.Issuer)
	}
	keys := &jose.JSONWebKeySet{}
	return keys, s.fetchJSON(ctx, discovery.JWKSURI, keys)
}

func (s *Server) fetchJSON(ctx context.Context, url string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := s.options.HTTPClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, response.Status)
	}
	return json.NewDecoder(io.LimitReader(response.Body, maxBody)).Decode(into)
}
