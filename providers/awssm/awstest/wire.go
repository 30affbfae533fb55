package awstest

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	target      = service + "."
	contentType = "application/x-amz-json-1.1"
	maxBody     = 1 << 20
)

// stamp is a time as JSON 1.1 has it: seconds, with milliseconds.
type stamp time.Time

func (t stamp) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(time.Time(t).UnixMilli())/1000, 'f', -1, 64), nil
}

func when(t time.Time) *stamp {
	if t.IsZero() {
		return nil
	}
	s := stamp(t)
	return &s
}

// ServeHTTP answers a call of Secrets Manager or of STS. A connection that must
// end without an answer is a panic with http.ErrAbortHandler, as net/http asks.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	unreachable := s.unreachable
	s.mu.Unlock()
	if unreachable {
		cut(w, true)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		answerJSON(w, s.requestID(), nil, fail("RequestEntityTooLargeException", "The request is too large."))
		return
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		s.serveSTS(w, r, body)
		return
	}
	s.serveSecrets(w, r, body)
}

func (s *Server) serveSecrets(w http.ResponseWriter, r *http.Request, body []byte) {
	name, known := strings.CutPrefix(r.Header.Get("X-Amz-Target"), target)
	op := s.operations[name]
	if r.Method != http.MethodPost || r.URL.Path != "/" || !known || op == nil {
		if known {
			s.count(name)
		}
		answerJSON(w, s.requestID(), nil, fail("UnknownOperationException", "awstest does not emulate %q", r.Header.Get("X-Amz-Target")))
		return
	}
	// What is asked is looked at twice: a fault may be meant for it before anybody knows whether it is well-formed.
	signed, _ := parseSignature(r.Header.Get("Authorization"))
	c := Call{Operation: name, Names: s.names(body, signed), Key: signed.key, Region: signed.region}
	e := Exchange{Operation: name, Region: signed.region, Request: body}
	f, ok := s.before(w, r, c)
	if !ok {
		return
	}
	var answer any
	var failure *Error
	if f.Error != nil {
		failure = f.Error
	} else {
		answer, failure = s.perform(r, body, name, op, &e)
		if f.Late != nil {
			answer, failure = nil, f.Late
		}
	}
	s.after(w, r, c, f, failure)
	e.answer(answer, failure)
	if s.options.Observe != nil {
		s.options.Observe(e)
	}
	answerJSON(w, s.requestID(), e.Answer, failure)
}

// before lets happen what comes before the effect, and says whether the call goes on.
func (s *Server) before(w http.ResponseWriter, r *http.Request, c Call) (Fault, bool) {
	s.count(c.Operation)
	s.mu.Lock()
	latency := s.latency
	s.mu.Unlock()
	f := Fault{}
	if meant := s.takeFault(c); meant != nil {
		f = *meant
	}
	if !s.wait(r.Context(), latency/2+f.Delay) {
		panic(http.ErrAbortHandler)
	}
	if f.Before != nil && f.Before(c) != nil || f.Refuse {
		cut(w, f.Reset)
		return f, false
	}
	return f, true
}

// after lets happen what comes between the effect and the answer.
func (s *Server) after(w http.ResponseWriter, r *http.Request, c Call, f Fault, failure *Error) {
	s.mu.Lock()
	latency := s.latency
	if failure != nil && failure.Code == "ThrottlingException" {
		s.throttled[c.Operation]++
	}
	s.mu.Unlock()
	if !s.wait(r.Context(), latency/2) {
		panic(http.ErrAbortHandler)
	}
	if f.After != nil && f.After(c) != nil || f.Drop {
		if f.Reset {
			cut(w, true)
		}
		panic(http.ErrAbortHandler)
	}
}

func (s *Server) count(operation string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[operation]++
	s.call++
}

// perform authenticates, authorizes, and lets the operation have its effect.
func (s *Server) perform(r *http.Request, body []byte, name string, op *operation, e *Exchange) (any, *Error) {
	who, regionName, failure := s.authenticate(r, body, service)
	if failure != nil {
		return nil, failure
	}
	e.Account = who.Account
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &request{
		Server: s, who: who, operation: name, now: s.options.Now(), store: s.region(who.Account, regionName),
	}
	if !s.quotas.take(place{who.Account, regionName}, name, c.now) {
		return nil, throttling()
	}
	s.settle(c.now)
	return op.run(c, body)
}

func (s *Server) requestID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.uuid()
}

// names are the names of the secrets that a request is about.
func (s *Server) names(body []byte, signed signature) []string {
	var asked struct {
		SecretID     string   `json:"SecretId"`
		Name         string   `json:"Name"`
		SecretIDList []string `json:"SecretIdList"`
	}
	_ = json.Unmarshal(body, &asked) // what is of another form is the operation's to refuse
	s.mu.Lock()
	defer s.mu.Unlock()
	account := DefaultAccount
	if p := s.keys[signed.key]; p != nil {
		account = p.Account
	}
	var names []string
	for _, id := range append(asked.SecretIDList, asked.SecretID, asked.Name) {
		if id == "" {
			continue
		}
		if e := s.region(account, signed.region).find(id); e != nil {
			id = e.name
		}
		names = append(names, id)
	}
	return names
}

// decode reads the parameters of an operation.
func decode(body []byte, into any) *Error {
	err := json.Unmarshal(body, into)
	var form *json.UnmarshalTypeError
	switch {
	case errors.As(err, &form):
		return fail("SerializationException", "The value of %s has the wrong type.", form.Field)
	case err != nil:
		return fail("SerializationException", "The body is not JSON.")
	}
	return nil
}

func answerJSON(w http.ResponseWriter, id string, body []byte, failure *Error) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Amzn-Requestid", id)
	status := http.StatusOK
	if failure != nil {
		status = failure.status()
		if failure.RetryAfter > 0 {
			w.Header().Set("Retry-After", itoa(int(math.Ceil(failure.RetryAfter.Seconds()))))
		}
		if body == nil {
			body = failure.body()
		}
	}
	w.Header().Set("Content-Length", itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func (e *Error) body() []byte {
	raw, _ := json.Marshal(map[string]string{"__type": e.Code, "Message": e.Message}) // strings cannot fail
	return raw
}

func itoa(n int) string { return strconv.Itoa(n) }
