package awssm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/keyrota/keyrota/providers"
)

// failure is a call that did not succeed. It keeps what AWS said apart from
// what may be repeated of it.
type failure struct {
	operation operation
	region    string
	secret    string // its name; empty for a listing
	account   string // its number, where it is known
	// replicates says that the store has replicas, so that to create a secret is
	// to replicate it.
	replicates bool

	code       string // of AWS's error; empty: no answer, or none of its form
	said       string // AWS's message
	status     int    // of HTTP; 0: no answer
	retryAfter time.Duration
	err        error // of the connection, the deadline or the credentials; nothing of AWS's SDK

	// Where we know better than the code tells:
	kind  *providers.Kind
	words string
	hint  string
}

// refused tells what the SDK's error says, without the SDK's error: that may
// hold what was sent or answered.
func (s *Store) refused(ctx context.Context, err error) *failure {
	f := &failure{}
	var answered *smithyhttp.ResponseError
	if errors.As(err, &answered) && answered.Response != nil && answered.Response.Response != nil {
		f.status = answered.HTTPStatusCode()
		f.retryAfter = retryAfter(answered.Response.Header.Get("Retry-After"), s.options.Now())
	}
	var told smithy.APIError
	if errors.As(err, &told) {
		f.code, f.said = told.ErrorCode(), told.ErrorMessage()
	}
	if f.status == 0 || f.status < 300 {
		f.err = unanswered(ctx, err)
	}
	return f
}

func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(header); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// connectionError is a call without an answer, in words of our own or of the
// network's.
type connectionError struct {
	words string
	cause error // context.Canceled, context.DeadlineExceeded, providers.ErrTooLong, or nil
}

func (e *connectionError) Error() string { return e.words }
func (e *connectionError) Unwrap() error { return e.cause }

func unanswered(ctx context.Context, err error) *connectionError {
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	var unread *smithy.DeserializationError
	told := providers.Unanswered(err)
	switch cause := errors.Unwrap(told); {
	case cause != nil:
		return &connectionError{told.Error(), cause}
	case errors.Is(err, errRedirected):
		return &connectionError{errRedirected.Error(), nil}
	case errors.As(err, &unread):
		return &connectionError{"the answer is not one that AWS gives", nil}
	}
	return &connectionError{"no answer: " + told.Error(), nil}
}

// GoString is what happened too: AWS's message may hold a value.
func (f *failure) GoString() string { return f.Error() }

// Error is what happened, without anything that may hold a value.
func (f *failure) Error() string {
	what := string(f.operation) + ": "
	switch {
	case f.words != "":
		return what + f.words
	case f.err != nil && f.code == "":
		return what + f.err.Error()
	}
	if f.code == "" {
		return what + fmt.Sprintf("status %d %s", f.status, http.StatusText(f.status))
	}
	what += f.code
	if said := providers.OneLine(f.said); said != "" && !f.operation.bearsValues() {
		what += ": " + said
	}
	return what
}

func (f *failure) Unwrap() error { return f.err }

func codeOf(err error) string {
	var f *failure
	if errors.As(err, &f) {
		return f.code
	}
	return ""
}

// AWS's own codes (Secrets Manager API Reference, "Common Errors" and the
// errors of each action; STS and IAM for credentials).
const (
	codeNotFound = "ResourceNotFoundException"
	codeExists   = "ResourceExistsException"
	codeRequest  = "InvalidRequestException"
	codeQuota    = "LimitExceededException" // of a secret or account, not of a rate
)

func (f *failure) limited() bool {
	switch f.code {
	case "ThrottlingException", "Throttling", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded",
		"RequestThrottled", "RequestThrottledException", "BandwidthLimitExceeded", "SlowDown", codeQuota:
		return true
	}
	return f.status == http.StatusTooManyRequests
}

// badCredentials says that other credentials are needed, not other rights.
func (f *failure) badCredentials() bool {
	switch f.code {
	case "UnrecognizedClientException", "InvalidClientTokenId", "ExpiredToken", "ExpiredTokenException", "InvalidToken",
		"InvalidSignatureException", "SignatureDoesNotMatch", "RequestExpired", "MissingAuthenticationToken",
		"MissingAuthenticationTokenException", "IncompleteSignature", "IncompleteSignatureException":
		return true
	}
	return false
}

