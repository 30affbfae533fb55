package awstest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers/awssm/awstest"
)

// The versions in AWS's examples.
const (
	example1 = "EXAMPLE1-90ab-cdef-fedc-ba987EXAMPLE"
	example2 = "EXAMPLE2-90ab-cdef-fedc-ba987EXAMPLE"
	secret1  = "EXAMPLE1-90ab-cdef-fedc-ba987SECRET1"
	secret2  = "EXAMPLE2-90ab-cdef-fedc-ba987SECRET2"
	password = `{"username":"david","password":"EXAMPLE-PASSWORD"}`
)

// replay says how one of AWS's examples is played again.
type replay struct {
	before      func(t *testing.T, c caller) // what there is before the example
	unsupported string                       // the error, where the emulator does not do what the example shows
	ignore      []string                     // members of the answer that cannot be the same, and why is beside it
}

// replays are the examples by the last part of their id, which is unique.
func replays() map[string]replay {
	named := func(name, id string) func(*testing.T, caller) {
		return func(t *testing.T, c caller) {
			c.call(t, "CreateSecret", params{"Name": name, "SecretString": password, "ClientRequestToken": id})
		}
	}
	database := named("MyTestDatabaseSecret", secret1)
	twoVersions := func(t *testing.T, c caller) {
		named("MyTestDatabaseSecret", example1)(t, c)
		c.call(t, "PutSecretValue", params{"SecretId": "MyTestDatabaseSecret", "SecretString": canary1, "ClientRequestToken": example2})
	}
	return map[string]replay{
		"1704846593341": {before: func(t *testing.T, c caller) { // BatchGetSecretValue
			for i, text := range []string{
				`{"username":"diego_ramirez","password":"EXAMPLE-PASSWORD","engine":"mysql","host":"secretsmanagertutorial.cluster.us-west-2.rds.amazonaws.com","port":3306,"dbClusterIdentifier":"secretsmanagertutorial"}`,
				`{"username":"akua_mansa","password":"EXAMPLE-PASSWORD"`, `{"username":"jie_liu","password":"EXAMPLE-PASSWORD"`,
			} {
				id := "a1b2c3d4-5678-90ab-cdef-EXAMPLE" + strings.Repeat(string(rune('a'+i)), 5)
				c.call(t, "CreateSecret", params{"Name": fmt.Sprint("MySecret", i+1), "SecretString": text, "ClientRequestToken": id})
			}
		}, ignore: []string{".ARN"}}, // AWS published a template there
		"1523996016032": {before: database, unsupported: "InvalidRequestException"},                           // CancelRotateSecret
		"1523996473658": {},                                                                                   // CreateSecret
		"1530209419204": {unsupported: "UnknownOperationException"},                                           // DeleteResourcePolicy
		"1523996905092": {before: named("MyTestDatabaseSecret1", secret1), ignore: []string{".ARN", ".Name"}}, // DeleteSecret: asks for …1, shows another
		"1524000138629": { // DescribeSecret
			before: func(t *testing.T, c caller) {
				twoVersions(t, c)
				c.call(t, "UpdateSecret", params{
					"SecretId": "MyTestDatabaseSecret", "Description": "My test database secret",
					"KmsKeyId": "arn:aws:kms:us-west-2:123456789012:key/EXAMPLE1-90ab-cdef-fedc-ba987KMSKEY1",
				})
				c.call(t, "TagResource", params{"SecretId": "MyTestDatabaseSecret", "Tags": []params{
					{"Key": "SecondTag", "Value": "AnotherValue"}, {"Key": "FirstTag", "Value": "SomeValue"},
				}})
				c.value(t, "MyTestDatabaseSecret")
			},
			ignore: []string{
				".CreatedDate",                                                                                      // is newer than the example
				".LastRotatedDate", ".NextRotationDate", ".RotationEnabled", ".RotationLambdaARN", ".RotationRules", // no rotation here
			},
		},
		"1524000546092": {unsupported: "UnknownOperationException"}, // GetRandomPassword
		"1530209677536": {unsupported: "UnknownOperationException"}, // GetResourcePolicy
		"1524000702484": { // GetSecretValue, which shows AWSPREVIOUS where AWSCURRENT was asked for
			before: func(t *testing.T, c caller) {
				c.call(t, "CreateSecret", params{
					"Name": "MyTestDatabaseSecret", "SecretString": "{\n  \"username\":\"david\",\n  \"password\":\"EXAMPLE-PASSWORD\"\n}\n", "ClientRequestToken": secret1,
				})
			},
			ignore: []string{".VersionStages[0]"},
		},
		"1524000999164": { // ListSecretVersionIds
			before: func(t *testing.T, c caller) {
				named("MyTestDatabaseSecret", "EXAMPLE3-90ab-cdef-fedc-ba987EXAMPLE;")(t, c)
				for _, id := range []string{example1, example2} {
					c.call(t, "PutSecretValue", params{"SecretId": "MyTestDatabaseSecret", "SecretString": canary1, "ClientRequestToken": id})
				}
			},
			ignore: []string{".KmsKeyIds", ".Versions[]"}, // newer than the example; which lists them in no order
		},
		"1524001246087": { // ListSecrets
			before: func(t *testing.T, c caller) {
				for name, more := range map[string][2]string{
					"MyTestDatabaseSecret": {"My test database secret", example1}, "MyTestDatabaseSecret1": {"Another secret created for a different database", example2},
				} {
					c.call(t, "CreateSecret", params{"Name": name, "Description": more[0], "SecretString": password, "ClientRequestToken": more[1]})
				}
			},
			ignore: []string{".CreatedDate", ".SecretList[]"}, // newer than the example; its order is not said
		},
		"1530209881839": {unsupported: "UnknownOperationException"}, // PutResourcePolicy
		"1524001393971": {before: database},                         // PutSecretValue
		"1679591984774": {before: named("MyTestSecret", secret1)},   // ReplicateSecretToRegions
		"1524001513930": {before: func(t *testing.T, c caller) { // RestoreSecret
			database(t, c)
			c.call(t, "DeleteSecret", params{"SecretId": "MyTestDatabaseSecret"})
		}},
		"1524001629475": {before: database, unsupported: "InvalidRequestException"}, // RotateSecret
		"1524001949004": {before: database, unsupported: "InvalidRequestException"}, // RotateSecret
		"1524002106718": {before: named("MyExampleSecret", secret1)},                // TagResource
		"1524002239065": {before: database},                                         // UntagResource
		"1524002349094": {before: database},                                         // UpdateSecret: the description
		"1524002421563": {before: database},                                         // UpdateSecret: the KMS key
		"1524004651836": {before: database, ignore: []string{".ARN", ".VersionId"}}, // UpdateSecret: "aws:arn:…", and names no token
		"1524004783841": {before: database},                                         // UpdateSecretVersionStage: add
		"1524004862181": {before: func(t *testing.T, c caller) { // UpdateSecretVersionStage: remove
			database(t, c)
			c.call(t, "UpdateSecretVersionStage", params{"SecretId": "MyTestDatabaseSecret", "VersionStage": "STAGINGLABEL1", "MoveToVersionId": secret1})
		}},
		"1524004963841": {before: func(t *testing.T, c caller) { // UpdateSecretVersionStage: move
			database(t, c)
			c.call(t, "PutSecretValue", params{
				"SecretId": "MyTestDatabaseSecret", "SecretString": canary1, "ClientRequestToken": secret2, "VersionStages": []string{"AWSPENDING"},
			})
		}},
		"validate-1524000138629": {unsupported: "UnknownOperationException"}, // ValidateResourcePolicy
	}
}

