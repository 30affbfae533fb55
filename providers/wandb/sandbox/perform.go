package sandbox

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
)

// answer is a response before it is written, so that it can be lost after the effect.
type answer struct {
	status      int
	contentType string
	body        []byte
	// stream writes the body in place of body, where it is too long to be held. It is called without the server's lock.
	stream func(io.Writer) error
}

const streamBuffer = 64 << 10

func jsonAnswer(status int, value any) answer {
	body, err := json.Marshal(value)
	if err != nil {
		return errorAnswer(http.StatusInternalServerError, "the answer cannot be written as JSON")
	}
	return answer{status: status, contentType: "application/json", body: append(body, '\n')}
}

// errorAnswer has the body of a GraphQL error, as W&B's server sends it with 4xx and 5xx too.
func errorAnswer(status int, message string) answer {
	type graphQLError struct {
		Message string `json:"message"`
	}
	return jsonAnswer(status, map[string]any{"errors": []graphQLError{{message}}})
}

func (a answer) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", a.contentType)
	w.WriteHeader(a.status)
	// A client that is gone has lost its answer; there is nobody to tell.
	if a.stream == nil {
		_, _ = w.Write(a.body)
		return
	}
	buffered := bufio.NewWriterSize(w, streamBuffer)
	if a.stream(buffered) != nil || buffered.Flush() != nil {
		panic(http.ErrAbortHandler) // an answer that breaks off must not look whole
	}
}

func writeErrors(w http.ResponseWriter, status int, message string) {
	errorAnswer(status, message).write(w)
}

// perform carries out a request that asks for the named operations: it counts them, lets faults and the rate limit
// have their say, finds out who asks, executes under the lock, and saves before it answers.
func (s *Server) perform(w http.ResponseWriter, r *http.Request, operations []string, execute func(*request) answer) {
	faults := s.arrive(r, operations)
	if !s.sufferBefore(w, r, faults) {
		return
	}
	result := s.executeLocked(w, r, faults, execute)
	if faults.lostAnswer {
		panic(http.ErrAbortHandler)
	}
	result.write(w)
}

// arrive counts the operations and takes the faults that are meant for them.
func (s *Server) arrive(r *http.Request, operations []string) suffered {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, _ := s.authenticate(r, s.options.Now())
	for _, operation := range operations {
		s.calls[call{operation, c.account}]++
	}
	return s.takeFaults(operations, c.account)
}

func (s *Server) executeLocked(w http.ResponseWriter, r *http.Request, faults suffered, execute func(*request) answer) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.options.Now()
	c, err := s.authenticate(r, now)
	if err != nil {
		return errorAnswer(http.StatusUnauthorized, err.Error())
	}
	if c.account != nil && !s.withinLimit(w, c.account, now) {
		return errorAnswer(http.StatusTooManyRequests, "the rate limit of this account is exceeded")
	}
	if faults.refusal != "" {
		return errorAnswer(http.StatusOK, faults.refusal)
	}
	q := &request{server: s, world: s.world, caller: c, now: now, keyDelay: faults.keyDelay}
	q.onBehalf = r.Header.Get("X-Wandb-Username")
	if q.onBehalf == "" {
		q.onBehalf = r.Header.Get("X-Wandb-User-Email")
	}
	result := execute(q)
	if s.world.unsaved {
		if err := s.save(); err != nil {
			s.options.Logger.Error("saving the state", "error", err)
			return errorAnswer(http.StatusInternalServerError, "the sandbox could not save its state")
		}
	}
	return result
}
