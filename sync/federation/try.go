package federation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/inventory"
)

// Trial is what came of trying an account's federation.
type Trial struct {
	At      time.Time
	Claims  Claims // what the JWT says of itself; zero where none could be had
	Steps   []Step // what was tried, in its order
	Account rotation.AccountID
	jwt     providers.Secret
}

// Step is one thing that was tried or looked at.
type Step struct {
	What    string // "jwt", "sub", "iss", "aud", "exp", "nbf", "exchange" or "account"
	OK      bool
	Unknown bool   // it could not be told
	Words   string // what was seen
	Hint    string // what to change; empty: nothing
}

// Works says whether jobs can sign in: nothing that was tried failed.
func (t Trial) Works() bool {
	for _, s := range t.Steps {
		if !s.OK {
			return false
		}
	}
	return len(t.Steps) > 0
}

// Words says why it does not work; empty if it does.
func (t Trial) Words() string {
	var words []string
	for _, s := range t.Steps {
		switch {
		case s.OK:
		case s.Hint == "":
			words = append(words, s.Words)
		default:
			words = append(words, s.Words+" ("+s.Hint+")")
		}
	}
	return strings.Join(words, "; ")
}

// Try gets the account's JWT, looks at what it says of itself, and exchanges it
// for an access token of which it asks whose it is. Nothing is kept.
func (w *Worker) Try(ctx context.Context, a Account) Trial {
	t := Trial{At: w.Now()}
	jwt, claims, err := w.jwt(ctx, a)
	if err != nil {
		t.failed("jwt", err)
		return t
	}
	t.jwt, t.Claims = jwt, claims
	t.add("jwt", "there is a JWT: "+from(a.config.Identity))
	t.Steps = append(t.Steps, claims.wrong(a.config, t.At)...)
	w.exchange(ctx, a, &t)
	return t
}

// Check is Try as findings know it.
func (w *Worker) Check(ctx context.Context, a Account) finding.Federation {
	return w.Try(ctx, a).finding(a)
}

func (t Trial) finding(a Account) finding.Federation {
	return finding.Federation{
		At: t.At, Works: t.Works(), Words: t.Words(), Issued: t.Claims.Issued, Expires: t.Claims.Expires,
		Renewed: a.config.Identity.TokenURL != "", Unclear: t.unclear(),
	}
}

// unclear reports whether all that is in the way is that somebody did not answer:
// whether jobs can sign in is not known then.
func (t Trial) unclear() bool {
	return !t.Works() && !slices.ContainsFunc(t.Steps, func(s Step) bool { return !s.OK && !s.Unknown })
}

func (t *Trial) add(what, words string) {
	t.Steps = append(t.Steps, Step{What: what, OK: true, Words: words})
}

func (t *Trial) failed(what string, err error) {
	kind := providers.KindOf(err)
	s := Step{What: what, Words: err.Error(), Unknown: kind == providers.Transient || kind == providers.Limited}
	var e *providers.Error
	if errors.As(err, &e) && e.Hint != "" {
		s.Words, s.Hint = strings.ReplaceAll(s.Words, " ("+e.Hint+")", ""), e.Hint
	}
	t.Steps = append(t.Steps, s)
}

// exchange trades the JWT, whatever it says of itself: what the platform makes of
// it counts.
func (w *Worker) exchange(ctx context.Context, a Account, t *Trial) {
	var token providers.Token
	// The answer to a second one would be a second token, which harms nobody.
	err := w.Call.Read(ctx, inventory.IssuerService, "exchange", func(ctx context.Context) (err error) {
		token, err = w.Issuer.Exchange(ctx, t.jwt)
		return err
	})
	if err != nil {
		t.failed("exchange", err)
		return
	}
	words := "the platform gave an access token for it"
	if !token.Expires.IsZero() {
		words += ", for " + config.FormatDuration(token.Expires.Sub(t.At).Truncate(time.Second))
	}
	t.add("exchange", words)
	var id providers.Identity
	err = w.Call.Read(ctx, inventory.IssuerService, "bearer", func(ctx context.Context) (err error) {
		id, err = w.Issuer.Bearer(ctx, token.Access)
		return err
	})
	switch {
	case err != nil:
		t.failed("account", err)
	case id.Person:
		t.Steps = append(t.Steps, Step{
			What: "account", Words: fmt.Sprintf("the access token is of a person, %s: the JWT's sub is their e-mail address", quoted(id.Owner.Name)),
			Hint: "have the issuer write the external account's subject as sub",
		})
	case id.Owner.Name != a.config.Name || id.Owner.Team != "" && id.Owner.Team != a.config.Team:
		t.Steps = append(t.Steps, Step{
			What: "account", Words: fmt.Sprintf("the access token is of %s in team %s, not of this account", quoted(id.Owner.Name), quoted(id.Owner.Team)),
			Hint: "two accounts have been given one subject: correct it in W&B, or subject: here",
		})
	default:
		t.Account = id.Owner.ID
		t.add("account", "the access token is this account's")
	}
}
