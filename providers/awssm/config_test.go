package awssm_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/awssm"
	"github.com/keyrota/keyrota/providers/providertest"
)

func TestCheckConfig(t *testing.T) {
	key := "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	for _, c := range []struct {
		config awssm.Config
		want   string // the path that is wrong
	}{
		{awssm.Config{}, ""},
		{awssm.Config{
			Region: "eu-central-1", Profile: "ml", RoleARN: roleARN, ExternalID: "ours", Endpoint: "https://vpce-1.example", KMSKey: key,
			Replicas: []awssm.Replica{{Region: west, KMSKey: "alias/ours", Endpoint: "https://vpce-2.example"}, {Region: "us-gov-west-1"}},
		}, ""},
		{awssm.Config{RoleARN: "arn:aws-us-gov:iam::" + otherAccount + ":role/path/keyrota"}, ""},
		{awssm.Config{Region: "Frankfurt"}, "region"},
		{awssm.Config{RoleARN: "keyrota"}, "role_arn"},
		{awssm.Config{RoleARN: "arn:aws:iam::1:role/x"}, "role_arn"},
		{awssm.Config{RoleARN: roleARN, ExternalID: "a b"}, "external_id"},
		{awssm.Config{ExternalID: "ours"}, "external_id"},
		{awssm.Config{Endpoint: "localhost:4566"}, "endpoint"},
		{awssm.Config{Endpoint: "https://key:secret@example.com"}, "endpoint"},
		{awssm.Config{KMSKey: "our key"}, "kms_key"},
		{awssm.Config{Replicas: []awssm.Replica{{}}}, "replicas[0].region"},
		{awssm.Config{Region: west, Replicas: []awssm.Replica{{Region: west}}}, "replicas[0].region"},
		{awssm.Config{Replicas: []awssm.Replica{{Region: west}, {Region: west}}}, "replicas[1].region"},
		{awssm.Config{Replicas: []awssm.Replica{{Region: west, Endpoint: "x"}}}, "replicas[0].endpoint"},
		{awssm.Config{Replicas: []awssm.Replica{{Region: west, KMSKey: "a b"}}}, "replicas[0].kms_key"},
	} {
		var wrong []string
		c.config.Check(func(path, message, hint string) {
			wrong = append(wrong, path)
			if message == "" || hint == "" {
				t.Errorf("%s: no words", path)
			}
		})
		if got := strings.Join(wrong, " "); got != c.want {
			t.Errorf("%+v: wrong at %q, want %q", c.config, got, c.want)
		}
	}
}

func TestOverride(t *testing.T) {
	var c awssm.Config
	if !c.Override("region", west) || !c.Override("role_arn", roleARN) || c.Override("kms_key", "x") {
		t.Error("not what may be overridden")
	}
	if c.Region != west || c.RoleARN != roleARN || c.KMSKey != "" {
		t.Errorf("%+v", c)
	}
}

func TestIdentity(t *testing.T) {
	for _, c := range []struct {
		config awssm.Config
		env    map[string]string
		want   string
	}{
		{awssm.Config{}, nil, "aws:///default/default/ci/wandb"},
		{awssm.Config{Region: west}, map[string]string{"AWS_REGION": north}, "aws:///default/eu-west-1/ci/wandb"},
		{awssm.Config{}, map[string]string{"AWS_REGION": north, "AWS_DEFAULT_REGION": west, "AWS_PROFILE": "ml"}, "aws:///ml/eu-north-1/ci/wandb"},
		{awssm.Config{}, map[string]string{"AWS_DEFAULT_REGION": west}, "aws:///default/eu-west-1/ci/wandb"},
		{awssm.Config{Profile: "mine", Region: west}, map[string]string{"AWS_PROFILE": "ml"}, "aws:///mine/eu-west-1/ci/wandb"},
		{awssm.Config{Profile: "mine", Region: west, RoleARN: roleARN}, nil, "aws:///" + otherAccount + "/eu-west-1/ci/wandb"},
		{awssm.Config{Region: west, Endpoint: "https://Vpce.example/"}, nil, "aws://vpce.example/default/eu-west-1/ci/wandb"},
		{awssm.Config{Region: west}, map[string]string{"AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://localhost:4566"}, "aws://localhost:4566/default/eu-west-1/ci/wandb"},
	} {
		t.Run(c.want, func(t *testing.T) {
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			if got := c.config.Identity("ci/wandb"); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if c.config.Region == "" && c.env == nil || c.env["AWS_PROFILE"] != "" || c.config.Profile != "" {
				return // New has nothing to go by
			}
			s, err := awssm.New(c.config, awssm.Options{})
			if err != nil || s.Identity(dest("ci/wandb#KEY")) != c.want {
				t.Errorf("the store's: %v, %v", s, err)
			}
		})
	}
}

