package sandbox

import (
	"encoding/json"
	"net/http"
)

// serveFileStream is a stand-in for the endpoint to which W&B's SDK streams a run's logs and beats its heart. It reads
// whether the run is complete and forgets the rest.
func (s *Server) serveFileStream(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Complete bool `json:"complete"`
		ExitCode int  `json:"exitcode"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&body); err != nil {
		writeErrors(w, http.StatusBadRequest, "the request's body is not JSON")
		return
	}
	s.perform(w, r, []string{"file_stream"}, func(q *request) answer {
		if q.account == nil {
			return errorAnswer(http.StatusUnauthorized, errNotLoggedIn.Error())
		}
		found := q.findRun(r.PathValue("entity"), r.PathValue("project"), r.PathValue("run"))
		if found == nil {
			return errorAnswer(http.StatusNotFound, "there is no such run that you may write to")
		}
		state := "running"
		switch {
		case body.Complete && body.ExitCode == 0:
			state = "finished"
		case body.Complete:
			state = "failed"
		}
		q.beat(found, state)
		return jsonAnswer(http.StatusOK, map[string]any{"limits": map[string]any{}})
	})
}

func (q *request) findRun(entity, projectName, name string) *run {
	p := q.world.project(q.world.team(entity), projectName)
	if p == nil || !q.mayWrite(p) {
		return nil
	}
	for _, r := range p.runs {
		if r.name == name {
			return r
		}
	}
	return nil
}
