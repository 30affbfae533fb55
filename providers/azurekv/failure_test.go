package azurekv_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/log"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/azurekv"
	"github.com/keyrota/keyrota/providers/azurekv/azuretest"
	"github.com/keyrota/keyrota/providers/pace"
	"github.com/keyrota/keyrota/providers/providertest"
)

// What the vault answers, and what a caller makes of it. The messages hold what
// must not be repeated, and so do the codes where they are none.
func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		said  azuretest.Error
		kind  providers.Kind
		words string
	}{
		{azuretest.Error{Status: 400, Code: "BadParameter"}, providers.Invalid, "400 BadParameter"},
		{azuretest.Error{Status: 401, Code: "Unauthorized"}, providers.Denied, "tenant"},
		{azuretest.Error{Status: 403, Code: "Forbidden", Inner: "ForbiddenByRbac"}, providers.Denied, "secrets/setSecret/action"},
		{azuretest.Error{Status: 403, Code: "Forbidden", Inner: "ForbiddenByPolicy"}, providers.Denied, "access policies"},
		{azuretest.Error{Status: 403, Code: "Forbidden", Inner: "ForbiddenByFirewall"}, providers.Denied, "firewall"},
		{azuretest.Error{Status: 403, Code: "Forbidden", Inner: "ForbiddenByConnection"}, providers.Denied, "private endpoint"},
		{azuretest.Error{Status: 404, Code: "SecretNotFound"}, providers.NotFound, "404"},
		{azuretest.Error{Status: 408, Code: "RequestTimeout"}, providers.Transient, "408"},
		{azuretest.Error{Status: 409, Code: "Conflict", Inner: "ObjectIsDeletedButRecoverable"}, providers.Conflict, "deleted"},
		{azuretest.Error{Status: 409, Code: "Conflict", Inner: "ObjectIsBeingDeleted"}, providers.Transient, "ObjectIsBeingDeleted"},
		{azuretest.Error{Status: 409, Code: "Conflict", Inner: "ObjectIsBeingRecovered"}, providers.Transient, "try again"},
		{azuretest.Error{Status: 413, Code: "PayloadTooLarge"}, providers.Invalid, "413"},
		{azuretest.Error{Status: 429, Code: "Throttled", RetryAfter: 7 * time.Second}, providers.Limited, "429"},
		{azuretest.Error{Status: 429, Code: "Throttled"}, providers.Limited, "4,000"},
		{azuretest.Error{Status: 500, Code: keyOne}, providers.Transient, "500"},
		{azuretest.Error{Status: 503, Code: "ServiceUnavailable", Inner: keyTwo, RetryAfter: 30 * time.Second}, providers.Transient, "503"},
	} {
		t.Run(fmt.Sprintf("%d %.20s", c.said.Status, c.said.Inner), func(t *testing.T) {
			w := start(t)
			d := dest("ci/wandb")
			providertest.Put(t, w.store, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
			seen := providertest.Look(t, w.store, d)
			c.said.Message = "the request was " + keyTwo
			w.Inject(azuretest.Fault{Operation: "SetSecret", Times: 9, Error: &c.said})
			_, err := w.store.Put(t.Context(), d, providertest.Value(keyTwo), providertest.MarkOf("a", 2), seen)
			providertest.WantKind(t, err, c.kind, c.words, "az:ci/wandb")
			if got := providers.RetryAfterOf(err); got != c.said.RetryAfter {
				t.Errorf("retry after %s, want %s", got, c.said.RetryAfter)
			}
			wantVersions(t, w, "ci-wandb", 1)
		})
	}
}

