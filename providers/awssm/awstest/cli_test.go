package awstest_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers/awssm/awstest"
)

// awsCLI runs the AWS CLI with nothing of this machine's configuration.
func awsCLI(t *testing.T, environment []string, arguments ...string) []byte {
	t.Helper()
	binary, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("no AWS CLI (aws) on the PATH")
	}
	cmd := exec.CommandContext(t.Context(), binary, arguments...)
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "AWS_") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	none := filepath.Join(t.TempDir(), "none")
	cmd.Env = append(append(cmd.Env, "AWS_CONFIG_FILE="+none, "AWS_SHARED_CREDENTIALS_FILE="+none, "AWS_PAGER="), environment...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("aws %s: %v\n%s", arguments[:2], err, complaint.String())
	}
	return out
}

func TestTheAWSCLIReadsTheSameFromBothEmulators(t *testing.T) {
	s := start(t, awstest.Options{})
	moto := startMoto(t)
	value := canary1 + "\n \"é€😀\\ \t'"
	read := func(c caller) []byte {
		c.create(t, "ml/key", value)
		return awsCLI(t, (&awstest.Server{URL: c.url}).Environment(c.who, c.region), "secretsmanager", "get-secret-value",
			"--secret-id", "ml/key", "--query", "SecretString", "--output", "text")
	}
	ours, theirs := read(from(s)), read(moto)
	if want := value + "\n"; string(ours) != want || string(theirs) != want {
		t.Errorf("got %q from ours and %q from moto, want %q", ours, theirs, want)
	}
}

func TestTheAWSCLIAssumesARole(t *testing.T) {
	s := start(t, awstest.Options{})
	role := "arn:aws:iam::210987654321:role/reader"
	if err := s.AddRole(awstest.Role{ARN: role}); err != nil {
		t.Fatal(err)
	}
	out := awsCLI(t, s.Environment(s.User, awstest.DefaultRegion), "sts", "assume-role", "--role-arn", role,
		"--role-session-name", "cli", "--query", "[Credentials.AccessKeyId,Credentials.SecretAccessKey,Credentials.SessionToken]", "--output", "text")
	parts := strings.Fields(string(out))
	if len(parts) != 3 {
		t.Fatal("no credentials")
	}
	session := awstest.Identity{AccessKeyID: parts[0], SecretAccessKey: parts[1], SessionToken: parts[2]}
	who := awsCLI(t, s.Environment(session, awstest.DefaultRegion), "sts", "get-caller-identity", "--query", "Arn", "--output", "text")
	if got := strings.TrimSpace(string(who)); got != "arn:aws:sts::210987654321:assumed-role/reader/cli" {
		t.Errorf("got %s", got)
	}
}
