package federation

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
)

// Claims are what a JWT says of itself (RFC 7519, section 4.1), which is not
// verified here.
type Claims struct {
	Issuer    string
	Subject   string
	Audience  []string
	Expires   time.Time // zero: it does not say
	NotBefore time.Time
	Issued    time.Time
}

// halfway is when a JWT has lived half of its life, since as late as it can
// have begun: a JWT that says nothing of its begin is taken to begin now.
func (c Claims) halfway(now time.Time) time.Time {
	from := c.begun(now)
	return from.Add(c.Expires.Sub(from) / 2)
}

func (c Claims) begun(now time.Time) time.Time {
	switch {
	case !c.Issued.IsZero():
		return c.Issued
	case !c.NotBefore.IsZero():
		return c.NotBefore
	}
	return now
}

var errNotJWT = errors.New("it is not a JWT")

// claimsOf reads what a JWT says. Its errors quote nothing of it.
func claimsOf(jwt providers.Secret) (Claims, error) {
	parts := strings.Split(jwt.Expose(), ".")
	if len(parts) != 3 {
		return Claims{}, errNotJWT
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return Claims{}, errNotJWT
	}
	var said struct {
		Issuer    string   `json:"iss"`
		Subject   string   `json:"sub"`
		Audience  audience `json:"aud"`
		Expires   moment   `json:"exp"`
		NotBefore moment   `json:"nbf"`
		Issued    moment   `json:"iat"`
	}
	if json.Unmarshal(text, &said) != nil {
		return Claims{}, errNotJWT
	}
	return Claims{
		Issuer: said.Issuer, Subject: said.Subject, Audience: said.Audience,
		Expires: said.Expires.Time, NotBefore: said.NotBefore.Time, Issued: said.Issued.Time,
	}, nil
}

// audience is one name or several (RFC 7519, section 4.1.3).
type audience []string

// UnmarshalJSON reads either.
func (a *audience) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(a))
}

// moment is a NumericDate (RFC 7519, section 2).
type moment struct{ time.Time }

// UnmarshalJSON reads seconds, with or without a fraction.
func (m *moment) UnmarshalJSON(text []byte) error {
	var seconds float64
	if err := json.Unmarshal(text, &seconds); err != nil {
		return err
	}
	if math.Abs(seconds) > 1<<40 {
		return errors.New("not a time")
	}
	m.Time = time.Unix(int64(seconds), 0).UTC()
	return nil
}

// clockLeeway is how far clocks may be apart before a time in a JWT is told as
// wrong.
const clockLeeway = time.Minute

// wrong says what in a JWT's claims is not as the account needs it: why W&B will
// refuse it (W&B docs, Identity federation), or whom else it speaks for.
func (c Claims) wrong(a *config.Account, now time.Time) []Step {
	i := a.Identity
	var steps []Step
	add := func(what string, fine bool, words, hint string) {
		s := Step{What: what, OK: fine, Words: words}
		if !fine {
			s.Hint = hint
		}
		steps = append(steps, s)
	}
	add("sub", c.Subject == a.Subject, fmt.Sprintf("sub is %s, and the account's subject is %s", quoted(c.Subject), quoted(a.Subject)),
		"have the issuer write the account's subject, or correct subject: here and in W&B")
	if i.JWTIssuer != "" {
		add("iss", c.Issuer == i.JWTIssuer, fmt.Sprintf("iss is %s, and jwt_issuer is %s", quoted(c.Issuer), quoted(i.JWTIssuer)),
			"take the JWT from the issuer that is registered with the W&B organization, to the letter, its last slash too")
	}
	if i.Audience != "" {
		names := make([]string, len(c.Audience))
		for n, name := range c.Audience {
			names[n] = quoted(name)
		}
		add("aud", slices.Contains(c.Audience, i.Audience), fmt.Sprintf("aud is %s, and audience is %s", strings.Join(names, ", "), quoted(i.Audience)),
			"ask the issuer for a JWT with the name of the W&B organization as its audience")
	}
	switch {
	case c.Expires.IsZero():
		add("exp", false, "it has no exp, and W&B takes none that never ends", "have the issuer write exp")
	case !now.Before(c.Expires):
		add("exp", false, "it ended at "+c.Expires.Format(time.RFC3339), "whoever keeps the JWT fresh does not: look at that job, or at the clock of this machine")
	case now.Add(clockLeeway).Before(c.NotBefore):
		add("nbf", false, "it is not good before "+c.NotBefore.Format(time.RFC3339), "look at the clocks of this machine and of the issuer")
	default:
		add("exp", true, "it is good until "+c.Expires.Format(time.RFC3339)+", for "+config.FormatDuration(c.Expires.Sub(now).Truncate(time.Second))+" more", "")
	}
	return steps
}

// quoted bounds what others wrote.
func quoted(text string) string {
	const most = 120
	if text = providers.OneLine(text); len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return fmt.Sprintf("%q", text)
}
