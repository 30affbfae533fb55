package awstest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The module that AWS's model is in. It is data for tests: nothing links it,
// and go.mod does not name it.
const modelModule = "github.com/aws/aws-sdk-go@v1.55.8"

// ErrNoModel says that AWS's model is not on this machine and cannot be had.
var ErrNoModel = errors.New("awstest: no model of the API: the Go module proxy does not give " + modelModule)

// ModelDir is the folder with AWS's model of the API (api-2.json) and its
// examples (examples-1.json), which the go command fetches where it has to.
func ModelDir(ctx context.Context) (string, error) {
	// Outside of any module, so that no go.mod or go.sum changes.
	outside, err := os.MkdirTemp("", "awstest-")
	if err != nil {
		return "", fmt.Errorf("awstest: %w", err)
	}
	defer func() { _ = os.RemoveAll(outside) }()
	download := exec.CommandContext(ctx, "go", "mod", "download", "-json", modelModule)
	download.Dir = outside
	download.Env = append(os.Environ(), "GOWORK=off", "GO111MODULE=on", "GOFLAGS=-mod=mod")
	out, err := download.Output()
	var answer struct{ Dir string }
	if err == nil {
		err = json.Unmarshal(out, &answer)
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoModel, err)
	}
	return filepath.Join(answer.Dir, "models", "apis", "secretsmanager", "2017-10-17"), nil
}

// FindModel returns AWS's model. A test that misses it skips with a word, and
// fails where CI=true.
func FindModel(t testing.TB) *Model {
	t.Helper()
	dir, err := ModelDir(t.Context())
	if errors.Is(err, ErrNoModel) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	m, err := LoadModel(filepath.Join(dir, "api-2.json"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Recorder checks every exchange against the model, for Options.Observe.
func (m *Model) Recorder(t testing.TB) func(Exchange) {
	return func(e Exchange) {
		if err := m.Check(e); err != nil {
			t.Errorf("awstest: not as AWS's model has it: %v", err) // never with the exchange itself: it holds secrets
		}
	}
}
