package azuretest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets/fake"
)

// The operations, as they are counted.
const (
	opChallenge   = "Challenge"
	opSet         = "SetSecret"
	opGet         = "GetSecret"
	opUpdate      = "UpdateSecret"
	opDelete      = "DeleteSecret"
	opList        = "ListSecrets"
	opVersions    = "ListVersions"
	opGetDeleted  = "GetDeletedSecret"
	opListDeleted = "ListDeletedSecrets"
	opRecover     = "RecoverDeletedSecret"
	opPurge       = "PurgeDeletedSecret"
)

// operation is what a request asks for.
type operation struct {
	name   string
	method string // of the SDK's client
	action string // that the caller needs
	secret string
}

// operationOf maps a method and a path to the operation. The second result is
// false where there is none.
func operationOf(method, path string) (operation, bool) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	secret := ""
	if len(parts) > 1 {
		secret = parts[1]
	}
	switch kind, n := parts[0], len(parts); {
	case kind == "secrets" && method == http.MethodGet && n == 1:
		return operation{opList, "NewListSecretPropertiesPager", ActionMetadata, ""}, true
	case kind == "secrets" && method == http.MethodGet && n == 3 && parts[2] == "versions":
		return operation{opVersions, "NewListSecretPropertiesVersionsPager", ActionMetadata, secret}, true
	case kind == "secrets" && method == http.MethodGet && (n == 2 || n == 3):
		return operation{opGet, "GetSecret", ActionGet, secret}, true
	case kind == "secrets" && method == http.MethodPut && n == 2:
		return operation{opSet, "SetSecret", ActionSet, secret}, true
	case kind == "secrets" && method == http.MethodPatch && (n == 2 || n == 3):
		return operation{opUpdate, "UpdateSecretProperties", ActionUpdate, secret}, true
	case kind == "secrets" && method == http.MethodDelete && n == 2:
		return operation{opDelete, "DeleteSecret", ActionDelete, secret}, true
	case kind == "deletedsecrets" && method == http.MethodGet && n == 1:
		return operation{opListDeleted, "NewListDeletedSecretPropertiesPager", ActionMetadata, ""}, true
	case kind == "deletedsecrets" && method == http.MethodGet && n == 2:
		return operation{opGetDeleted, "GetDeletedSecret", ActionMetadata, secret}, true
	case kind == "deletedsecrets" && method == http.MethodPost && n == 3 && parts[2] == "recover":
		return operation{opRecover, "RecoverDeletedSecret", ActionRecover, secret}, true
	case kind == "deletedsecrets" && method == http.MethodDelete && n == 2:
		return operation{opPurge, "PurgeDeletedSecret", ActionPurge, secret}, true
	}
	return operation{}, false
}

const bodyMax = 1 << 20

func (v *Vault) serve(w http.ResponseWriter, r *http.Request) {
	s := v.server
	body, err := io.ReadAll(io.LimitReader(r.Body, bodyMax))
	if err != nil {
		return
	}
	op, known := operationOf(r.Method, r.URL.Path)
	authorization := r.Header.Get("Authorization")
	call := Call{Operation: op.name, Vault: v.Name, Name: op.secret}
	if known && authorization == "" {
		call.Operation = opChallenge
	}
	s.mu.Lock()
	s.count(call.Operation)
	f, unreachable, latency := s.takeFault(call), s.unreachable, s.latency
	s.mu.Unlock()
	if unreachable || f.Refuse || !s.wait(r.Context(), latency+f.Delay) || f.Before != nil && f.Before(call) != nil {
		cut()
	}
	refusal := f.Error
	if refusal == nil {
		refusal = v.admit(r, op, known, authorization)
	}
	if refusal != nil {
		v.refuse(w, refusal)
		return
	}
	answer, refusal := v.perform(r, op, body)
	if f.Drop || f.After != nil && f.After(call) != nil {
		cut()
	}
	switch {
	case f.Late != nil:
		v.refuse(w, f.Late)
	case refusal != nil:
		v.refuse(w, refusal)
	default:
		defer answer.Body.Close()
		for name, values := range answer.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.StatusCode)
		_, _ = io.Copy(w, answer.Body) // the client is gone
	}
}

// admit says why a call is not performed, or nil.
func (v *Vault) admit(r *http.Request, op operation, known bool, authorization string) *Error {
	v.server.mu.Lock()
	defer v.server.mu.Unlock()
	client, valid := v.authenticate(authorization)
	switch {
	case !known:
		return &Error{Status: http.StatusNotFound, Code: "NotFound", Message: "There is no such operation."}
	case authorization == "":
		return &Error{Status: http.StatusUnauthorized, Code: "Unauthorized", Message: "AKV10000: Request is missing a Bearer or PoP token."}
	case !valid:
		return &Error{Status: http.StatusUnauthorized, Code: "Unauthorized", Message: "AKV10022: Invalid audience, or an unknown or expired token."}
	case r.URL.Query().Get("api-version") == "":
		return badParameter("api-version is missing")
	}
	if wait, ok := v.limits.take(op.name, v.server.options.Now()); !ok {
		e := throttled()
		e.RetryAfter = wait
		return e
	}
	if !v.may(client, op.action) {
		return &Error{
			Status: http.StatusForbidden, Code: "Forbidden", Inner: "ForbiddenByRbac",
			Message: fmt.Sprintf("Caller is not authorized to perform action on resource.\r\nAction: 'Microsoft.KeyVault/vaults/secrets/%s'", dataAction(op.action)),
		}
	}
	return nil
}

// perform has Microsoft's fake decode the request, call the operation, and
// encode its answer.
func (v *Vault) perform(r *http.Request, op operation, body []byte) (*http.Response, *Error) {
	p := &performance{vault: v, query: r.URL.Query()}
	ctx := context.WithValue(context.WithoutCancel(r.Context()), runtime.CtxAPINameKey{}, "Client."+op.method)
	inner := r.Clone(ctx)
	inner.Body = io.NopCloser(bytes.NewReader(body))
	inner.URL.Scheme, inner.URL.Host = "https", r.Host
	answer, err := fake.NewServerTransport(p.server()).Do(inner) // serve closes the body
	if p.refusal != nil {
		return nil, p.refusal
	}
	if err != nil {
		return nil, badParameter("the request cannot be decoded")
	}
	return answer, nil
}

// refuse answers as Key Vault does.
func (v *Vault) refuse(w http.ResponseWriter, e *Error) {
	if e.Status == http.StatusTooManyRequests {
		v.server.mu.Lock()
		v.server.throttled++
		v.server.mu.Unlock()
	}
	if e.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf("Bearer authorization=%q, resource=%q", v.server.Authority+"/"+Tenant, v.Resource))
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((e.RetryAfter+999_999_999)/1_000_000_000)))
	}
	told := map[string]any{"code": e.Code, "message": e.Message}
	if e.Inner != "" {
		told["innererror"] = map[string]string{"code": e.Inner}
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(e.Status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": told}) // the client is gone
}
