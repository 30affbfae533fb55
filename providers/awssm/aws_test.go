package awssm_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers/awssm"
	"github.com/keyrota/keyrota/providers/awssm/awstest"
	"github.com/keyrota/keyrota/providers/pace"
	"github.com/keyrota/keyrota/rotation"
)

const (
	keyOne = "CANARY-one-0123456789-0123456789-0123456789"
	keyTwo = "CANARY-two-0123456789-0123456789-0123456789"
	west   = "eu-west-1"
	north  = "eu-north-1"
)

func TestMain(m *testing.M) {
	for _, name := range os.Environ() {
		if name, _, _ = strings.Cut(name, "="); strings.HasPrefix(name, "AWS_") {
			_ = os.Unsetenv(name)
		}
	}
	none := filepath.Join(os.TempDir(), "keyrota-no-such-file")
	for name, value := range map[string]string{
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none,
	} {
		_ = os.Setenv(name, value)
	}
	os.Exit(m.Run())
}

// world is an AWS of its own.
type world struct{ *awstest.Server }

func newWorld(t *testing.T, o ...awstest.Options) *world {
	t.Helper()
	return &world{awstest.Start(t, o...)}
}

// open is a store in the default Region as the user who may do everything.
func (w *world) open(t *testing.T, c awssm.Config) *awssm.Store {
	t.Helper()
	return w.as(t, w.User, c)
}

// as is a store whose default credentials are an identity's.
func (w *world) as(t *testing.T, who awstest.Identity, c awssm.Config) *awssm.Store {
	t.Helper()
	for _, line := range w.Environment(who, awstest.DefaultRegion) {
		name, value, _ := strings.Cut(line, "=")
		t.Setenv(name, value)
	}
	s, err := awssm.New(c, awssm.Options{Paces: unpaced(c)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// unpaced has no call wait for a quota: the emulator has none unless told so.
func unpaced(c awssm.Config) *pace.Paces {
	paces := &pace.Paces{}
	account := "default"
	if parts := strings.Split(c.RoleARN, ":"); len(parts) > 4 {
		account = parts[4]
	}
	for _, region := range []string{awstest.DefaultRegion, west, north} {
		for _, class := range []string{"write", "tag", "create", "restore", "list", "describe", "get"} {
			paces.Get("aws/"+account+"/"+region+"/"+class, pace.Quota{})
		}
	}
	return paces
}

// only checks which calls are made while do runs.
func (w *world) only(t *testing.T, want map[string]int, do func()) {
	t.Helper()
	before := w.Calls()
	do()
	got := w.Calls()
	for op, n := range before {
		if got[op] -= n; got[op] == 0 {
			delete(got, op)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("calls %v, want %v", got, want)
	}
}

func (w *world) secret(t *testing.T, name string) awstest.Secret {
	t.Helper()
	x, ok := w.Describe(name)
	if !ok {
		t.Fatalf("there is no secret %s", name)
	}
	return x
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func dest(text string) rotation.Destination {
	d, ok := rotation.ParseDestination("aws:" + text)
	if !ok {
		panic(text)
	}
	return d
}

func wantRaw(t *testing.T, w *awstest.Console, name, want string) {
	t.Helper()
	if got, _ := w.Raw(name); got != want {
		t.Errorf("%s holds %q, want %q", name, got, want)
	}
}
