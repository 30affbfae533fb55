package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/keyrota/keyrota/sync/ledger"
)

// engines returns the daemons that run on the ledger now.
func (s *system) engines(ctx context.Context) ([]ledger.Engine, error) {
	if s.ledger == nil {
		return nil, nil
	}
	return s.ledger.Engines(ctx)
}

// named names daemons for people.
func named(engines []ledger.Engine) string {
	names := make([]string, 0, len(engines))
	for _, e := range engines {
		names = append(names, e.Name)
	}
	return strings.Join(names, "; ")
}

// engineView says whether daemons run on this ledger.
type engineView struct {
	Running  bool          `json:"running"`
	Holder   string        `json:"holder,omitempty"`
	Replicas []replicaView `json:"replicas,omitempty"`
}

// replicaView is one of them.
type replicaView struct {
	Name    string     `json:"name"`
	Version string     `json:"version,omitempty"`
	Since   *time.Time `json:"since,omitempty"`
	Seen    *time.Time `json:"seen,omitempty"`
}

// engineView asks which run. One that cannot be asked about is not told of:
// what is asked next says what is wrong with the ledger.
func (s *system) engineView(ctx context.Context) engineView {
	engines, err := s.engines(ctx)
	if err != nil || len(engines) == 0 {
		return engineView{}
	}
	v := engineView{Running: true, Holder: named(engines)}
	for _, e := range engines {
		v.Replicas = append(v.Replicas, replicaView{e.Name, e.Version, moment(e.Since), moment(e.Seen)})
	}
	return v
}

// String says it to a person.
func (v engineView) String() string {
	switch {
	case !v.Running:
		return "No daemon runs on this ledger."
	case len(v.Replicas) > 1:
		return fmt.Sprintf("%d daemons run: %s.", len(v.Replicas), v.Holder)
	}
	return "The daemon runs: " + v.Holder + "."
}
