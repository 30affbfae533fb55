package awstest

import (
	"fmt"
	"net/http"
	"time"
)

// Error is an error as AWS answers it: its code is the "__type" of the body.
type Error struct {
	Code       string
	Message    string
	Status     int           // 400 if zero, or what goes with the code
	RetryAfter time.Duration // sent as the header Retry-After, in whole seconds, if not zero
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

func (e *Error) status() int {
	switch {
	case e.Status != 0:
		return e.Status
	case e.Code == "InternalServiceError" || e.Code == "InternalFailure":
		return http.StatusInternalServerError
	case e.Code == "ServiceUnavailable" || e.Code == "ServiceUnavailableException":
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

func fail(code, format string, arguments ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, arguments...)}
}

func invalidParameter(format string, arguments ...any) *Error {
	return fail("InvalidParameterException", format, arguments...)
}

func invalidRequest(format string, arguments ...any) *Error {
	return fail("InvalidRequestException", format, arguments...)
}

func notFound() *Error {
	return fail("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

func noSuchVersion(what, which string) *Error {
	return fail("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for %s: %s", what, which)
}

// onReplica is what AWS is seen to answer: https://github.com/gruntwork-io/cloud-nuke/issues/435
func onReplica() *Error {
	return invalidParameter("Operation not permitted on a replica secret. Call must be made in primary secret's region.")
}

func markedForDeletion() *Error {
	return invalidRequest("You can't perform this operation on the secret because it was marked for deletion.")
}
