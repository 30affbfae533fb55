package wandb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/Khan/genqlient/graphql"

	"github.com/keyrota/keyrota/providers"
)

// call is one operation on the server with one credential. It is the
// graphql.Client of the generated code; its errors are *providers.Error. Not
// for concurrent use.
type call struct {
	issuer *Issuer
	op     string
	name   string // of the account or team
	key    providers.Secret
	admin  string    // how the configuration names the key; empty for an account's own
	bearer bool      // the key is an access token
	date   time.Time // the server's clock at the last answer; zero if it did not say
}

// MakeRequest sends one request, exactly once, and decodes its answer. Where
// there are errors beside data, both are returned.
func (c *call) MakeRequest(ctx context.Context, req *graphql.Request, resp *graphql.Response) error {
	body, err := json.Marshal(req)
	if err != nil {
		return c.fail(providers.Invalid, errors.New("the request cannot be written as JSON"), "")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.issuer.endpoint, bytes.NewReader(body))
	if err != nil {
		return c.fail(providers.Invalid, errors.New("the request cannot be made"), "")
	}
	r.Header.Set("Content-Type", "application/json")
	if c.bearer {
		r.Header.Set("Authorization", "Bearer "+c.key.Expose())
	} else {
		r.SetBasicAuth("api", c.key.Expose())
	}
	if c.admin != "" {
		r.Header.Set("Use-Admin-Privileges", "true")
	}
	answer, err := c.send(ctx, c.issuer.http, r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	err = c.decode(ctx, answer, resp)
	c.heed(answer.Header, err)
	return err
}

// send sends a request when it is the credential's turn, exactly once.
func (c *call) send(ctx context.Context, client doer, r *http.Request) (*http.Response, error) {
	if err := c.turn(ctx); err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", c.issuer.userAgent)
	answer, err := client.Do(r)
	if err != nil {
		return nil, c.unreached(ctx, err)
	}
	c.date = time.Time{}
	if date, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		c.date = date
	}
	return answer, nil
}

// read reads an answer whole. Whoever calls it wipes it: it may hold keys.
func (c *call) read(ctx context.Context, answer *http.Response) ([]byte, error) {
	text, err := io.ReadAll(providers.BoundedBody(answer.Body))
	switch {
	case errors.Is(err, providers.ErrTooLong):
		return text, c.fail(providers.Transient, err, "")
	case err != nil && answer.StatusCode == http.StatusOK:
		return text, c.unreached(ctx, err)
	}
	return text, nil
}

// decode reads the answer.
func (c *call) decode(ctx context.Context, answer *http.Response, resp *graphql.Response) error {
	text, err := c.read(ctx, answer)
	defer clear(text)
	if err != nil {
		return err
	}
	var body struct {
		Data   json.RawMessage   `json:"data"`
		Errors []json.RawMessage `json:"errors"`
	}
	// The decoder's errors are not repeated: they may quote the answer.
	err = json.Unmarshal(text, &body)
	defer clear(body.Data)
	if answer.StatusCode != http.StatusOK {
		return c.refused(answer, body.Errors, err == nil)
	}
	if err != nil {
		return c.fail(providers.Transient, errors.New("the answer is not the JSON of a GraphQL server"), hintURL)
	}
	empty := len(body.Data) == 0 || string(body.Data) == "null"
	odd := !empty && json.Unmarshal(body.Data, resp.Data) != nil
	switch {
	case len(body.Errors) > 0:
		return c.refused(answer, body.Errors, true)
	case empty || odd:
		return c.fail(providers.Transient, errors.New("the answer does not have the fields that were asked for"), hintSchema)
	}
	return nil
}
