package wandb

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/keyrota/keyrota/providers"
)

var _ providers.Exchanger = (*Issuer)(nil)

const (
	grantJWTBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer" // RFC 7523
	hintJWT        = "check the JWT: iss is an issuer that is registered with the organization, sub is the account's subject, aud is the organization's name, exp is in the future"
)

// Exchange trades a JWT for an access token, in one request.
func (i *Issuer) Exchange(ctx context.Context, jwt providers.Secret) (providers.Token, error) {
	c := &call{issuer: i, op: "exchange a JWT", key: jwt, bearer: true}
	if jwt.Empty() {
		return providers.Token{}, c.fail(providers.Denied, errors.New("the JWT is empty"), "")
	}
	form := url.Values{"grant_type": {grantJWTBearer}, "assertion": {jwt.Expose()}}.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, i.base.JoinPath("oidc", "token").String(), strings.NewReader(form))
	if err != nil {
		return providers.Token{}, c.fail(providers.Invalid, errors.New("the request cannot be made"), "")
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sent := time.Now()
	answer, err := c.send(ctx, i.http, r)
	if err != nil {
		return providers.Token{}, err
	}
	defer answer.Body.Close()
	if !c.date.IsZero() {
		sent = c.date
	}
	token, err := c.token(ctx, answer, sent)
	c.heed(answer.Header, err)
	return token, err
}

// token reads the answer to an exchange. What was read is wiped.
func (c *call) token(ctx context.Context, answer *http.Response, at time.Time) (providers.Token, error) {
	text, err := c.read(ctx, answer)
	defer clear(text)
	if err != nil {
		return providers.Token{}, err
	}
	var body struct {
		AccessToken string  `json:"access_token"`
		ExpiresIn   float64 `json:"expires_in"`
		Error       string  `json:"error"`
		Description string  `json:"error_description"`
	}
	// The decoder's errors are not repeated: they may quote the answer.
	understood := json.Unmarshal(text, &body) == nil
	switch {
	case answer.StatusCode != http.StatusOK:
		return providers.Token{}, c.rejected(answer, body.Error, body.Description, understood)
	case !understood || body.AccessToken == "" || body.ExpiresIn <= 0:
		return providers.Token{}, c.fail(providers.Transient, errors.New("the answer is not an access token and for how long it is valid"), hintURL)
	}
	return providers.Token{
		Access:  providers.NewSecret(body.AccessToken),
		Expires: at.Add(time.Duration(min(body.ExpiresIn, (365*24*time.Hour).Seconds()) * float64(time.Second))),
	}, nil
}

// rejected makes the error of an exchange that the server refused, by the words
// of RFC 6749, section 5.2: 4xx is a rejection that another try does not heal.
func (c *call) rejected(answer *http.Response, code, description string, understood bool) error {
	if description == "" {
		description = code
	}
	var words []json.RawMessage
	if text, err := json.Marshal(description); err == nil && description != "" {
		words = append(words, text)
	}
	err := c.refused(answer, words, understood)
	var e *providers.Error
	var r *refusal
	if !errors.As(err, &e) || !errors.As(err, &r) {
		return err
	}
	switch status := answer.StatusCode; {
	case status < 400 || status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status == http.StatusTooEarly:
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed || code == "unsupported_grant_type":
		e.Kind, e.Hint, e.RetryAfter = providers.Invalid, "this server exchanges no JWTs: identity federation is not set up there, or wandb.url is not its address", 0
	default:
		e.Kind, e.Hint, e.RetryAfter = providers.Denied, hintJWT, 0
		// It is about the JWT, whatever the words are.
		r.badKey = true
	}
	return err
}

// Bearer says whose an access token is, as Identify does of a key.
func (i *Issuer) Bearer(ctx context.Context, access providers.Secret) (providers.Identity, error) {
	c := &call{issuer: i, op: "identify an access token", key: access, bearer: true}
	if access.Empty() {
		return providers.Identity{}, c.fail(providers.Denied, errors.New("the value is empty"), "")
	}
	return c.identity(ctx)
}
