package awssm_test

import (
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers/awssm"
)

// Whoever writes egress rules is told every address, in every partition.
func TestEndpoints(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL", "")
	t.Setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "")
	for _, c := range []struct {
		config awssm.Config
		want   string
	}{
		{awssm.Config{Region: "eu-central-1"}, "https://secretsmanager.eu-central-1.amazonaws.com"},
		{awssm.Config{Region: "cn-north-1"}, "https://secretsmanager.cn-north-1.amazonaws.com.cn"},
		{awssm.Config{Region: "eu-central-1", Endpoint: "http://127.0.0.1:4566"}, "http://127.0.0.1:4566"},
		{
			awssm.Config{Region: "eu-central-1", RoleARN: "arn:aws:iam::123456789012:role/keyrota", Replicas: []awssm.Replica{{Region: "us-east-1"}}},
			"https://secretsmanager.eu-central-1.amazonaws.com https://secretsmanager.us-east-1.amazonaws.com https://sts.eu-central-1.amazonaws.com",
		},
	} {
		s, err := awssm.New(c.config, awssm.Options{})
		if err != nil {
			t.Fatal(err)
		}
		all, err := s.Endpoints(t.Context())
		var got []string
		for _, e := range all {
			got = append(got, e.URL)
		}
		if strings.Join(got, " ") != c.want || err != nil {
			t.Errorf("%+v: %s, %v", c.config, got, err)
		}
	}
}
