package sandbox

import (
	"errors"
	"io"
	"net/http"

	"github.com/goccy/go-yaml"
)

// The endpoints under /sandbox drive the server from another process. They take YAML or JSON with the fields of the
// seed, and only administrators of the organization may use them. Faults do not touch them.

func (s *Server) control(w http.ResponseWriter, r *http.Request, into any) bool {
	s.mu.Lock()
	c, err := s.authenticate(r, s.options.Now())
	s.mu.Unlock()
	switch {
	case err != nil:
		writeErrors(w, http.StatusUnauthorized, err.Error())
		return false
	case c.account == nil || !c.account.admin:
		writeErrors(w, http.StatusForbidden, "only an administrator of the organization may drive the sandbox")
		return false
	}
	if into == nil {
		return true
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err == nil {
		err = decodeStrict(body, into)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		writeErrors(w, http.StatusBadRequest, err.Error())
		return false
	}
	return true
}

func (s *Server) listFaults(w http.ResponseWriter, r *http.Request) {
	if !s.control(w, r, nil) {
		return
	}
	body, err := yaml.MarshalWithOptions(map[string][]Fault{"faults": s.Faults()}, yaml.JSON())
	if err != nil {
		writeErrors(w, http.StatusInternalServerError, "the faults cannot be written as JSON")
		return
	}
	answer{status: http.StatusOK, contentType: "application/json", body: body}.write(w)
}

func (s *Server) addFault(w http.ResponseWriter, r *http.Request) {
	var f Fault
	if !s.control(w, r, &f) {
		return
	}
	if err := s.AddFault(f); err != nil {
		writeErrors(w, http.StatusBadRequest, err.Error())
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) clearFaults(w http.ResponseWriter, r *http.Request) {
	if !s.control(w, r, nil) {
		return
	}
	s.ClearFaults()
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) createServiceAccount(w http.ResponseWriter, r *http.Request) {
	var wanted struct {
		Name    string `yaml:"name"`
		Scope   Scope  `yaml:"scope"`
		Team    string `yaml:"team"`
		Subject string `yaml:"subject"`
	}
	if !s.control(w, r, &wanted) {
		return
	}
	info, err := s.CreateServiceAccount(wanted.Name, wanted.Scope, wanted.Team, wanted.Subject)
	if err != nil {
		writeErrors(w, http.StatusBadRequest, err.Error())
		return
	}
	jsonAnswer(http.StatusCreated, map[string]string{"id": info.ID, "username": info.Username}).write(w)
}

func (s *Server) createKey(w http.ResponseWriter, r *http.Request) {
	var wanted struct {
		Description string `yaml:"description"`
	}
	if !s.control(w, r, &wanted) {
		return
	}
	id, value, err := s.CreateKey(r.PathValue("username"), wanted.Description)
	if err != nil {
		writeErrors(w, http.StatusBadRequest, err.Error())
		return
	}
	jsonAnswer(http.StatusCreated, map[string]string{"id": id, "key": value}).write(w)
}