// New says at once what no call could change.
func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		config awssm.Config
		words  string
	}{
		{"no Region", awssm.Config{}, "write region, or set AWS_REGION"},
		{"no such profile", awssm.Config{Region: west, Profile: "nobody"}, `there is no AWS profile "nobody"`},
		{"a wrong block", awssm.Config{Region: "x", ExternalID: "ours"}, "external_id"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := awssm.New(c.config, awssm.Options{}); err == nil || !strings.Contains(err.Error(), c.words) {
				t.Errorf("%v, want %q", err, c.words)
			}
		})
	}
	t.Setenv("AWS_REGION", west)
	if _, err := awssm.New(replicated(west), awssm.Options{}); err == nil || !strings.Contains(err.Error(), "the store's own Region") {
		t.Errorf("%v", err)
	}
}

func TestWarnings(t *testing.T) {
	for endpoint, want := range map[string]string{
		"": "[]", "http://127.0.0.1:4566": "[]", "http://localhost:4566": "[]", "https://vpce.example": "[]",
		"http://vpce.example": "[vpce.example is reached without TLS: whoever listens in gets the keys]",
	} {
		s, err := awssm.New(awssm.Config{Region: west, Endpoint: endpoint, Replicas: []awssm.Replica{{Region: north}}}, awssm.Options{})
		must(t, err)
		if got := fmt.Sprint(s.Warnings()); got != want {
			t.Errorf("%q: %s, want %s", endpoint, got, want)
		}
	}
}

func TestCheckTags(t *testing.T) {
	s, err := awssm.New(awssm.Config{Region: west}, awssm.Options{})
	must(t, err)
	long := func(n int) string { return strings.Repeat("é", n) }
	for _, c := range []struct {
		key, value string
		ok         bool
	}{
		{"team", "ml platform", true}, {"jenkins:credentials:type", "string", true}, {long(128), long(256), true}, {"team", "", true},
		{long(129), "", false}, {"team", long(257), false}, {"", "x", false}, {"team", "a,b", false}, {"te;am", "x", false},
		{"aws:x", "x", false}, {"AWS:x", "x", false}, {"keyrota.KEY", "x", false}, {"Keyrota", "x", false}, {"team", "\xff", false},
	} {
		err := s.CheckTags(dest("ci/wandb"), map[string]string{c.key: c.value})
		if c.ok && err != nil {
			t.Error(err)
		}
		if !c.ok {
			providertest.WantKind(t, err, providers.Invalid)
			p := providertest.Value(keyOne)
			p.Tags = map[string]string{c.key: c.value}
			providertest.WantKind(t, s.Check(dest("ci/wandb"), p), providers.Invalid)
		}
	}
	p := providertest.Value(keyOne)
	p.Description = strings.Repeat("x", 2049)
	providertest.WantKind(t, s.Check(dest("ci/wandb"), p), providers.Invalid, "description")
	providertest.WantKind(t, s.Check(dest("arn:aws:secretsmanager:eu-west-1:123456789012:secret:x"), providertest.Value(keyOne)), providers.Invalid, "the secret's name")
}
