package azurekv

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// transport stands between the SDK and the network. It tells connections of a
// sign-in that failed, lets of the body of a refusal only the codes through (the
// SDK would quote the rest in errors and in its log), and no challenge that the
// SDK cannot read.
type transport struct{ http.RoundTripper }

// RoundTrip sends one request, unless its deadline has passed.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if tooLate(r.Context()) {
		return nil, context.DeadlineExceeded
	}
	answer, err := t.RoundTripper.RoundTrip(r)
	// Where there is no metadata service, its address does not answer, and the
	// chain of credentials goes on.
	if ip := net.ParseIP(r.URL.Hostname()); ip != nil && ip.IsLinkLocalUnicast() {
		return answer, err
	}
	if seen, ok := r.Context().Value(connectionsKey{}).(*connections); ok && err != nil {
		seen.mu.Lock()
		seen.err = err
		seen.mu.Unlock()
	}
	if err == nil && answer.StatusCode >= 300 {
		strip(answer)
	}
	if err == nil && !readable(answer.Header.Get(challengeHeader)) {
		answer.Header.Del(challengeHeader)
	}
	return answer, err
}

// tooLate compares times of day: the timer of a context stands still while the
// machine sleeps.
func tooLate(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && !time.Now().Round(0).Before(deadline.Round(0))
}

const challengeHeader = "WWW-Authenticate"

// readable reports whether the SDK can read a challenge. It takes what follows
// the third slash of the authority for the tenant, and panics where there is none.
func readable(challenge string) bool {
	for _, part := range strings.Fields(strings.ReplaceAll(challenge, "Bearer ", "")) {
		if authority, ok := strings.CutPrefix(part, "authorization="); ok && strings.Count(authority, "/") < 3 {
			return false
		}
	}
	return true
}

// refusalMax is more than Key Vault and Entra say when they refuse.
const refusalMax = 1 << 20

// strip replaces a refusal's body by its codes: {"error":{"code":...,
// "innererror":{"code":...}}} of Key Vault, {"error":"...","error_codes":[...]}
// of Entra ID.
func strip(answer *http.Response) {
	body, err := io.ReadAll(io.LimitReader(answer.Body, refusalMax))
	_ = answer.Body.Close() // what matters of it was read
	if err != nil {
		body = nil
	}
	var told struct {
		Error json.RawMessage `json:"error"`
		Codes []int           `json:"error_codes"`
	}
	kept := map[string]any{}
	if json.Unmarshal(body, &told) == nil {
		if codes, err := codesOf(told.Error); err == nil {
			kept["error"] = codes
		}
		if len(told.Codes) > 0 {
			kept["error_codes"] = told.Codes
		}
	}
	text, _ := json.Marshal(kept) // strings and numbers always encode
	answer.Body = io.NopCloser(bytes.NewReader(text))
	answer.ContentLength = int64(len(text))
	answer.Header.Set("Content-Length", strconv.Itoa(len(text)))
	answer.Header.Set("Content-Type", "application/json")
}

var errNoCode = errors.New("there is no code")

// codesOf returns what of an answer's error may be repeated.
func codesOf(told json.RawMessage) (any, error) {
	var text string
	if json.Unmarshal(told, &text) == nil {
		return word(text), nil
	}
	var vault struct {
		Code  string `json:"code"`
		Inner struct {
			Code string `json:"code"`
		} `json:"innererror"`
	}
	if json.Unmarshal(told, &vault) != nil {
		return nil, errNoCode
	}
	return map[string]any{"code": word(vault.Code), "innererror": map[string]string{"code": word(vault.Inner.Code)}}, nil
}
