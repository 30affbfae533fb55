package federation_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/keyrota/keyrota/sync/federation"
)

// What a JWT from a file is found to be, step by step, and what W&B makes of it.
func TestTryFile(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*jwt.Claims)
		more    string // of identity:
		works   bool
		unknown bool
		fails   string // the steps that fail
		words   string
	}{
		"good":             {works: true},
		"with checks":      {more: ", audience: acme", works: true},
		"several names":    {change: func(c *jwt.Claims) { c.Audience = jwt.Audience{"vault", "acme"} }, more: ", audience: acme", works: true},
		"another subject":  {change: func(c *jwt.Claims) { c.Subject = "nobody" }, fails: "sub exchange", words: `sub is "nobody", and the account's subject is "system:serviceaccount:ml:train"`},
		"another's":        {change: func(c *jwt.Claims) { c.Subject = "other" }, fails: "sub account", words: `the access token is of "eval" in team "ml", not of this account`},
		"a person's":       {change: func(c *jwt.Claims) { c.Subject = "max@acme.example" }, fails: "sub account", words: "the access token is of a person"},
		"another issuer":   {change: func(c *jwt.Claims) { c.Issuer = "https://idp.example" }, more: ", jwt_issuer: \"https://other.example\"", fails: "iss exchange", words: `iss is "https://idp.example", and jwt_issuer is "https://other.example"`},
		"another audience": {change: func(c *jwt.Claims) { c.Audience = jwt.Audience{"vault"} }, more: ", audience: acme", fails: "aud exchange", words: `aud is "vault", and audience is "acme"`},
		"ended":            {change: func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(begin.Add(-time.Second)) }, fails: "exp exchange", words: "it ended at 2026-03-02T07:59:59Z"},
		"without an end":   {change: func(c *jwt.Claims) { c.Expiry = nil }, fails: "exp exchange", words: "it has no exp"},
		"not yet good":     {change: func(c *jwt.Claims) { c.NotBefore = jwt.NewNumericDate(begin.Add(time.Hour)) }, fails: "nbf exchange", words: "not good before 2026-03-02T09:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			text := s.jwt(c.change)
			s.file(text + "\n")
			trial := s.worker.Try(t.Context(), s.account("token_file: jwt"+c.more))
			var fails []string
			for _, step := range trial.Steps {
				if !step.OK {
					fails = append(fails, step.What)
				}
			}
			if got := strings.Join(fails, " "); got != c.fails || trial.Works() != c.works || !strings.Contains(trial.Words(), c.words) {
				t.Errorf("works: %t, fails: %s\n%+v", trial.Works(), got, trial.Steps)
			}
			if c.works && (trial.Account == "" || !trial.Claims.Expires.Equal(begin.Add(time.Hour))) {
				t.Errorf("%+v", trial)
			}
			said := ""
			for _, step := range trial.Steps {
				said += step.Words + step.Hint
			}
			clean(t, said, text)
		})
	}
}

// What is no JWT is not sent anywhere.
func TestNoJWT(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "an API key": "local-CANARY-0123456789-0123456789-0123456789", "two parts": "a.b", "not base64": "a.?.c", "not JSON": "a.YQ.c", "a wrong time": "a.eyJleHAiOjFlOTl9.c", "very long": strings.Repeat("x", 70000),
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.file(text)
			a := s.account("token_file: jwt")
			trial := s.worker.Try(t.Context(), a)
			if trial.Works() || len(trial.Steps) != 1 || trial.Steps[0].What != "jwt" || s.server.Calls("oidc/token") != 0 {
				t.Errorf("%+v", trial)
			}
			if strings.Contains(trial.Words(), "CANARY") {
				t.Error(trial.Words())
			}
		})
	}
	s := newStage(t)
	if trial := s.worker.Try(t.Context(), s.account("token_file: jwt")); trial.Works() || !strings.Contains(trial.Words(), "token_file "+s.dir+"/jwt: no such file") {
		t.Error(trial.Words())
	}
}

// An identity provider gives a JWT for client credentials, whichever of the two
// ways it takes them; what it answers otherwise is told, and never repeated.
func TestIdentityProvider(t *testing.T) {
	status := func(code int, body string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(code)
			_, _ = w.Write([]byte(body))
			return true
		}
	}
	for name, c := range map[string]struct {
		answer  func(http.ResponseWriter, *http.Request) bool
		posted  bool
		works   bool
		unknown bool
		words   string
	}{
		"by header":       {works: true},
		"by form":         {posted: true, works: true},
		"an opaque token": {answer: status(200, `{"access_token": "CANARY-0123456789012345678901234567890123456789"}`), words: "the answer has no JWT in it"},
		"no JSON":         {answer: status(200, `<CANARY-0123456789012345678901234567890123456789>`), words: "not the JSON of a token endpoint"},
		"refused":         {answer: status(401, `{"error": "invalid_client", "error_description": "`+clientSecret+`"}`), words: "HTTP 401 Unauthorized, invalid_client (check client_id"},
		"not allowed":     {answer: status(400, `{"error": "unauthorized_client"}`), words: "HTTP 400 Bad Request, unauthorized_client (allow this client"},
		"odd code":        {answer: status(400, `{"error": "`+clientSecret+`"}`), words: "HTTP 400 Bad Request (check token_url"},
		"elsewhere":       {answer: status(302, ``), words: "HTTP 302 Found"},
		"unwell":          {answer: status(503, ``), unknown: true, words: "HTTP 503"},
		"too many":        {answer: status(429, ``), unknown: true, words: "HTTP 429"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.answer, s.posted = c.answer, c.posted
			f := s.account(s.byServer(""))
			trial := s.worker.Try(t.Context(), f)
			if trial.Works() != c.works || !strings.Contains(trial.Words(), c.words) || !c.works && trial.Steps[0].Unknown != c.unknown {
				t.Errorf("%+v", trial.Steps)
			}
			clean(t, trial.Words())
			if strings.Contains(trial.Words(), "CANARY") {
				t.Error(trial.Words())
			}
			check := s.worker.Check(t.Context(), f)
			if check.Works != c.works || check.Unclear != c.unknown || !check.Renewed || check.Expires.IsZero() == c.works || !check.At.Equal(begin) {
				t.Errorf("%+v", check)
			}
		})
	}
}

// While W&B is unwell nothing is known, and it is said.
func TestPlatformDown(t *testing.T) {
	s := newStage(t)
	s.file(s.jwt(nil))
	a := s.account("token_file: jwt")
	if err := s.idp.Shutdown(); err != nil {
		t.Fatal(err)
	}
	trial := s.worker.Try(t.Context(), a)
	last := trial.Steps[len(trial.Steps)-1]
	if trial.Works() || last.What != "exchange" || !last.Unknown {
		t.Errorf("%+v", trial.Steps)
	}
	if check := s.worker.Check(t.Context(), a); check.Works || !check.Unclear {
		t.Errorf("%+v", check)
	}
	var zero federation.Trial
	if zero.Works() {
		t.Error("what was not tried works")
	}
}
