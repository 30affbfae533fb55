package awssm_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/awssm"
	"github.com/keyrota/keyrota/providers/awssm/awstest"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
)

func TestConformance(t *testing.T) {
	h := conformance()
	h.Open = func(t *testing.T) providertest.StoreService {
		w := newWorld(t)
		return &service{world: w, store: w.open(t, awssm.Config{})}
	}
	providertest.TestStore(t, h)
}

// conformance is what the suite needs to know of every AWS.
func conformance() providertest.StoreHarness {
	return providertest.StoreHarness{
		Can: providertest.StoreAbilities{
			CompareAndSet: true, Raw: true, Fields: true, KeepsText: true, CreatesMarked: true, Idempotent: true, ObservesMarked: true,
			ObserveCalls: func(secrets int) int { return (secrets + 99) / 100 }, Many: 250,
		},
		Limits: []providertest.StoreLimit{
			{Name: "a name of 512 characters", Secret: strings.Repeat("x", 512), Payload: providertest.Value(keyOne)},
			{Name: "a name of 513 characters", Secret: strings.Repeat("x", 513), Payload: providertest.Value(keyOne), Invalid: true},
			{Name: "a name of all that is allowed", Secret: "aZ0/_+=.@-x", Payload: providertest.Value(keyOne)},
			{Name: "a name with a space", Secret: "ci/a b", Payload: providertest.Value(keyOne), Invalid: true},
			{Name: "a name like the end of an ARN", Secret: "ci/team-apikey", Payload: providertest.Value(keyOne)},
			{Name: "a value of 65,536 bytes", Secret: "ci/large", Payload: providertest.Value(strings.Repeat("x", 65_536))},
			{Name: "a value of 65,537 bytes", Secret: "ci/large", Payload: providertest.Value(strings.Repeat("x", 65_537)), Invalid: true},
			{Name: "a field whose mark needs a shorter name", Secret: "ci/long", Field: strings.Repeat("x", 200), Payload: providertest.Value(keyOne)},
			{Name: "a field of odd characters", Secret: "ci/odd", Field: "ключ {}#\"", Payload: providertest.Value(keyOne)},
			{Name: "an object in a field", Secret: "ci/both", Field: "K", Payload: providertest.Object(`{"a":"b"}`), Invalid: true},
		},
	}
}

// service is an AWS and a person in its console.
type service struct {
	*world
	store *awssm.Store
}

func (s *service) Store() providers.SecretStore { return s.store }

func (s *service) Destination(secret, field string) rotation.Destination {
	return rotation.Destination{Store: "aws", Path: secret, Field: field}
}

func (s *service) Raw(_ *testing.T, path string) (string, bool) {
	if x, there := s.Describe(path); there && !x.Deleted.IsZero() {
		return "", false // readers are refused it
	}
	return s.Console.Raw(path)
}

func (s *service) Edit(t *testing.T, path, content string) {
	x, ok := s.Describe(path)
	if !ok {
		must(t, s.Create(path, content, nil))
		return
	}
	if !x.Deleted.IsZero() {
		must(t, s.Restore(path))
	}
	must(t, s.Console.Edit(path, content))
}

func (s *service) Unmark(t *testing.T, path string) {
	for key := range s.secret(t, path).Tags {
		if providers.IsNoteKey(key) {
			must(t, s.Untag(path, key))
		}
	}
}

func (s *service) Remove(t *testing.T, path string) { must(t, s.ForceDelete(path)) }
func (s *service) Delete(t *testing.T, path string) { must(t, s.Console.Delete(path)) }
func (s *service) Undo(t *testing.T, path string)   { must(t, s.Restore(path)) }

func (s *service) Denied(t *testing.T) providers.SecretStore {
	nobody := s.AddUser(awstest.DefaultAccount, "nobody")
	s.Deny(nobody, awstest.Denial{})
	return s.as(t, nobody, awssm.Config{})
}

func (s *service) Unreachable(*testing.T) providers.SecretStore {
	s.SetUnreachable(true)
	return s.store
}

func (s *service) Versions(t *testing.T, path string) int { return len(s.secret(t, path).Versions) }

func (s *service) Throttle(_ *testing.T, calls int, after time.Duration) {
	if calls == 0 {
		s.Reset()
		return
	}
	s.Server.Throttle("", calls, after)
}

func (s *service) LoseAnswer(*testing.T) {
	var once sync.Once
	lose := func(awstest.Call) (err error) {
		once.Do(func() { err = errors.New("lost by the suite") })
		return err
	}
	for _, op := range []string{"CreateSecret", "PutSecretValue"} {
		s.Inject(awstest.Fault{Operation: op, Times: -1, After: lose})
	}
}

func (s *service) Lag(*testing.T) (release func()) {
	hold := awstest.Lag{Hold: true}
	s.SetLags(awstest.Lags{Get: hold, Describe: hold, List: hold})
	return s.Release
}

func (s *service) Tags(t *testing.T, path string) map[string]string { return s.secret(t, path).Tags }

func (s *service) Description(t *testing.T, path string) string { return s.secret(t, path).Description }

func (s *service) Tag(t *testing.T, path, name, value string) {
	must(t, s.SetTags(path, map[string]string{name: value}))
}

func (s *service) BeforeMark(_ *testing.T, f func() error) {
	var once sync.Once
	s.Inject(awstest.Fault{Operation: "UpdateSecretVersionStage", Before: func(awstest.Call) error {
		once.Do(func() {
			s.Inject(awstest.Fault{Operation: "TagResource", Before: func(awstest.Call) error { return f() }})
		})
		return nil
	}})
}

func (s *service) Calls() providertest.StoreCalls { return storeCalls(s.Server.Calls()) }

func storeCalls(byOperation map[string]int) providertest.StoreCalls {
	var sum providertest.StoreCalls
	for op, n := range byOperation {
		switch op {
		case "ListSecrets":
			sum.Lists += n
		case "DescribeSecret":
			sum.Looks += n
		case "GetSecretValue":
			sum.Values += n
		default:
			sum.Writes += n
		}
	}
	return sum
}
