package azurekv_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
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

func mark(account string, e rotation.Edition) rotation.Mark {
	return rotation.Mark{
		Instance: "prod", Ledger: "5f0c2d9e-ledger", Account: rotation.AccountID("acct-" + account),
		Edition: e, Key: rotation.KeyID(fmt.Sprintf("key-%s-%d", account, e)), Shape: "shape-1",
	}
}

// value is a payload for a secret that nobody else writes.
func value(s string) providers.Payload {
	return providers.Payload{Value: providers.NewSecret(s), Exclusive: true}
}

func look(t *testing.T, s providers.SecretStore, d rotation.Destination) rotation.Holding {
	t.Helper()
	h, err := s.Look(t.Context(), d)
	if err != nil {
		t.Fatalf("look %s: %v", d, err)
	}
	if !h.Fresh {
		t.Errorf("look %s: not fresh", d)
	}
	return h
}

func put(t *testing.T, s providers.SecretStore, d rotation.Destination, p providers.Payload, m rotation.Mark) rotation.Holding {
	t.Helper()
	h, err := s.Put(t.Context(), d, p, m, look(t, s, d))
	if err != nil {
		t.Fatalf("put %s: %v", d, err)
	}
	return h
}

func wantState(t *testing.T, s providers.SecretStore, d rotation.Destination, want rotation.State) rotation.Holding {
	t.Helper()
	h := look(t, s, d)
	if h.State != want {
		t.Errorf("%s: state %q, want %q: %+v", d, h.State, want, h)
	}
	return h
}

func wantMarked(t *testing.T, s providers.SecretStore, d rotation.Destination, m rotation.Mark) rotation.Holding {
	t.Helper()
	h := wantState(t, s, d, rotation.StateMarked)
	if h.Mark != m {
		t.Errorf("%s: mark %+v, want %+v", d, h.Mark, m)
	}
	return h
}

func wantValue(t *testing.T, s providers.Reader, d rotation.Destination, v rotation.Version, want string) {
	t.Helper()
	got, err := s.Read(t.Context(), d, v)
	if err != nil || got.Expose() != want {
		t.Errorf("read %s at %q: %q, %v, want %q", d, v, got.Expose(), err, want)
	}
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

// wantKind checks an error's kind, that it says some words, and that in no way
// of printing it holds a key or a token.
func wantKind(t *testing.T, err error, kind providers.Kind, words ...string) {
	t.Helper()
	var told *providers.Error
	if !errors.As(err, &told) {
		t.Fatalf("got %v, want a *providers.Error of kind %q", err, kind)
	}
	if told.Kind != kind {
		t.Errorf("kind %q, want %q: %v", told.Kind, kind, err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%v\ndoes not say %q", err, w)
		}
	}
	noCanary(t, err)
}

func noCanary(t *testing.T, err error) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		for _, verb := range []string{"%v", "%+v", "%#v", "%q"} {
			if strings.Contains(fmt.Sprintf(verb, err), "CANARY") {
				t.Errorf("the error holds a secret, printed with %s: %T", verb, err)
			}
		}
	}
}