func (f *failure) denied() bool {
	switch f.code {
	case "AccessDeniedException", "AccessDenied", "NotAuthorized", "UnauthorizedOperation", "OptInRequired",
		"DecryptionFailure", "EncryptionFailure":
		return true
	}
	return f.badCredentials() || f.status == http.StatusUnauthorized || f.status == http.StatusForbidden && !f.limited()
}

// scheduled says that the secret is in its recovery window.
func (f *failure) scheduled() bool {
	return f.code == codeRequest && strings.Contains(f.said, "deletion")
}

func (f *failure) classify() (providers.Kind, string) {
	var credentials *credentialError
	kind, hint := providers.Invalid, ""
	switch {
	case errors.As(f.err, &credentials):
		return credentials.kind(), credentials.hint()
	case f.limited():
		kind = providers.Limited
		if f.code == codeQuota {
			hint = "this may be a quota that waiting does not change: see Service Quotas for AWS Secrets Manager"
		}
	case f.denied():
		kind, hint = providers.Denied, f.grant()
	case f.code == codeNotFound:
		kind = providers.NotFound
	case f.code == codeExists, f.scheduled():
		kind = providers.Conflict
	case f.status == 0, f.status < 400, f.status >= 500, f.code == "InternalServiceError", f.code == "InternalFailure",
		f.code == "ServiceUnavailable", f.code == "ServiceUnavailableException", f.code == "RequestTimeout",
		f.code == "RequestTimeoutException", f.code == "InvalidNextTokenException":
		kind = providers.Transient
		if f.status == 0 && f.words == "" && !errors.Is(f.err, context.DeadlineExceeded) && !errors.Is(f.err, context.Canceled) {
			hint = "is the endpoint right, and can this machine reach it?"
		}
	case f.code == codeRequest && strings.Contains(f.said, "managed by"):
		kind, hint = providers.Denied, "another AWS service keeps this secret: deliver to one of your own"
	}
	if f.kind != nil {
		kind = *f.kind
	}
	if f.hint != "" {
		hint = f.hint
	}
	return kind, hint
}

// grant is what the identity, or its credentials, lack.
func (f *failure) grant() string {
	kms := f.code == "DecryptionFailure" || f.code == "EncryptionFailure" || strings.Contains(strings.ToLower(f.said), "kms")
	switch {
	case strings.HasPrefix(f.code, "InvalidSignature") || f.code == "SignatureDoesNotMatch" || f.code == "RequestExpired":
		return "is the secret access key right, and this machine's clock?"
	case f.badCredentials():
		return "renew the credentials: `aws sts get-caller-identity` with the same environment shows whether they work"
	case kms && f.operation == opGet:
		return "the secret's KMS key must be enabled, and its policy and ours allow kms:Decrypt"
	case kms:
		return "the secret's KMS key must be enabled, and its policy and ours allow kms:GenerateDataKey and kms:Decrypt"
	}
	action := "secretsmanager:" + string(f.operation)
	if f.operation == opCreate {
		action += " and secretsmanager:TagResource"
		if f.replicates {
			action += " and secretsmanager:" + string(opReplicate)
		}
	}
	return "the policy needs: " + action + " on " + f.resource()
}

// resource is what the policy must name. AWS appends a hyphen and six characters
// to a secret's name once there is one; before, nothing.
func (f *failure) resource() string {
	if f.secret == "" {
		return "*"
	}
	partition, account := "aws", f.account
	switch {
	case strings.HasPrefix(f.region, "cn-"):
		partition = "aws-cn"
	case strings.HasPrefix(f.region, "us-gov-"):
		partition = "aws-us-gov"
	}
	if account == "" {
		account = "*"
	}
	return "arn:" + partition + ":secretsmanager:" + f.region + ":" + account + ":secret:" + f.secret + "*"
}

func kindOf(k providers.Kind) *providers.Kind { return &k }

// problem tells a failed call as callers of a provider expect it.
func problem(op, name string, err error) *providers.Error {
	e := &providers.Error{Provider: provider, Op: op, Name: name, Err: err}
	var f *failure
	if errors.As(err, &f) {
		e.Kind, e.Hint = f.classify()
		e.RetryAfter = f.retryAfter
	}
	return e
}

func problemf(op, name string, kind providers.Kind, hint, format string, a ...any) *providers.Error {
	return &providers.Error{Provider: provider, Op: op, Name: name, Kind: kind, Hint: hint, Err: fmt.Errorf(format, a...)}
}
