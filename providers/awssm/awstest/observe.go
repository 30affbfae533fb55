package awstest

import "encoding/json"

// Exchange is one call and its answer, as they went over the wire.
type Exchange struct {
	Operation string
	Account   string // of the caller; "" if it is not known who called
	Region    string
	Request   json.RawMessage
	Answer    json.RawMessage
	Failure   *Error // nil if the call succeeded
}

func (e *Exchange) answer(answer any, failure *Error) {
	e.Failure = failure
	switch {
	case failure != nil:
		e.Answer = failure.body()
	case answer != nil:
		raw, err := json.Marshal(answer)
		if err != nil {
			panic(err) // our own types, which JSON can hold
		}
		e.Answer = raw
	}
}
