package awssm

import (
	"context"
	"errors"
	"io/fs"
	"net/http"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/keyrota/keyrota/providers"
)

// credentialError is a call that was not made for lack of credentials.
type credentialError struct {
	said      string // what may be repeated of it
	assuming  bool   // STS refused a role
	transient bool   // whoever gives credentials did not answer, or is unwell
	err       error  // of the connection, or nil
}

func (e *credentialError) Error() string { return "no credentials: " + e.said }
func (e *credentialError) Unwrap() error { return e.err }

func (e *credentialError) kind() providers.Kind {
	if e.transient {
		return providers.Transient
	}
	return providers.Denied
}

func (e *credentialError) hint() string {
	if e.assuming {
		return "the role's trust policy must allow this identity sts:AssumeRole, with the external_id if it asks for one; `aws sts get-caller-identity` shows who this is"
	}
	return "set AWS_PROFILE or AWS_ACCESS_KEY_ID, or give this machine or pod a role; `aws sts get-caller-identity` with the same environment shows whether it works"
}

// credentialsFailed tells why there are none, in AWS's words or our own: the
// SDK's error may hold what a credential process printed.
func credentialsFailed(ctx context.Context, err error) *credentialError {
	e := &credentialError{}
	var told smithy.APIError
	var answered *smithyhttp.ResponseError
	var operation *smithy.OperationError
	var file *fs.PathError
	status := 0
	if errors.As(err, &answered) && answered.Response != nil && answered.Response.Response != nil {
		status = answered.HTTPStatusCode()
	}
	e.assuming = errors.As(err, &operation) && operation.ServiceID == "STS"
	switch {
	case errors.As(err, &told) && told.ErrorCode() != "": // else the message is whatever was answered
		e.said = providers.OneLine(told.ErrorCode() + ": " + told.ErrorMessage())
		e.transient = status >= http.StatusInternalServerError || status == http.StatusTooManyRequests || told.ErrorCode() == "Throttling"
	case status != 0:
		e.said = http.StatusText(status)
		e.transient = status >= http.StatusInternalServerError || status == http.StatusTooManyRequests
	case errors.As(err, &file):
		e.said = file.Error()
	default:
		connection := unanswered(ctx, err)
		e.said = connection.words
		var network interface{ Timeout() bool }
		e.transient = connection.cause != nil || errors.As(err, &network)
		if e.transient {
			e.err = connection
		} else {
			e.said = "none were found, or they could not be got"
		}
	}
	return e
}
