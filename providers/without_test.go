package providers_test

import (
	"errors"
	"testing"

	"github.com/keyrota/keyrota/providers"
)

func TestWithoutField(t *testing.T) {
	for name, row := range map[string]struct {
		object, want string
		left         int
	}{
		"the only one":           {`{"K":"v"}`, `{}`, 0},
		"the only one, in lines": {"{\n  \"K\" : \"v\"\n}\n", "{\n  \n}\n", 0},
		"the first":              {`{"K":"v","b":1.0}`, `{"b":1.0}`, 1},
		"the last":               {`{"b":1.0,"K":"v"}`, `{"b":1.0}`, 1},
		"in the middle":          {"{\"a\" : 1e3 ,\n \"K\":\"v\" ,\n \"c\":[1,{\"K\":\",\"}]}", "{\"a\" : 1e3  ,\n \"c\":[1,{\"K\":\",\"}]}", 2},
		"first, with blanks":     {"{ \"K\" : \"v\" , \"b\":\",\"}", "{  \"b\":\",\"}", 1},
		"no string":              {`{"a":1,"K":{"b":[2]}}`, `{"a":1}`, 1},
		"a name that is escaped": {`{"a":1,"\u004b":"v"}`, `{"a":1}`, 1},
		"not there":              {`{"a": 1}`, `{"a": 1}`, 1},
		"nothing":                {" ", " ", 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, left, err := providers.WithoutField(row.object, "K")
			if err != nil || got.Expose() != row.want || left != row.left {
				t.Errorf("%q with %d left, %v; want %q with %d", got.Expose(), left, err, row.want, row.left)
			}
		})
	}
	for text, want := range map[string]error{
		`[]`: providers.ErrNotObject, `{"K":1`: providers.ErrNotObject, `{"K":1,"K":2}`: providers.ErrFieldTwice,
	} {
		if _, _, err := providers.WithoutField(text, "K"); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
}

// TestAFieldComesAndGoes: what is added at the end and taken away leaves the
// text as it was.
func TestAFieldComesAndGoes(t *testing.T) {
	for _, text := range []string{`{"a":1.0}`, "{ \"a\" : {\"K\":2} }\n", `{"a":"\"K\":1,","b":[]}`} {
		with, err := providers.WithField(text, "K", providers.NewSecret("v"))
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := providers.WithoutField(with.Expose(), "K"); err != nil || got.Expose() != text {
			t.Errorf("%s: %q, %v", text, got.Expose(), err)
		}
	}
}
