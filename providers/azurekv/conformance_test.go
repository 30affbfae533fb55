package azurekv_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/azurekv"
	"github.com/keyrota/keyrota/providers/azurekv/azuretest"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
)

// The server of these tests is a stand-in of ours: see package azuretest.

func TestConformance(t *testing.T) {
	t.Run("versions apart", func(t *testing.T) { conformance(t, azuretest.Options{Step: step}) })
	t.Run("versions in one second", func(t *testing.T) {
		begun := time.Now()
		conformance(t, azuretest.Options{Now: func() time.Time { return begun }, EmptyForMissing: true})
	})
}

func conformance(t *testing.T, o azuretest.Options) {
	t.Parallel()
	fits, over := strings.Repeat("x", 25*1024), strings.Repeat("x", 25*1024+1)
	providertest.TestStore(t, providertest.StoreHarness{
		Can: providertest.StoreAbilities{
			Raw: true, Fields: true, KeepsText: true, Older: o.Step > 0, CreatesMarked: true, Idempotent: true,
			ObserveCalls: func(secrets int) int { return secrets/25 + 1 }, Many: 60,
		},
		Open: func(t *testing.T) providertest.StoreService { return &service{world: startWith(t, o), vault: "az"} },
		Limits: []providertest.StoreLimit{
			{Name: "a name of 127 characters", Secret: strings.Repeat("n", 127), Payload: providertest.Value(keyOne)},
			{Name: "a name of 128 characters", Secret: strings.Repeat("n", 128), Payload: providertest.Value(keyOne), Invalid: true},
			{Name: "a name with a space", Secret: "ci/a b", Payload: providertest.Value(keyOne), Invalid: true},
			{Name: "a value of 25 KB", Secret: "ci/large", Payload: providertest.Value(fits)},
			{Name: "a value of a byte more", Secret: "ci/large", Payload: providertest.Value(over), Invalid: true},
			{Name: "a field with a long name", Secret: "ci/long", Field: strings.Repeat("f", 600), Payload: providertest.Value(keyOne)},
			{Name: "an object in a field", Secret: "ci/both", Field: "K", Payload: providers.Payload{Value: providers.NewSecret(`{"a":"b"}`), Object: true}, Invalid: true},
			{Name: "what is no object", Secret: "ci/broken", Payload: providers.Payload{Value: providers.NewSecret(`{"a"` + keyOne), Object: true}, Invalid: true},
		},
	})
}

// exclusive is a store whose destinations all bear the promise that nobody else
// writes them, which the suite's payloads do not bring.
type exclusive struct{ *azurekv.Store }

func (e exclusive) Check(d rotation.Destination, p providers.Payload) error {
	p.Exclusive = true
	return e.Store.Check(d, p)
}

func (e exclusive) Put(ctx context.Context, d rotation.Destination, p providers.Payload, m rotation.Mark, seen rotation.Holding) (rotation.Holding, error) {
	p.Exclusive = true
	return e.Store.Put(ctx, d, p, m, seen)
}

// service is a vault and a person who may do everything in it.
type service struct {
	*world
	vault string
}

func (s *service) Store() providers.SecretStore { return exclusive{s.store} }

func (s *service) Destination(secret, field string) rotation.Destination {
	return rotation.Destination{Store: s.vault, Path: name(secret), Field: field}
}

func name(path string) string { return strings.NewReplacer("/", "-", "_", "-", ".", "-").Replace(path) }

func (s *service) Raw(_ *testing.T, path string) (string, bool)     { return s.Vault.Raw(name(path)) }
func (s *service) Edit(_ *testing.T, path, content string)          { s.Vault.Edit(name(path), content) }
func (s *service) Unmark(_ *testing.T, path string)                 { s.Untag(name(path)) }
func (s *service) Remove(_ *testing.T, path string)                 { s.Purge(name(path)) }
func (s *service) Delete(_ *testing.T, path string)                 { s.Disable(name(path)) }
func (s *service) Destroy(_ *testing.T, path string)                { s.Vault.Delete(name(path)) }
func (s *service) Undo(_ *testing.T, path string)                   { s.Recover(name(path)) }
func (s *service) Versions(_ *testing.T, path string) int           { return len(s.Vault.Versions(name(path))) }
func (s *service) Tags(_ *testing.T, path string) map[string]string { return s.Vault.Tags(name(path)) }
func (s *service) Tag(_ *testing.T, path, key, value string)        { s.Vault.Tag(name(path), key, value) }

func (s *service) Description(_ *testing.T, path string) string {
	return s.Vault.Tags(name(path))["description"]
}

func (s *service) Denied(t *testing.T) providers.SecretStore {
	return exclusive{s.open(t, azurekv.Config{URL: s.URL}, azurekv.Options{HTTPClient: s.Client(), Credential: s.Unknown()})}
}

func (s *service) Unreachable(*testing.T) providers.SecretStore {
	s.SetUnreachable(true)
	return s.Store()
}

func (s *service) Throttle(_ *testing.T, calls int, after time.Duration) {
	s.Reset()
	if calls > 0 {
		s.Server.Throttle("", calls, after)
	}
}

func (s *service) LoseAnswer(*testing.T) {
	s.Inject(azuretest.Fault{Operation: "SetSecret", Drop: true})
}

func (s *service) Lag(*testing.T) func() {
	s.SetLags(azuretest.Lags{List: azuretest.Lag{Hold: true}, Versions: azuretest.Lag{Hold: true}})
	return s.Release
}

func (s *service) Calls() providertest.StoreCalls {
	var sum providertest.StoreCalls
	for operation, n := range s.Server.Calls() {
		switch operation {
		case "ListSecrets", "ListDeletedSecrets":
			sum.Lists += n
		case "ListVersions", "GetDeletedSecret":
			sum.Looks += n
		case "GetSecret":
			sum.Values += n
		case "SetSecret", "UpdateSecret", "DeleteSecret", "RecoverDeletedSecret", "PurgeDeletedSecret":
			sum.Writes += n
		}
	}
	return sum
}