// TestAWSsExamplesAreAnsweredAlike plays every example of AWS's documentation, and compares members and values.
func TestAWSsExamplesAreAnsweredAlike(t *testing.T) {
	m := awstest.FindModel(t)
	dir, err := awstest.ModelDir(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "examples-1.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Examples map[string][]struct {
			ID            string
			Input, Output params
		}
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	left := replays()
	for operation, examples := range file.Examples {
		for _, x := range examples {
			id := x.ID[strings.LastIndex(x.ID, "-")+1:]
			if operation == "ValidateResourcePolicy" { // has the number of another one
				id = "validate-" + id
			}
			r, known := left[id]
			delete(left, id)
			t.Run(operation+"/"+id, func(t *testing.T) {
				if !known {
					t.Fatalf("nobody says what happens to the example %s", x.ID)
				}
				clock := newClock()
				c := from(start(t, awstest.Options{Now: clock.Now})).in("us-west-2")
				if r.before != nil {
					r.before(t, c)
				}
				in := maps.Clone(x.Input)
				input := m.Shapes[m.Operations[operation].Input.Shape]
				if _, takes := input.Members["ClientRequestToken"]; takes && in["ClientRequestToken"] == nil {
					in["ClientRequestToken"] = example1 // as every SDK and the AWS CLI do
				}
				answer, failure := c.try(t, operation, in)
				if failure != r.unsupported {
					t.Fatalf("got %q (%v), want %q", failure, answer["Message"], r.unsupported)
				}
				if failure != "" {
					return
				}
				if x.Output == nil {
					x.Output = params{}
				}
				for _, difference := range compare("", plain(x.Output), plain(answer), r.ignore) {
					t.Error(difference)
				}
			})
		}
	}
	for id := range left {
		t.Errorf("there is no example %s", id)
	}
}

