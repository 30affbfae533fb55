package main

import (
	"fmt"
	"log/slog"
	"strings"
)

// logger returns where the daemon logs to: text for a person at a terminal,
// JSON for whatever else reads standard error, unless the form was chosen.
func (a *app) logger(chosen bool) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(a.logLevel)); err != nil {
		return nil, fmt.Errorf("--log-level %s: write debug, info, warn or error", a.logLevel)
	}
	o := &slog.HandlerOptions{Level: level}
	if json := a.logJSON || !chosen && !terminal(a.stderr); json {
		return slog.New(slog.NewJSONHandler(a.stderr, o)), nil
	}
	return slog.New(slog.NewTextHandler(a.stderr, o)), nil
}

// warnings logs what commands print as lines.
type warnings struct{ log *slog.Logger }

// Write logs one warning.
func (w warnings) Write(line []byte) (int, error) {
	w.log.Warn(strings.TrimSpace(string(line)))
	return len(line), nil
}
