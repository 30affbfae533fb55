package federation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
)

// longestJWT is a bound on the size of a JWT, in bytes.
const longestJWT = 64 << 10

// jwt gets the account's JWT from where the configuration says. Every error is
// a *providers.Error.
func (w *Worker) jwt(ctx context.Context, a Account) (providers.Secret, Claims, error) {
	i := a.config.Identity
	var jwt providers.Secret
	var err error
	if i.TokenFile != "" {
		jwt, err = readJWT(i.TokenFile)
	} else {
		err = w.Call.Read(ctx, identityService, "token", func(ctx context.Context) (err error) {
			jwt, err = w.fetch(ctx, i)
			return err
		})
	}
	if err != nil {
		return providers.Secret{}, Claims{}, err
	}
	claims, err := claimsOf(jwt)
	if err != nil {
		return providers.Secret{}, Claims{}, fail(i, providers.Invalid, err, "have it hold the JWT alone, three parts with dots between them")
	}
	return jwt, claims, nil
}

// from names where a JWT comes from.
func from(i *config.Identity) string {
	if i.TokenFile != "" {
		return "token_file " + i.TokenFile
	}
	if u, err := url.Parse(i.TokenURL); err == nil {
		return "token_url " + u.Scheme + "://" + u.Host + u.Path // what follows may be a credential
	}
	return "token_url"
}

func fail(i *config.Identity, kind providers.Kind, err error, hint string) error {
	return &providers.Error{Provider: "identity", Op: "get a JWT from", Name: from(i), Kind: kind, Err: err, Hint: hint}
}

// readJWT reads a file that holds a JWT.
func readJWT(file string) (providers.Secret, error) {
	i := &config.Identity{TokenFile: file}
	if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
		return providers.Secret{}, fail(i, providers.Invalid, errors.New("it is no regular file"), "name the file that holds the JWT")
	}
	f, err := os.Open(file)
	if err != nil {
		return providers.Secret{}, fail(i, providers.Denied, reasonOf(err), "have whoever runs the job put the JWT there, readable by keyrota")
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, longestJWT+1))
	switch {
	case err != nil:
		return providers.Secret{}, fail(i, providers.Denied, reasonOf(err), "have whoever runs the job put the JWT there, readable by keyrota")
	case len(text) > longestJWT:
		return providers.Secret{}, fail(i, providers.Invalid, errors.New("it is too long for a JWT"), "name the file that holds the JWT alone")
	case strings.TrimSpace(string(text)) == "":
		return providers.Secret{}, fail(i, providers.Denied, errors.New("it is empty"), "have whoever runs the job put the JWT there")
	}
	return providers.NewSecret(strings.TrimSpace(string(text))), nil
}

// reasonOf is why a file cannot be read, without its name, which is told.
func reasonOf(err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// fetchTimeout bounds one request to an identity provider.
const fetchTimeout = 30 * time.Second

// fetch asks an identity provider for a JWT by client credentials (RFC 6749,
// section 4.4).
func (w *Worker) fetch(ctx context.Context, i *config.Identity) (providers.Secret, error) {
	secret, err := w.Resolve(ctx, i.ClientSecret.String())
	if err != nil {
		return providers.Secret{}, fail(i, providers.KindOf(err), fmt.Errorf("reading client_secret: %w", err), "")
	}
	transport, err := providers.Transport(i.CAFile)
	if err != nil {
		return providers.Secret{}, fail(i, providers.Invalid, err, "")
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: providers.Bounded{RoundTripper: transport}, CheckRedirect: providers.NoRedirect, Timeout: fetchTimeout}
	form := url.Values{"grant_type": {"client_credentials"}}
	for name, value := range map[string]string{"scope": i.Scope, "audience": i.Audience} {
		if value != "" {
			form.Set(name, value)
		}
	}
	jwt, err := ask(ctx, client, i, form, &secret)
	var r *refusal
	if errors.As(err, &r) && r.code == "invalid_client" {
		// The other of the two ways in which a client says who it is (RFC 6749,
		// section 2.3.1): some providers take this alone.
		form.Set("client_id", i.ClientID)
		form.Set("client_secret", secret.Expose())
		jwt, err = ask(ctx, client, i, form, nil)
	}
	return jwt, err
}

// refusal is an answer without a token (RFC 6749, section 5.2). The provider's
// own words are left out: they may repeat what it was sent.
type refusal struct {
	status int
	code   string
}

func (r *refusal) Error() string {
	words := fmt.Sprintf("it answered HTTP %d %s", r.status, http.StatusText(r.status))
	if r.code != "" {
		words += ", " + r.code
	}
	return words
}

var errorCode = regexp.MustCompile(`^[a-z_]{1,40}$`)

// ask sends one request. basic is the client's secret, where it goes into the
// header; else it is in the form.
func ask(ctx context.Context, client *http.Client, i *config.Identity, form url.Values, basic *providers.Secret) (providers.Secret, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, i.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return providers.Secret{}, fail(i, providers.Invalid, errors.New("the request cannot be made"), "check token_url")
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	if basic != nil {
		r.SetBasicAuth(url.QueryEscape(i.ClientID), url.QueryEscape(basic.Expose()))
	}
	answer, err := client.Do(r)
	if err != nil {
		return providers.Secret{}, fail(i, providers.Transient, providers.Unanswered(err), "check that this machine reaches the identity provider, and ca_file")
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	defer clear(text)
	if err != nil {
		return providers.Secret{}, fail(i, providers.Transient, providers.Unanswered(err), "")
	}
	var body struct {
		Access string `json:"access_token"`
		ID     string `json:"id_token"`
		Error  string `json:"error"`
	}
	understood := json.Unmarshal(text, &body) == nil // its error would quote the answer
	if answer.StatusCode != http.StatusOK {
		return providers.Secret{}, refused(i, answer, body.Error)
	}
	for _, token := range []string{body.ID, body.Access} {
		if strings.Count(token, ".") == 2 {
			return providers.NewSecret(token), nil
		}
	}
	if !understood {
		return providers.Secret{}, fail(i, providers.Invalid, errors.New("the answer is not the JSON of a token endpoint"), "check token_url: it is token_endpoint in the provider's .well-known/openid-configuration")
	}
	return providers.Secret{}, fail(i, providers.Invalid, errors.New("the answer has no JWT in it: its access token is of another kind"), "have the identity provider give JWTs to this client, with audience: or scope: where it needs one for that")
}

func refused(i *config.Identity, answer *http.Response, code string) error {
	r := &refusal{status: answer.StatusCode}
	if errorCode.MatchString(code) {
		r.code = code
	}
	kind, hint := providers.Invalid, "check token_url, scope and audience"
	switch status := answer.StatusCode; {
	case status == http.StatusTooManyRequests:
		kind, hint = providers.Limited, ""
	case status >= 500, status == http.StatusRequestTimeout:
		kind, hint = providers.Transient, ""
	case status == http.StatusUnauthorized, r.code == "invalid_client":
		kind, hint = providers.Denied, "check client_id, and what client_secret leads to"
	case status == http.StatusForbidden, r.code == "unauthorized_client", r.code == "invalid_scope":
		kind, hint = providers.Denied, "allow this client client credentials, and the scope and audience that it asks for"
	}
	return fail(i, kind, r, hint)
}
