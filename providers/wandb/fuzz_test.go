package wandb_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/pace"
	"github.com/keyrota/keyrota/providers/wandb"
)

// answering gives every request the same answer.
type answering struct {
	status int
	body   string
}

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: a.status, Request: r, Body: io.NopCloser(strings.NewReader(a.body)),
		Header: http.Header{"Date": {when.Format(http.TimeFormat)}},
	}, nil
}

// Whatever the server answers to whatever was asked, it is taken or refused
// with a kind, and no error holds a key.
func FuzzAnswers(f *testing.F) {
	const user = `{"id":"u1","name":"ci","username":"ci","entity":"ml","accountType":"SERVICE","apiKeys":{"edges":[{"node":{"id":"k1","name":"local-0123456789ab","description":"keyrota/prod/u1/1@20260803T120000Z.n1"}}]},"teams":{"edges":[{"node":{"name":"ml"}}]}}`
	for _, body := range []string{
		"", "null", "[]", "<html>" + leaky, gql(leaky), gql("API key creation is disabled"), `{"data":{}}`, `{"data":null,"errors":[null,1,"` + ownKey + `",{"message":5}]}`,
		`{"data":{"viewer":` + user + `}}`, `{"data":{"users":{"edges":[{"node":` + user + `},{"node":null}]}}}`,
		`{"data":{"entity":{"id":"e","name":"ml","members":[{"id":"u1","username":"ci","name":"ci","accountType":"service","apiKey":"` + newKey + `"}]}}}`,
		`{"data":{"generateApiKey":{"apiKey":{"id":"k9","name":"` + newKey + `","description":null}}}}`,
		`{"data":{"deleteApiKey":{"success":false}}}`, `{"data":{"createServiceAccount":{"user":{"id":"u1"}}}}`,
		`{"data":{"viewer":{"id":1e99,"name":{},"apiKeys":{"edges":{}}}}}`, `{"data":{"viewer":{"id":"u1","name":"` + ownKey + `","apiKeys":{"edges":[{"node":{"id":"` + newKey + `","name":"` + ownKey + `"}}]}}}}`,
	} {
		f.Add(uint16(200), body)
		f.Add(uint16(403), body)
	}
	f.Fuzz(func(t *testing.T, status uint16, body string) {
		code := 100 + int(status)%500
		i, err := wandb.New(
			wandb.Config{URL: "https://wandb.example", AdminKey: fixed(orgAdminKey)},
			wandb.Options{HTTPClient: &http.Client{Transport: answering{code, body}}, Paces: &pace.Paces{Unlimited: true}},
		)
		if err != nil {
			t.Fatal(err)
		}
		for name, call := range calls {
			err := call(t.Context(), i)
			if err == nil {
				continue
			}
			var told *providers.Error
			if !errors.As(err, &told) {
				t.Errorf("%s: %T is no *providers.Error", name, err)
			}
			printed := fmt.Sprintf("%v %+v %#v", err, err, err)
			for _, key := range []string{ownKey, newKey, orgAdminKey} {
				if strings.Contains(printed, key) {
					t.Errorf("%s: the error holds a key", name)
				}
			}
		}
		if _, s, err := i.Issue(t.Context(), ci, own, "keyrota/prod/u1/1@20260803T120000Z.n1"); err == nil && (code != http.StatusOK || len(s.Expose()) < 40) {
			t.Errorf("%d: a key of %d characters", code, len(s.Expose()))
		}
	})
}
