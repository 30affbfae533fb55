package graph

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers"
)

const whole = "local-0123456789ab_CANARY_0123456789-0123456789-0123456789"

// TestNoValueOutlivesDecoding: an old server's listing holds whole keys, and
// what is decoded from it does not, not even in its errors.
func TestNoValueOutlivesDecoding(t *testing.T) {
	key := fmt.Sprintf("%q", whole)
	for name, c := range map[string]struct {
		answer string
		into   any
	}{
		"viewer":        {`{"viewer":{"id":"u","apiKeys":{"edges":[{"node":{"id":"k","name":` + key + `}}]}}}`, &ViewerResponse{}},
		"users":         {`{"users":{"edges":[{"node":{"id":"u","apiKeys":{"edges":[{"node":{"id":"k","name":` + key + `}}]}}}]}}`, &UsersResponse{}},
		"members":       {`{"entity":{"members":[{"id":"m","accountType":"SERVICE","apiKey":` + key + `}]}}`, &MembersResponse{}},
		"member keys":   {`{"entity":{"members":[{"id":"m","accountType":"SERVICE","apiKey":` + key + `}]}}`, &MemberKeysResponse{}},
		"issued":        {`{"generateApiKey":{"apiKey":{"id":"k","name":` + key + `}}}`, &GenerateApiKeyResponse{}},
		"not text":      {`{"viewer":{"id":"u","apiKeys":{"edges":[{"node":{"id":"k","name":[` + key + `]}}]}}}`, &ViewerResponse{}},
		"not a member":  {`{"entity":{"members":[{"id":"m","accountType":"SERVICE","apiKey":{` + key + `:1}}]}}`, &MemberKeysResponse{}},
		"not a member2": {`{"entity":{"members":[` + key + `]}}`, &MemberKeysResponse{}},
	} {
		t.Run(name, func(t *testing.T) {
			err := json.Unmarshal([]byte(c.answer), c.into)
			if strings.HasPrefix(name, "not ") == (err == nil) {
				t.Errorf("decoded with %v", err)
			}
			for _, verb := range []string{"%v", "%+v", "%#v"} {
				for _, printed := range []string{fmt.Sprintf(verb, c.into), fmt.Sprintf(verb, err)} {
					if strings.Contains(printed, "CANARY") {
						t.Errorf("%s shows the key", verb)
					}
				}
			}
		})
	}
}

// TestMemberKeysOfPeopleAreDropped: only service accounts' keys are wanted.
func TestMemberKeysOfPeopleAreDropped(t *testing.T) {
	var answer MemberKeysResponse
	text := `{"entity":{"members":[{"id":"p","accountType":"MEMBER","apiKey":"` + whole + `"},{"id":"n","apiKey":"` + whole + `"},
		{"id":"s","name":"ci","accountType":"Service","apiKey":"` + whole + `"},{"id":"h","accountType":"SERVICE","apiKey":null}]}}`
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatal(err)
	}
	for _, m := range answer.Entity.Members {
		if shows := m.Key.Expose() == whole; shows != (m.ID == "s") || !shows && !m.Key.Empty() {
			t.Errorf("member %s: shown %v", m.ID, shows)
		}
	}
}

func TestFingerprint(t *testing.T) {
	for _, c := range []struct {
		listed     string
		begins, is bool
	}{
		{whole, true, true},
		{whole[:12], true, false},
		{whole[:len(whole)-1] + "x", false, false},
		{whole + "x", false, false},
		{"0123456789ab", false, false},
		{"", false, false},
	} {
		var f Fingerprint
		if err := json.Unmarshal([]byte(fmt.Sprintf("%q", c.listed)), &f); err != nil {
			t.Fatal(err)
		}
		s := providers.NewSecret(whole)
		if f.Begins(s) != c.begins || f.Is(s) != c.is {
			t.Errorf("%q: begins %v, is %v", c.listed, f.Begins(s), f.Is(s))
		}
	}
	var none Fingerprint
	if err := json.Unmarshal([]byte("null"), &none); err != nil || none.Begins(providers.NewSecret(whole)) || none.Is(providers.Secret{}) {
		t.Errorf("a key without a name: %v", err)
	}
}
