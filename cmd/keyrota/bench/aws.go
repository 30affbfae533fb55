package main

import (
	"context"
	"os"
	"strings"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/awssm"
	"github.com/keyrota/keyrota/providers/awssm/awstest"
	"github.com/keyrota/keyrota/providers/pace"
)

// amazon is the emulator of AWS Secrets Manager behind the road.
type amazon struct {
	server *awstest.Server
	stop   func()
}

func newAWS(ctx context.Context, road *meter) (service, error) {
	s := &amazon{server: awstest.New(awstest.Options{})}
	var err error
	s.server.URL, s.stop, err = listen(ctx, road.before(s.server))
	return s, err
}

func (s *amazon) name() string { return "aws" }

func (s *amazon) block() string { return "{region: " + awstest.DefaultRegion + "}" }

func (s *amazon) environment() []string {
	return s.server.Environment(s.server.User, awstest.DefaultRegion)
}

func (s *amazon) destination(i int) string { return "wandb/" + teamName(i) + "/" + accountName(i) }

func (s *amazon) open(paces *pace.Paces) (providers.SecretStore, error) {
	for _, line := range s.environment() { // AWS's own chain looks there
		name, value, _ := strings.Cut(line, "=")
		if err := os.Setenv(name, value); err != nil {
			return nil, err
		}
	}
	return awssm.New(awssm.Config{Region: awstest.DefaultRegion, Endpoint: s.server.URL}, awssm.Options{Paces: paces})
}

func (s *amazon) reset() {
	s.server.Reset()
	s.server.SetQuotas(awstest.PublishedQuotas()...)
}

func (s *amazon) traffic() traffic {
	t := traffic{service: "aws", calls: s.server.Calls(), atOnce: 1}
	for _, n := range s.server.Throttled() {
		t.throttled += n
	}
	t.values = t.calls["GetSecretValue"] + t.calls["BatchGetSecretValue"]
	for _, q := range awstest.PublishedQuotas() {
		t.quotas = append(t.quotas, quota{q.Operations, float64(q.PerSecond)})
	}
	return t
}

func (s *amazon) read(i int) string {
	value, _ := s.server.Raw(s.destination(i))
	return value
}

func (s *amazon) close() { s.stop() }
