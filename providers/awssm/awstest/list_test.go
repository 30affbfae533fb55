package awstest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers/awssm/awstest"
)

// pages are the names of all pages of a list.
func pages(t *testing.T, c caller, in params) [][]string {
	t.Helper()
	var all [][]string
	for len(all) < 1000 {
		answer := c.call(t, "ListSecrets", in)
		var page []string
		for _, one := range answer["SecretList"].([]any) {
			page = append(page, one.(map[string]any)["Name"].(string))
		}
		all = append(all, page)
		next, more := answer["NextToken"]
		if !more {
			return all
		}
		in["NextToken"] = next
	}
	t.Fatal("the list does not end")
	return nil
}

func many(t *testing.T, s *awstest.Server, n int) {
	t.Helper()
	for i := range n {
		if err := s.Create(fmt.Sprintf("n%04d", i), canary1, nil); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAListComesInPagesInBothOrders(t *testing.T) {
	s := start(t, awstest.Options{})
	c := from(s)
	many(t, s, 250)
	up := pages(t, c, params{})
	if len(up) != 3 || len(up[0]) != 100 || len(up[2]) != 50 || !slices.IsSorted(slices.Concat(up...)) {
		t.Errorf("%d pages", len(up))
	}
	down := slices.Concat(pages(t, c, params{"SortOrder": "desc", "MaxResults": 7})...)
	slices.Reverse(down)
	if !slices.Equal(down, slices.Concat(up...)) {
		t.Error("downwards it is another list")
	}
	if exact := pages(t, c, params{"MaxResults": 50}); len(exact) != 5 {
		t.Errorf("250 secrets are %d pages of 50", len(exact))
	}
}

func TestAListThatChangesMeanwhileMissesNothingThatStays(t *testing.T) {
	s := start(t, awstest.Options{})
	c := from(s)
	many(t, s, 30)
	first := c.call(t, "ListSecrets", params{"MaxResults": 10})
	for _, gone := range []string{"n0003", "n0009", "n0010"} { // before, where it stands, after
		if err := s.ForceDelete(gone); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Create("new", canary1, nil); err != nil {
		t.Fatal(err)
	}
	rest := slices.Concat(pages(t, c, params{"MaxResults": 10, "NextToken": first["NextToken"]})...)
	if len(rest) != 20 || rest[0] != "n0011" || rest[19] != "new" {
		t.Errorf("got %v", rest)
	}
}

func TestATokenIsGoodForTheSameRequestOnly(t *testing.T) {
	s := start(t, awstest.Options{})
	c := from(s)
	many(t, s, 3)
	next := c.call(t, "ListSecrets", params{"MaxResults": 1})["NextToken"]
	c.call(t, "ListSecrets", params{"MaxResults": 2, "NextToken": next}) // the size may change
	c.refused(t, "InvalidNextTokenException", "ListSecrets", params{"NextToken": next, "SortOrder": "desc"})
	c.refused(t, "InvalidNextTokenException", "ListSecrets", params{"NextToken": next, "Filters": []params{{"Key": "name", "Values": []string{"n"}}}})
	c.refused(t, "InvalidNextTokenException", "ListSecretVersionIds", params{"SecretId": "n0000", "NextToken": next})
	c.refused(t, "InvalidNextTokenException", "BatchGetSecretValue", params{
		"NextToken": next, "Filters": []params{{"Key": "name", "Values": []string{"n"}}},
	})
}

func TestFilters(t *testing.T) {
	s := start(t, awstest.Options{})
	c := from(s)
	make := func(name, description string, tags map[string]string) {
		var all []params
		for key, value := range tags {
			all = append(all, params{"Key": key, "Value": value})
		}
		c.call(t, "CreateSecret", params{
			"Name": name, "Description": description, "SecretString": canary1, "ClientRequestToken": token("1"), "Tags": all,
		})
	}
	make("ml/eval", "Nightly runs", map[string]string{"Team": "ml", "stage": "prod"})
	make("ml/train", "Weekly runs", map[string]string{"Team": "ml-platform"})
	make("web/shop", "", map[string]string{"team": "web"})
	make("Ml/other", "night", nil)
	for _, x := range []struct {
		what    string
		filters []params
		want    string
	}{
		{"a prefix of names", []params{{"Key": "name", "Values": []string{"ml/"}}}, "ml/eval ml/train"},
		{"no infix", []params{{"Key": "name", "Values": []string{"eval"}}}, ""},
		{"the case of names counts", []params{{"Key": "name", "Values": []string{"Ml"}}}, "Ml/other"},
		{"any of several values", []params{{"Key": "name", "Values": []string{"ml/e", "web"}}}, "ml/eval web/shop"},
		{"all of several filters", []params{{"Key": "name", "Values": []string{"ml/"}}, {"Key": "tag-key", "Values": []string{"stage"}}}, "ml/eval"},
		{"a negation", []params{{"Key": "name", "Values": []string{"!ml/"}}}, "web/shop Ml/other"},
		{"a key of a tag", []params{{"Key": "tag-key", "Values": []string{"Te"}}}, "ml/eval ml/train"},
		{"a value of a tag", []params{{"Key": "tag-value", "Values": []string{"ml"}}}, "ml/eval ml/train"},
		{"tags that are not there", []params{{"Key": "tag-key", "Values": []string{"!Team"}}}, "web/shop Ml/other"},
		{"key and value of different tags", []params{{"Key": "tag-key", "Values": []string{"Team"}}, {"Key": "tag-value", "Values": []string{"prod"}}}, "ml/eval"},
		{"descriptions in any case", []params{{"Key": "description", "Values": []string{"NIGHT"}}}, "ml/eval Ml/other"},
		{"everything in any case", []params{{"Key": "all", "Values": []string{"ML"}}}, "ml/eval ml/train Ml/other"},
		{"the primary Region", []params{{"Key": "primary-region", "Values": []string{"us-"}}}, "ml/eval ml/train web/shop Ml/other"},
		{"another primary Region", []params{{"Key": "primary-region", "Values": []string{"eu-"}}}, ""},
		{"what a service owns", []params{{"Key": "owning-service", "Values": []string{"rds"}}}, ""},
	} {
		if got := strings.Join(slices.Concat(pages(t, c, params{"Filters": x.filters})...), " "); got != x.want {
			t.Errorf("%s: got %q, want %q", x.what, got, x.want)
		}
	}
}

func TestPagesWithFiltersCanBeShortOrEmpty(t *testing.T) {
	s := start(t, awstest.Options{FilterScan: 10})
	c := from(s)
	many(t, s, 35)
	for _, order := range []string{"asc", "desc"} {
		got := pages(t, c, params{"SortOrder": order, "Filters": []params{{"Key": "name", "Values": []string{"n002"}}}})
		if len(got) != 4 || len(slices.Concat(got...)) != 10 || !slices.ContainsFunc(got, func(page []string) bool { return len(page) == 0 }) {
			t.Errorf("%s: got %v", order, got)
		}
	}
	if got := pages(t, c, params{}); len(got) != 1 {
		t.Errorf("without filters there are %d pages", len(got))
	}
}

func TestValuesAreReadInBatches(t *testing.T) {
	s := start(t, awstest.Options{})
	c := from(s)
	many(t, s, 45)
	if err := s.Delete("n0001"); err != nil {
		t.Fatal(err)
	}
	answer := c.call(t, "BatchGetSecretValue", params{"SecretIdList": []string{"n0000", "n0001", "none"}})
	if values, errs := answer["SecretValues"].([]any), fmt.Sprint(answer["Errors"]); len(values) != 1 ||
		!strings.Contains(errs, "InvalidRequestException") || !strings.Contains(errs, "ResourceNotFoundException") {
		t.Errorf("%d values, errors %s", len(values), errs)
	}
	in, total, calls := params{"Filters": []params{{"Key": "name", "Values": []string{"n"}}}}, 0, 0
	for {
		answer := c.call(t, "BatchGetSecretValue", in)
		total += len(answer["SecretValues"].([]any))
		calls++
		if answer["NextToken"] == nil {
			break
		}
		in["NextToken"] = answer["NextToken"]
	}
	if total != 44 || calls != 3 {
		t.Errorf("%d values in %d calls", total, calls)
	}
}

func TestVersionsComeInPages(t *testing.T) {
	c := from(start(t, awstest.Options{}))
	c.create(t, "a", canary1)
	for n := range 9 {
		c.put(t, "a", canary2, fmt.Sprint(n+2))
	}
	count := func(in params) (versions, calls int) {
		in["SecretId"] = "a"
		for {
			answer := c.call(t, "ListSecretVersionIds", in)
			versions, calls = versions+len(answer["Versions"].([]any)), calls+1
			if answer["NextToken"] == nil {
				return versions, calls
			}
			in["NextToken"] = answer["NextToken"]
		}
	}
	if versions, calls := count(params{"IncludeDeprecated": true, "MaxResults": 4}); versions != 10 || calls != 3 {
		t.Errorf("%d versions in %d calls", versions, calls)
	}
	if versions, calls := count(params{"MaxResults": 1}); versions != 2 || calls != 2 {
		t.Errorf("%d versions with labels in %d calls", versions, calls)
	}
}