// An answer that is no answer of Key Vault's is not repeated either.
func TestAnswersOfSomethingElse(t *testing.T) {
	for name, body := range map[string]string{
		"html": "<html>" + keyOne, "type": `{"value":{"` + keyOne + `":1}}`, "time": `{"value":[{"attributes":{"created":"` + keyOne + `"}}]}`, "empty": "",
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			client := w.Client()
			client.Transport = instead{client.Transport, body}
			s := w.open(t, azurekv.Config{URL: w.URL}, azurekv.Options{HTTPClient: client, Credential: w.Credential(w.Admin)})
			d := dest("ci/wandb")
			h, err := s.Look(t.Context(), d)
			if err == nil {
				t.Fatalf("seen as %+v", h)
			}
			providertest.WantKind(t, err, providers.Transient)
			_, err = s.Read(t.Context(), d, "")
			providertest.WantKind(t, err, providers.Transient)
		})
	}
}

// instead answers 200 with a body to every call that bears a token.
type instead struct {
	http.RoundTripper
	body string
}

// RoundTrip replaces the answer.
func (i instead) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Authorization") == "" {
		return i.RoundTripper.RoundTrip(r)
	}
	return &http.Response{StatusCode: http.StatusOK, Request: r, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(i.body))}, nil
}

// Stores of one vault share its limits; those of another do not.
func TestPaces(t *testing.T) {
	w := start(t)
	var paces pace.Paces
	open := func(url string) *azurekv.Store {
		return w.open(t, azurekv.Config{URL: url}, azurekv.Options{HTTPClient: w.Client(), Credential: w.Credential(w.Admin), Paces: &paces})
	}
	a, b := open(w.URL), open(w.URL)
	d := dest("ci/wandb")
	seen := providertest.Look(t, a, d)
	w.Throttle("SetSecret", 1, 20*time.Second)
	_, err := a.Put(t.Context(), d, providertest.Value(keyOne), providertest.MarkOf("a", 1), seen)
	providertest.WantKind(t, err, providers.Limited)
	host := strings.TrimPrefix(w.URL, "https://")
	create := paces.Get("azure/"+host+"/create", pace.Quota{})
	if rate := create.Rate(); rate > 20 {
		t.Errorf("after a refusal %v creations a second are let through", rate)
	}
	if rate := paces.Get("azure/"+host+"/other", pace.Quota{}).Rate(); rate < 300 {
		t.Errorf("after a refused creation %v other calls a second are let through", rate)
	}
	// The other store is held back, and does not wait beyond its deadline.
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err = b.Put(ctx, d, providertest.Value(keyOne), providertest.MarkOf("a", 1), seen)
	providertest.WantKind(t, err, providers.Limited, "held back")
	if n := w.Calls()["SetSecret"]; n != 1 {
		t.Errorf("%d writes were sent, want the one that was refused", n)
	}
}

// What the SDK would log, were it asked to, holds no value, token or assertion.
func TestLogsOfTheSDK(t *testing.T) {
	w := start(t)
	w.asPod(t, w.AddApp("pod", azuretest.AllActions()...))
	s := w.open(t, w.trusting(t, azurekv.AuthWorkloadIdentity), azurekv.Options{})
	var mu sync.Mutex
	var logged strings.Builder
	log.SetListener(func(_ log.Event, text string) {
		mu.Lock()
		defer mu.Unlock()
		logged.WriteString(text + "\n")
	})
	defer log.SetListener(nil)
	d := dest("ci/wandb#K")
	providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	providertest.WantValue(t, s, d, "", keyOne)
	w.Inject(azuretest.Fault{Operation: "SetSecret", Error: &azuretest.Error{Status: 400, Code: "BadParameter", Message: keyTwo}})
	_, err := s.Put(t.Context(), d, providertest.Value(keyTwo), providertest.MarkOf("a", 2), providertest.Look(t, s, d))
	providertest.WantKind(t, err, providers.Invalid)
	mu.Lock()
	defer mu.Unlock()
	if logged.Len() == 0 {
		t.Error("nothing was logged")
	}
	for line := range strings.Lines(logged.String()) {
		if strings.Contains(line, "CANARY") {
			t.Errorf("the log holds a secret: %s", line)
		}
	}
}

func TestUnreachable(t *testing.T) {
	w := start(t)
	w.Close()
	_, err := w.store.Look(t.Context(), dest("ci/wandb"))
	providertest.WantKind(t, err, providers.Transient, "no answer", "az:ci/wandb")
}
