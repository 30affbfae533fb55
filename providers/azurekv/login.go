package azurekv

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/keyrota/keyrota/providers"
)

// login is a credential whose failures are told anew: those of azidentity print
// what was answered.
type login struct {
	credential azcore.TokenCredential
	auth       string
	now        func() time.Time
}

// GetToken returns a token, as the SDK asks for one.
func (l login) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	var seen connections
	token, err := l.credential.GetToken(context.WithValue(ctx, connectionsKey{}, &seen), o)
	if err == nil {
		return token, nil
	}
	return azcore.AccessToken{}, l.failure(ctx, err, seen.failure())
}

func (l login) failure(ctx context.Context, err, connection error) *failure {
	var refused *azidentity.AuthenticationFailedError
	switch {
	case ctx.Err() != nil:
		return &failure{err: ctx.Err(), words: "no token: " + unanswered(ctx.Err()).Error(), kind: kindOf(providers.Transient)}
	case errors.As(err, &refused) && refused.RawResponse != nil:
		return refusal(refused.RawResponse, l.now())
	case connection != nil:
		return &failure{
			kind: kindOf(providers.Transient), words: "no token: no answer: " + unanswered(connection).Error(),
			hint: "can this machine reach Entra ID, or the identity endpoint?",
		}
	}
	f := &failure{kind: kindOf(providers.Denied), words: "no token: nothing here to sign in with"}
	switch l.auth {
	case AuthWorkloadIdentity:
		f.hint = "does the pod have the label azure.workload.identity/use, and is the vault in its tenant?"
	case AuthManagedIdentity:
		f.hint = "does this machine have a managed identity, and is client_id one of its own?"
	case AuthCLI:
		f.hint = "run `az login`"
	default:
		f.hint = "on Kubernetes use workload identity, on a machine of Azure's a managed identity, elsewhere `az login`; auth: names one of them and then says more"
	}
	return f
}

// refusal tells of an answer without a token. Of its body only the codes are read.
func refusal(r *http.Response, now time.Time) *failure {
	var body struct {
		Error string `json:"error"`
		Codes []int  `json:"error_codes"`
	}
	if text, err := runtime.Payload(r); err != nil || json.Unmarshal(text, &body) != nil {
		body.Error, body.Codes = "", nil
	}
	f := &failure{
		kind: kindOf(providers.Denied), retryAfter: retryAfter(r.Header, now),
		words: fmt.Sprintf("no token: Entra ID answered with status %d", r.StatusCode),
	}
	if code := word(body.Error); code != "" {
		f.words += " " + code
	}
	number := 0
	if len(body.Codes) > 0 {
		number = body.Codes[0]
		f.words += fmt.Sprintf(" AADSTS%d", number)
	}
	switch {
	case r.StatusCode == http.StatusTooManyRequests:
		f.kind = kindOf(providers.Limited)
	case r.StatusCode >= 500 || r.StatusCode == http.StatusRequestTimeout:
		f.kind = kindOf(providers.Transient)
	default:
		f.hint = hintFor(number)
	}
	return f
}

// hintFor says what a person can do about Entra's commonest refusals.
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes
func hintFor(number int) string {
	switch number {
	case 700016, 700027:
		return "the tenant does not know the client_id: is it that of an application or identity of this tenant?"
	case 70021, 700211, 700212, 700213, 700223:
		return "add a federated credential to the application or identity, with the cluster's issuer and subject system:serviceaccount:NAMESPACE:NAME"
	case 700024:
		return "the service account token has expired: is its file still being replaced?"
	case 90002, 900021:
		return "there is no such tenant: write the directory's id"
	case 7000215, 7000222:
		return "the client secret in the environment is wrong or has expired"
	case 500011:
		return "the tenant does not know the vault's domain: is the vault of another cloud?"
	}
	return "the number is explained at https://login.microsoftonline.com/error"
}

// connections notes the last connection of a sign-in that failed, which
// azidentity tells as any other failure.
type connections struct {
	mu  sync.Mutex
	err error
}

type connectionsKey struct{}

func (c *connections) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}
