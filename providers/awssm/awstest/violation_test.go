package awstest_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers/awssm/awstest"
)

// TestWhatTheModelForbidsIsRefused sends, for each operation, every violation of AWS's model that there is: each member
// missing, of another type, too short, too long, out of its enumeration, against its pattern. The recorder in start
// checks that what is accepted is as the model has it, and that errors are ones that the model declares.
func TestWhatTheModelForbidsIsRefused(t *testing.T) {
	m := awstest.FindModel(t)
	for operation, requests := range acceptable() {
		shape := m.Shapes[m.Operations[operation].Input.Shape]
		for i, good := range requests {
			t.Run(fmt.Sprint(operation, i), func(t *testing.T) {
				s := start(t, awstest.Options{})
				c := from(s)
				prepare(t, c)
				if operation == "StopReplicationToReplica" {
					c = c.in("eu-west-1")
				}
				for _, bad := range violations(m, shape, good) {
					before := fmt.Sprint(s.Describe("a"))
					if _, failure := c.try(t, operation, bad.in); failure == "" || failure == "transport" {
						t.Errorf("%s: got %q, want an error", bad.what, failure)
					}
					if after := fmt.Sprint(s.Describe("a")); after != before {
						t.Errorf("%s: it was refused and had an effect", bad.what)
					}
				}
				if _, failure := c.try(t, operation, good); failure != "" {
					t.Errorf("what the violations were made of is refused: %s", failure)
				}
				for _, edge := range edges(m, shape, good) {
					answer, failure := c.try(t, operation, edge.in)
					if failure == "ValidationException" || failure == "SerializationException" || failure == "transport" {
						t.Errorf("%s, which the model allows: %s: %v", edge.what, failure, answer["Message"])
					}
				}
			})
		}
	}
}

func TestEveryOperationOfTheModelIsEmulatedOrSaysThatItIsNot(t *testing.T) {
	m := awstest.FindModel(t)
	c := from(start(t, awstest.Options{}))
	for operation := range m.Operations {
		_, failure := c.try(t, operation, params{})
		_, tried := acceptable()[operation]
		if rotation := strings.HasSuffix(operation, "RotateSecret"); (failure == "UnknownOperationException") == (tried || rotation) {
			t.Errorf("%s: %s", operation, failure)
		}
	}
}

func prepare(t *testing.T, c caller) {
	c.create(t, "a", canary1)
	c.put(t, "a", canary2, "2")
	c.call(t, "ReplicateSecretToRegions", params{"SecretId": "a", "AddReplicaRegions": []any{params{"Region": "eu-west-1"}}})
	c.create(t, "gone", canary1)
}

// acceptable are requests of every emulated operation that succeed after prepare.
func acceptable() map[string][]params {
	return map[string][]params{
		"BatchGetSecretValue": {
			{"SecretIdList": []any{"a"}},
			{"MaxResults": 1, "Filters": []any{params{"Key": "name", "Values": []any{"a"}}}},
		},
		"CreateSecret": {{
			"Name": "b", "ClientRequestToken": token("7"), "Description": "d", "KmsKeyId": "k", "SecretString": canary1,
			"Tags": []any{params{"Key": "k", "Value": "v"}}, "AddReplicaRegions": []any{params{"Region": "eu-west-1", "KmsKeyId": "k"}},
			"ForceOverwriteReplicaSecret": false,
		}},
		"DeleteSecret":         {{"SecretId": "gone", "RecoveryWindowInDays": 7, "ForceDeleteWithoutRecovery": false}},
		"DescribeSecret":       {{"SecretId": "a"}},
		"GetSecretValue":       {{"SecretId": "a", "VersionId": token("2"), "VersionStage": "AWSCURRENT"}},
		"ListSecretVersionIds": {{"SecretId": "a", "MaxResults": 1, "IncludeDeprecated": true}},
		"ListSecrets": {{
			"IncludePlannedDeletion": true, "MaxResults": 1, "SortOrder": "asc",
			"Filters": []any{params{"Key": "name", "Values": []any{"a"}}},
		}},
		"PutSecretValue": {{
			"SecretId": "a", "ClientRequestToken": token("8"), "SecretString": canary3, "VersionStages": []any{"MINE"},
			"RotationToken": strings.Repeat("r", 36),
		}},
		"RemoveRegionsFromReplication": {{"SecretId": "a", "RemoveReplicaRegions": []any{"eu-west-1"}}},
		"ReplicateSecretToRegions": {{
			"SecretId": "a", "AddReplicaRegions": []any{params{"Region": "eu-west-2", "KmsKeyId": "k"}}, "ForceOverwriteReplicaSecret": false,
		}},
		"RestoreSecret":            {{"SecretId": "a"}},
		"StopReplicationToReplica": {{"SecretId": "a"}},
		"TagResource":              {{"SecretId": "a", "Tags": []any{params{"Key": "k", "Value": "v"}}}},
		"UntagResource":            {{"SecretId": "a", "TagKeys": []any{"k"}}},
		"UpdateSecret": {{
			"SecretId": "a", "ClientRequestToken": token("9"), "Description": "d", "KmsKeyId": "k", "SecretString": canary3,
		}},
		"UpdateSecretVersionStage": {{"SecretId": "a", "VersionStage": "MINE", "MoveToVersionId": token("1")}},
	}
}

