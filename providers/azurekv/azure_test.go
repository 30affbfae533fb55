package azurekv_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/azurekv"
	"github.com/keyrota/keyrota/providers/azurekv/azuretest"
	"github.com/keyrota/keyrota/providers/pace"
	"github.com/keyrota/keyrota/rotation"
)

const (
	keyOne = "local-CANARY-one-0123456789-0123456789-0123456789"
	keyTwo = "local-CANARY-two-0123456789-0123456789-0123456789"
)

func TestMain(m *testing.M) {
	for _, name := range os.Environ() {
		name, _, _ = strings.Cut(name, "=")
		if strings.HasPrefix(name, "AZURE_") || strings.HasPrefix(name, "IDENTITY_") || strings.HasPrefix(name, "MSI_") {
			_ = os.Unsetenv(name)
		}
	}
	os.Exit(m.Run())
}

// world is a stand-in and a store before its first vault.
type world struct {
	*azuretest.Server
	store *azurekv.Store
}

// step is far enough between versions that the newest is the current one.
const step = 10 * time.Second

// start gives a world where the versions of a secret are a step apart.
func start(t *testing.T) *world { return startWith(t, azuretest.Options{Step: step}) }

func startWith(t *testing.T, o azuretest.Options) *world {
	t.Helper()
	w := &world{Server: azuretest.Start(t, o)}
	w.store = w.as(t, w.Admin)
	return w
}

// as is a store before the first vault that signs in without a call.
func (w *world) as(t *testing.T, app azuretest.App) *azurekv.Store {
	return w.open(t, azurekv.Config{URL: w.URL}, azurekv.Options{
		HTTPClient: w.Client(), Credential: w.Credential(app), Paces: &pace.Paces{Unlimited: true},
	})
}

func (w *world) open(t *testing.T, c azurekv.Config, o azurekv.Options) *azurekv.Store {
	t.Helper()
	s, err := azurekv.New(c, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func dest(text string) rotation.Destination {
	d, ok := rotation.ParseDestination("az:" + text)
	if !ok {
		panic(text)
	}
	return d
}

func wantVersions(t *testing.T, w *world, name string, want int) {
	t.Helper()
	if got := len(w.Versions(name)); got != want {
		t.Errorf("%s has %d versions, want %d", name, got, want)
	}
}

func wantCalls(t *testing.T, w *world, want map[string]int) {
	t.Helper()
	got := w.Calls()
	delete(got, "Challenge")
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("calls: %v\nwant:  %v", got, want)
	}
}