var suffix = regexp.MustCompile(`-[A-Za-z0-9]{6}$`)

// compare says where an answer differs from an example. Of dates and the random end of ARNs, only the form counts.
func compare(path string, want, got any, ignore []string) []string {
	if slices.ContainsFunc(ignore, func(end string) bool { return strings.HasSuffix(path, end) && end != "" }) {
		return nil
	}
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok {
			return []string{path + ": is no structure"}
		}
		var all []string
		keys := slices.Collect(maps.Keys(want))
		for key := range got {
			if want[key] == nil {
				keys = append(keys, key)
			}
		}
		for _, key := range keys {
			at := path + "." + key
			switch {
			case slices.ContainsFunc(ignore, func(end string) bool { return strings.HasSuffix(at, end) }):
			case want[key] == nil || got[key] == nil:
				all = append(all, fmt.Sprintf("%s: the example has %v, we have %v", at, want[key], got[key]))
			default:
				all = append(all, compare(at, want[key], got[key], ignore)...)
			}
		}
		return all
	case []any:
		got, ok := got.([]any)
		if !ok || len(got) != len(want) {
			return []string{fmt.Sprintf("%s: is no list of %d", path, len(want))}
		}
		if slices.ContainsFunc(ignore, func(end string) bool { return strings.HasSuffix(path+"[]", end) }) {
			sorted := func(list []any) []any {
				return slices.SortedFunc(slices.Values(list), func(a, b any) int { return strings.Compare(sortKey(a), sortKey(b)) })
			}
			want, got = sorted(want), sorted(got)
		}
		var all []string
		for i := range want {
			all = append(all, compare(fmt.Sprintf("%s[%d]", path, i), want[i], got[i], ignore)...)
		}
		return all
	}
	if strings.HasSuffix(path, "Date") {
		if _, ok := got.(float64); !ok {
			return []string{path + ": is no timestamp"}
		}
		return nil
	}
	if strings.HasSuffix(path, "ARN") {
		want, got = suffix.ReplaceAllString(fmt.Sprint(want), "-suffix"), suffix.ReplaceAllString(fmt.Sprint(got), "-suffix")
	}
	if !reflect.DeepEqual(want, got) {
		return []string{fmt.Sprintf("%s: the example has %v, we have %v", path, want, got)}
	}
	return nil
}

func sortKey(v any) string {
	m, _ := v.(map[string]any)
	return fmt.Sprint(m["Name"], m["VersionId"])
}

// plain is a value as JSON has it.
func plain(v any) any {
	raw, _ := json.Marshal(v)
	var out any
	_ = json.Unmarshal(raw, &out)
	return out
}
