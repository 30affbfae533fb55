package awstest_test

import (
	"maps"
	"testing"

	"github.com/keyrota/keyrota/providers/awssm/awstest"
)

func TestAPersonCanDoEverythingAtTheConsole(t *testing.T) {
	s := start(t, awstest.Options{})
	do := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	do("create", s.Create("a", canary1, map[string]string{"k": "v", "l": "w"}))
	do("edit", s.Edit("a", canary2))
	do("tag", s.SetTags("a", map[string]string{"k": "x", "m": "y"}))
	do("untag", s.Untag("a", "l", "none"))
	d, _ := s.Describe("a")
	old, _ := d.Labelled("AWSPREVIOUS")
	if value, ok := s.Raw("a"); !ok || value != canary2 || old.Value != canary1 || !maps.Equal(d.Tags, map[string]string{"k": "x", "m": "y"}) {
		t.Errorf("tags %v, or other values", d.Tags)
	}
	do("label", s.Label("a", "MINE", old.ID))
	do("back", s.Label("a", "AWSCURRENT", old.ID))
	if got := from(s).value(t, "a"); got != canary1 {
		t.Error("the older value is not the current one")
	}
	do("delete", s.Delete("a"))
	from(s).refused(t, "InvalidRequestException", "GetSecretValue", params{"SecretId": "a"})
	if d, ok := s.Describe("a"); !ok || d.Deleted.IsZero() || !d.Gone.After(d.Deleted) {
		t.Errorf("%v: deleted %s, gone %s", ok, d.Deleted, d.Gone)
	}
	if s.Edit("a", canary3) == nil || s.Create("a", canary3, nil) == nil {
		t.Error("what is being deleted was written")
	}
	do("restore", s.Restore("a"))
	do("force delete", s.ForceDelete("a"))
	if _, ok := s.Describe("a"); ok || len(s.Names()) != 0 || s.Edit("a", canary3) == nil {
		t.Error("it is still there")
	}
	do("create without a value", s.Create("a", "", nil))
	if _, ok := s.Raw("a"); ok {
		t.Error("it has a value")
	}
	do("elsewhere", s.At("210987654321", "eu-west-1").Create("a", canary3, nil))
	if len(s.Calls()) != 1 { // the one GetSecretValue of the API, twice
		t.Errorf("calls: %v", s.Calls())
	}
}
