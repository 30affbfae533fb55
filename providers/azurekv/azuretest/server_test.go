package azuretest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"github.com/keyrota/keyrota/providers/azurekv/azuretest"
)

// client is Microsoft's own, without its retries.
func client(t *testing.T, s *azuretest.Server, v *azuretest.Vault, app azuretest.App) *azsecrets.Client {
	t.Helper()
	c, err := azsecrets.NewClient(v.URL, s.Credential(app), &azsecrets.ClientOptions{ClientOptions: azcore.ClientOptions{
		Transport: s.Client(), Retry: policy.RetryOptions{MaxRetries: -1},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func set(t *testing.T, c *azsecrets.Client, name, value string) azsecrets.SetSecretResponse {
	t.Helper()
	a, err := c.SetSecret(t.Context(), name, azsecrets.SetSecretParameters{Value: &value, Tags: map[string]*string{"n": to.Ptr("1")}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func refused(t *testing.T, err error, status int, words string) *http.Response {
	t.Helper()
	var e *azcore.ResponseError
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want status %d", err, status)
	}
	if e.StatusCode != status || !strings.Contains(err.Error(), words) {
		t.Errorf("got %v, want status %d and %q", err, status, words)
	}
	return e.RawResponse
}

func TestVersions(t *testing.T) {
	s := azuretest.Start(t, azuretest.Options{Step: time.Second})
	c := client(t, s, s.Vault, s.Admin)
	const n = 60
	var ids []string
	for i := range n {
		ids = append(ids, set(t, c, "Name", fmt.Sprint(i)).ID.Version())
	}
	got, err := c.GetSecret(t.Context(), "NAME", "", nil)
	if err != nil || *got.Value != fmt.Sprint(n-1) || got.ID.Version() != ids[n-1] || *got.Tags["n"] != "1" {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = c.GetSecret(t.Context(), "name", ids[3], nil)
	if err != nil || *got.Value != "3" {
		t.Errorf("%+v, %v", got, err)
	}
	s.Reset()
	var listed []string
	pager := c.NewListSecretPropertiesVersionsPager("name", nil)
	for pager.More() {
		page, err := pager.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.Value {
			listed = append(listed, p.ID.Version())
		}
	}
	if !slices.IsSorted(listed) || len(listed) != n || s.Calls()["ListVersions"] != 3 {
		t.Errorf("%d versions listed in %d calls: %v", len(listed), s.Calls()["ListVersions"], listed)
	}
	_, err = c.UpdateSecretProperties(t.Context(), "name", ids[n-1], azsecrets.UpdateSecretPropertiesParameters{SecretAttributes: &azsecrets.SecretAttributes{Enabled: to.Ptr(false)}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.GetSecret(t.Context(), "name", "", nil)
	refused(t, err, http.StatusForbidden, "SecretDisabled")
}

func TestSoftDelete(t *testing.T) {
	s := azuretest.Start(t, azuretest.Options{})
	v, err := s.NewVault("protected", azuretest.VaultOptions{PurgeProtection: true})
	if err != nil {
		t.Fatal(err)
	}
	c := client(t, s, v, s.Admin)
	set(t, c, "a", "1")
	if _, err := c.DeleteSecret(t.Context(), "a", nil); err != nil {
		t.Fatal(err)
	}
	_, err = c.GetSecret(t.Context(), "a", "", nil)
	refused(t, err, http.StatusNotFound, "SecretNotFound")
	_, err = c.SetSecret(t.Context(), "a", azsecrets.SetSecretParameters{Value: to.Ptr("2")}, nil)
	refused(t, err, http.StatusConflict, "ObjectIsDeletedButRecoverable")
	_, err = c.PurgeDeletedSecret(t.Context(), "a", nil)
	refused(t, err, http.StatusForbidden, "purge protection")
	gone, err := c.GetDeletedSecret(t.Context(), "a", nil)
	if err != nil || gone.ScheduledPurgeDate.Sub(*gone.DeletedDate) != 90*24*time.Hour || gone.Value != nil {
		t.Errorf("%+v, %v", gone, err)
	}
	page, err := c.NewListDeletedSecretPropertiesPager(nil).NextPage(t.Context())
	if err != nil || len(page.Value) != 1 {
		t.Errorf("%+v, %v", page, err)
	}
	s.SetRecovery(2)
	if _, err = c.RecoverDeletedSecret(t.Context(), "a", nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err = c.GetSecret(t.Context(), "a", "", nil)
		refused(t, err, http.StatusNotFound, "")
	}
	if got, err := c.GetSecret(t.Context(), "a", "", nil); err != nil || *got.Value != "1" {
		t.Errorf("%+v, %v", got, err)
	}

	// Without the role, in a vault that allows it.
	c = client(t, s, s.Vault, s.AddApp("no purge", azuretest.ActionSet, azuretest.ActionDelete))
	set(t, c, "a", "1")
	if _, err := c.DeleteSecret(t.Context(), "a", nil); err != nil {
		t.Fatal(err)
	}
	_, err = c.PurgeDeletedSecret(t.Context(), "a", nil)
	refused(t, err, http.StatusForbidden, "ForbiddenByRbac")
	if _, err = client(t, s, s.Vault, s.Admin).PurgeDeletedSecret(t.Context(), "a", nil); err != nil || s.Versions("a") != nil {
		t.Errorf("%v, %v", err, s.Versions("a"))
	}
}

func TestBounds(t *testing.T) {
	s := azuretest.Start(t, azuretest.Options{})
	c := client(t, s, s.Vault, s.Admin)
	many := map[string]*string{}
	for i := range 16 {
		many[fmt.Sprint(i)] = to.Ptr("x")
	}
	for name, p := range map[string]azsecrets.SetSecretParameters{
		"under_score": {Value: to.Ptr("x")}, strings.Repeat("n", 128): {Value: to.Ptr("x")}, "no-value": {},
		"large": {Value: to.Ptr(strings.Repeat("x", 25*1024+1))}, "tags": {Value: to.Ptr("x"), Tags: many},
		"tag": {Value: to.Ptr("x"), Tags: map[string]*string{"k": to.Ptr(strings.Repeat("x", 513))}}, "type": {Value: to.Ptr("x"), ContentType: to.Ptr(strings.Repeat("x", 256))},
	} {
		_, err := c.SetSecret(t.Context(), name, p, nil)
		refused(t, err, http.StatusBadRequest, "BadParameter")
	}
}

func TestLimits(t *testing.T) {
	var ahead atomic.Int64
	begun := time.Now()
	now := func() time.Time { return begun.Add(time.Duration(ahead.Load())) }
	s := azuretest.Start(t, azuretest.Options{Now: now, Limits: azuretest.Limits{Creates: 3, Others: 5}})
	c := client(t, s, s.Vault, s.Admin)
	for range 3 {
		set(t, c, "a", "1")
	}
	_, err := c.SetSecret(t.Context(), "a", azsecrets.SetSecretParameters{Value: to.Ptr("2")}, nil)
	if after := refused(t, err, http.StatusTooManyRequests, "Throttled").Header.Get("Retry-After"); after != "10" {
		t.Errorf("Retry-After %q", after)
	}
	for range 5 {
		if _, err := c.GetSecret(t.Context(), "a", "", nil); err != nil {
			t.Fatal(err)
		}
	}
	_, err = c.GetSecret(t.Context(), "a", "", nil)
	refused(t, err, http.StatusTooManyRequests, "")
	if s.Throttled() != 2 {
		t.Errorf("throttled %d", s.Throttled())
	}
	ahead.Add(int64(10 * time.Second))
	set(t, c, "a", "2")
}

func TestTokensEnd(t *testing.T) {
	var ahead atomic.Int64
	begun := time.Now()
	s := azuretest.Start(t, azuretest.Options{Now: func() time.Time { return begun.Add(time.Duration(ahead.Load())) }})
	fixed, err := s.Credential(s.Admin).GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{s.Resource + "/.default"}})
	if err != nil {
		t.Fatal(err)
	}
	get := func(path, token string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path+"?api-version=7.6", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", token)
		answer, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		return answer.StatusCode
	}
	for _, want := range []int{http.StatusOK, http.StatusUnauthorized} {
		if got := get("/secrets", "Bearer "+fixed.Token); got != want {
			t.Errorf("status %d, want %d", got, want)
		}
		ahead.Add(int64(2 * time.Hour))
	}
	elsewhere, err := s.Credential(s.Admin).GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://storage.example/.default"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := get("/secrets", "Bearer "+elsewhere.Token); got != http.StatusUnauthorized {
		t.Errorf("a token for something else: status %d", got)
	}
}

func TestLagEnds(t *testing.T) {
	s := azuretest.Start(t, azuretest.Options{})
	c := client(t, s, s.Vault, s.Admin)
	set(t, c, "a", "1")
	s.SetLags(azuretest.Lags{Get: azuretest.Lag{Calls: 2}})
	set(t, c, "a", "2")
	for i, want := range []string{"1", "1", "2"} {
		if got, err := c.GetSecret(t.Context(), "a", "", nil); err != nil || *got.Value != want {
			t.Errorf("read %d: %v, %v", i, *got.Value, err)
		}
	}
	s.SetLags(azuretest.Lags{Get: azuretest.Lag{Hold: true}})
	s.Purge("a")
	if _, err := c.GetSecret(t.Context(), "a", "", nil); err != nil {
		t.Error(err)
	}
	s.Release()
	_, err := c.GetSecret(t.Context(), "a", "", nil)
	refused(t, err, http.StatusNotFound, "")
}

func TestFaults(t *testing.T) {
	s := azuretest.Start(t, azuretest.Options{})
	c := client(t, s, s.Vault, s.Admin)
	set(t, c, "a", "1")
	var seen azuretest.Call
	s.Inject(azuretest.Fault{Operation: "SetSecret", Name: "A", Skip: 1, Before: func(c azuretest.Call) error { seen = c; return errors.New("end") }})
	set(t, c, "a", "2")
	if _, err := c.SetSecret(t.Context(), "a", azsecrets.SetSecretParameters{Value: to.Ptr("3")}, nil); err == nil || seen.Operation != "SetSecret" || seen.Vault != "vault" {
		t.Errorf("%v, %+v", err, seen)
	}
	s.Inject(azuretest.Fault{Drop: true})
	if _, err := c.SetSecret(t.Context(), "a", azsecrets.SetSecretParameters{Value: to.Ptr("4")}, nil); err == nil {
		t.Error("the answer came")
	}
	if got, _ := s.Raw("a"); got != "4" {
		t.Errorf("the value is %s", got)
	}
	s.Inject(azuretest.Fault{Delay: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.GetSecret(ctx, "a", "", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	s.Throttle("GetSecret", 1, 0)
	_, err := c.GetSecret(t.Context(), "a", "", nil)
	if h := refused(t, err, http.StatusTooManyRequests, "").Header; h.Get("Retry-After") != "" {
		t.Errorf("headers %v", h)
	}
	s.SetUnreachable(true)
	if _, err = c.GetSecret(t.Context(), "a", "", nil); err == nil {
		t.Error("it was reached")
	}
}

// Ten thousand secrets, and readers at once that must not mix their pages up.
func TestManySecrets(t *testing.T) {
	const n, readers = 10_000, 4
	s := azuretest.Start(t, azuretest.Options{})
	for i := range n {
		s.Edit(fmt.Sprintf("s-%d", i), "x")
	}
	c := client(t, s, s.Vault, s.Admin)
	var all sync.WaitGroup
	for range readers {
		all.Go(func() {
			seen := map[string]bool{}
			pager := c.NewListSecretPropertiesPager(nil)
			for pager.More() {
				page, err := pager.NextPage(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				for _, p := range page.Value {
					if p.ID.Version() != "" {
						t.Errorf("%s names a version, and Key Vault does not", *p.ID)
					}
					seen[p.ID.Name()] = true
				}
			}
			if len(seen) != n {
				t.Errorf("%d secrets", len(seen))
			}
		})
	}
	all.Wait()
	if calls := s.Calls()["ListSecrets"]; calls < readers*n/25 || calls > readers*(n/25+1) {
		t.Errorf("%d calls", calls)
	}
}
