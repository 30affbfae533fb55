package vault_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/providers/vault"
	"github.com/keyrota/keyrota/providers/vault/vaulttest"
	"github.com/keyrota/keyrota/rotation"
)

func TestConformance(t *testing.T) {
	long := strings.Repeat("x", 200)
	providertest.TestStore(t, providertest.StoreHarness{
		Can: providertest.StoreAbilities{
			CompareAndSet: true, Fields: true, Older: true, RoundsNumbers: true,
			ObserveCalls: func(secrets int) int { return secrets },
		},
		Open: func(t *testing.T) providertest.StoreService {
			w := newWorld(t)
			return &service{world: w, store: w.root(t)}
		},
		Limits: []providertest.StoreLimit{
			{Name: "a field whose mark needs a shorter name", Secret: "ci/long", Field: long, Payload: providertest.Value(keyOne)},
			{Name: "a path of many parts", Secret: strings.Repeat("deep/", 20) + "end", Field: "K", Payload: providertest.Value(keyOne)},
			{Name: "a value without a field", Secret: "ci/raw", Payload: providertest.Value(keyOne), Invalid: true},
			{Name: "an object in a field", Secret: "ci/both", Field: "K", Payload: providertest.Object(`{"a":"b"}`), Invalid: true},
			{Name: "a path with an empty part", Secret: "ci//raw", Field: "K", Payload: providertest.Value(keyOne), Invalid: true},
		},
	})
}

// service is an engine and a person with the root token.
type service struct {
	*world
	store *vault.Store
}

func (s *service) Store() providers.SecretStore { return s.store }

func (s *service) Destination(secret, field string) rotation.Destination {
	return rotation.Destination{Store: "v", Path: s.mount + "/" + secret, Field: field}
}

func (s *service) name(path string) string { return strings.TrimPrefix(path, s.mount+"/") }

func (s *service) Raw(t *testing.T, path string) (string, bool) {
	data := s.Data(t, s.mount, s.name(path))
	if data == nil {
		return "", false
	}
	text, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	return string(text), true
}

func (s *service) Edit(t *testing.T, path, content string) {
	s.Call(t, http.MethodPost, s.mount+"/data/"+s.name(path), map[string]any{"data": json.RawMessage(content)})
}

func (s *service) Unmark(t *testing.T, path string) {
	none := map[string]any{}
	for key := range s.Custom(t, s.mount, s.name(path)) {
		none[key] = nil
	}
	s.SetCustom(t, s.mount, s.name(path), none)
}

func (s *service) Remove(t *testing.T, path string) {
	s.Call(t, http.MethodDelete, s.mount+"/metadata/"+s.name(path), nil)
}

func (s *service) Delete(t *testing.T, path string) {
	s.Call(t, http.MethodDelete, s.mount+"/data/"+s.name(path), nil)
}

func (s *service) Undo(t *testing.T, path string) {
	current := s.Call(t, http.MethodGet, s.mount+"/metadata/"+s.name(path), nil)["current_version"]
	s.Call(t, http.MethodPost, s.mount+"/undelete/"+s.name(path), map[string]any{"versions": []any{current}})
}

func (s *service) Destroy(t *testing.T, path string) {
	current := s.Call(t, http.MethodGet, s.mount+"/metadata/"+s.name(path), nil)["current_version"]
	s.Call(t, http.MethodPut, s.mount+"/destroy/"+s.name(path), map[string]any{"versions": []any{current}})
}

func (s *service) Denied(t *testing.T) providers.SecretStore {
	s.put("env:DENIED", keyTwo)
	return s.open(t, vault.Config{Auth: vault.Auth{Token: "env:DENIED"}})
}

func (s *service) Unreachable(*testing.T) providers.SecretStore {
	s.proxy.Inject(vaulttest.Fault{Refuse: true, Times: 999})
	return s.store
}

func (s *service) Break(_ *testing.T, path string) {
	s.proxy.Inject(vaulttest.Fault{Path: path[strings.LastIndexByte(path, '/'):], Status: http.StatusInternalServerError, Times: 999})
}

func (s *service) Versions(t *testing.T, path string) int {
	current, ok := s.Call(t, http.MethodGet, s.mount+"/metadata/"+s.name(path), nil)["current_version"].(float64)
	if !ok {
		t.Fatalf("%s has no current version", path)
	}
	return int(current)
}

func (s *service) Tags(t *testing.T, path string) map[string]string {
	return s.Custom(t, s.mount, s.name(path))
}

func (s *service) Description(t *testing.T, path string) string {
	return s.Custom(t, s.mount, s.name(path))["description"]
}

func (s *service) Tag(t *testing.T, path, name, value string) {
	s.SetCustom(t, s.mount, s.name(path), map[string]any{name: value})
}

func (s *service) Throttle(_ *testing.T, calls int, after time.Duration) {
	s.proxy.Reset()
	f := vaulttest.Fault{Status: http.StatusTooManyRequests, Times: calls, Body: `{"errors":["request path: rate limit quota exceeded"]}`}
	if after > 0 {
		f.Header = http.Header{"Retry-After": {strconv.Itoa(int(after / time.Second))}}
	}
	if calls > 0 {
		s.proxy.Inject(f)
	}
}

func (s *service) LoseAnswer(*testing.T) {
	for _, kind := range []string{"POST data", "PATCH data"} {
		s.proxy.Inject(vaulttest.Fault{Kind: kind, Drop: true, Before: func() error {
			s.proxy.Reset() // the other one
			return nil
		}})
	}
}

func (s *service) BeforeMark(_ *testing.T, f func() error) {
	var once sync.Once
	for _, kind := range []string{"POST data", "PATCH data"} {
		s.proxy.Inject(vaulttest.Fault{Kind: kind, Before: func() error {
			once.Do(func() { s.proxy.Inject(vaulttest.Fault{Kind: "PATCH metadata", Before: f}) })
			return nil
		}})
	}
}

func (s *service) Calls() providertest.StoreCalls {
	var sum providertest.StoreCalls
	for kind, n := range s.proxy.Calls() {
		switch kind {
		case "GET metadata", "GET subkeys", "POST capabilities-self":
			sum.Looks += n
		case "GET data":
			sum.Values += n
		case "POST data", "PATCH data", "POST metadata", "PATCH metadata":
			sum.Writes += n
		}
	}
	return sum
}