type variant struct {
	what string
	in   params
}

// violations are requests that are wrong in one place each.
func violations(m *awstest.Model, shape awstest.ModelShape, good params) []variant {
	return vary(m, shape, good, true, func(shape awstest.ModelShape) []namedValue {
		bad := []namedValue{{"of another type", 3.5}}
		if shape.Type == "structure" || shape.Type == "list" {
			bad = []namedValue{{"of another type", "text"}}
		}
		if shape.Min != nil && *shape.Min > 0 {
			bad = append(bad, namedValue{"too little", sized(m, shape, *shape.Min-1)})
		}
		if shape.Max != nil {
			bad = append(bad, namedValue{"too much", sized(m, shape, *shape.Max+1)})
		}
		if len(shape.Enum) > 0 {
			bad = append(bad, namedValue{"out of the enumeration", "nonsense"})
		}
		if shape.Pattern != "" {
			bad = append(bad, namedValue{"against the pattern", strings.Repeat("é ", 20)})
		}
		return bad
	})
}

// edges are requests at the limits of what the model allows.
func edges(m *awstest.Model, shape awstest.ModelShape, good params) []variant {
	return vary(m, shape, good, false, func(shape awstest.ModelShape) []namedValue {
		var all []namedValue
		if len(shape.Enum) > 0 || shape.Pattern != "" || shape.Type == "list" {
			return nil
		}
		if shape.Min != nil {
			all = append(all, namedValue{"just enough", sized(m, shape, *shape.Min)})
		}
		if shape.Max != nil {
			all = append(all, namedValue{"just not too much", sized(m, shape, *shape.Max)})
		}
		return all
	})
}

type namedValue struct {
	what  string
	value any
}

// vary makes a request for each other value of each member, at every depth.
func vary(m *awstest.Model, shape awstest.ModelShape, good params, missing bool, others func(awstest.ModelShape) []namedValue) []variant {
	var all []variant
	for _, name := range slices.Sorted(maps.Keys(shape.Members)) {
		member := m.Shapes[shape.Members[name].Shape]
		with := func(what string, value any) {
			in := maps.Clone(good)
			in[name] = value
			if name == "SecretBinary" {
				delete(in, "SecretString")
			}
			all = append(all, variant{name + " " + what, in})
		}
		if missing && slices.Contains(shape.Required, name) {
			in := maps.Clone(good)
			delete(in, name)
			all = append(all, variant{name + " missing", in})
		}
		for _, other := range others(member) {
			with(other.what, other.value)
		}
		switch member.Type {
		case "structure":
			for _, v := range vary(m, member, element(good[name]), missing, others) {
				with(v.what, v.in)
			}
		case "list":
			inner := m.Shapes[member.Member.Shape]
			for _, other := range others(inner) {
				with("member "+other.what, []any{other.value})
			}
			if inner.Type == "structure" {
				list, _ := good[name].([]any)
				if len(list) == 0 {
					list = []any{params{}}
				}
				for _, v := range vary(m, inner, element(list[0]), missing, others) {
					with("member "+v.what, []any{v.in})
				}
			}
		}
	}
	return all
}

func element(value any) params {
	p, ok := value.(params)
	if !ok {
		return params{}
	}
	return p
}

// sized is a value of a size.
func sized(m *awstest.Model, shape awstest.ModelShape, n int) any {
	switch shape.Type {
	case "string":
		return strings.Repeat("x", n)
	case "blob":
		return make([]byte, n) // base64, once it is JSON
	case "list":
		list := make([]any, n)
		for i := range list {
			list[i] = "x"
			switch inner := m.Shapes[shape.Member.Shape]; {
			case len(inner.Members) > 0 && inner.Members["Region"].Shape != "":
				list[i] = params{"Region": fmt.Sprintf("eu-west-%d", i+1)}
			case len(inner.Members) > 0 && inner.Members["Values"].Shape != "":
				list[i] = params{"Key": "name", "Values": []any{"a"}}
			case len(inner.Members) > 0:
				list[i] = params{"Key": fmt.Sprint("k", i), "Value": "v"}
			}
		}
		return list
	}
	return n
}
