package awstest_test

import "strings"

// script is what both emulators are asked. Each part has secrets of its own, so that no difference leads to another.
func script() []step {
	var all []step
	add := func(name, op string, in params) { all = append(all, step{name, op, in}) }
	create := func(name string) {
		add("create "+name, "CreateSecret", params{"Name": name, "SecretString": canary1, "ClientRequestToken": token("1")})
	}
	put := func(name, n string, stages ...string) {
		in := params{"SecretId": name, "SecretString": canary2, "ClientRequestToken": token(n)}
		if stages != nil {
			in["VersionStages"] = stages
		}
		add("put "+name+" "+n, "PutSecretValue", in)
	}
	describe := func(what, name string) { add(what, "DescribeSecret", params{"SecretId": name}) }

	create("first")
	describe("describe", "first")
	add("get", "GetSecretValue", params{"SecretId": "first"})
	put("first", "2")
	describe("describe after a put", "first")
	put("first", "3")
	describe("describe after two puts", "first")
	add("get the previous", "GetSecretValue", params{"SecretId": "first", "VersionStage": "AWSPREVIOUS"})
	add("get by id and label", "GetSecretValue", params{"SecretId": "first", "VersionId": token("2"), "VersionStage": "AWSPREVIOUS"})
	add("get by another id and label", "GetSecretValue", params{"SecretId": "first", "VersionId": token("3"), "VersionStage": "AWSPREVIOUS"})
	add("get an unknown version", "GetSecretValue", params{"SecretId": "first", "VersionId": token("9")})
	add("get an unknown label", "GetSecretValue", params{"SecretId": "first", "VersionStage": "NONE"})
	add("get an unknown secret", "GetSecretValue", params{"SecretId": "none"})
	add("describe an unknown secret", "DescribeSecret", params{"SecretId": "none"})
	add("put an unknown secret", "PutSecretValue", params{"SecretId": "none", "SecretString": canary1, "ClientRequestToken": token("1")})
	add("update an unknown secret", "UpdateSecret", params{"SecretId": "none", "SecretString": canary1, "ClientRequestToken": token("1")})
	add("tag an unknown secret", "TagResource", params{"SecretId": "none", "Tags": []params{{"Key": "a", "Value": "b"}}})
	add("delete an unknown secret", "DeleteSecret", params{"SecretId": "none"})
	add("force delete an unknown secret", "DeleteSecret", params{"SecretId": "none", "ForceDeleteWithoutRecovery": true})
	add("restore an unknown secret", "RestoreSecret", params{"SecretId": "none"})
	add("list versions", "ListSecretVersionIds", params{"SecretId": "first"})
	add("list versions with those without labels", "ListSecretVersionIds", params{"SecretId": "first", "IncludeDeprecated": true})

	create("token")
	add("create with the same token and data", "CreateSecret", params{"Name": "token", "SecretString": canary1, "ClientRequestToken": token("1")})
	add("create with the same token and other data", "CreateSecret", params{"Name": "token", "SecretString": canary2, "ClientRequestToken": token("1")})
	add("create with another token", "CreateSecret", params{"Name": "token", "SecretString": canary1, "ClientRequestToken": token("2")})
	put("token", "2")
	add("put with the same token and data", "PutSecretValue", params{"SecretId": "token", "SecretString": canary2, "ClientRequestToken": token("2")})
	add("put with the same token and other data", "PutSecretValue", params{"SecretId": "token", "SecretString": canary3, "ClientRequestToken": token("2")})
	add("put an older version again", "PutSecretValue", params{"SecretId": "token", "SecretString": canary1, "ClientRequestToken": token("1")})
	add("put with a short token", "PutSecretValue", params{"SecretId": "token", "SecretString": canary3, "ClientRequestToken": "short"})
	add("put without a value", "PutSecretValue", params{"SecretId": "token", "ClientRequestToken": token("5")})
	describe("describe after tokens", "token")
	create("token2")
	add("put without a token", "PutSecretValue", params{"SecretId": "token2", "SecretString": canary3})
	add("put two values", "PutSecretValue", params{"SecretId": "token2", "ClientRequestToken": token("5"), "SecretString": "a", "SecretBinary": "YQ=="})

	create("update")
	add("update the description", "UpdateSecret", params{"SecretId": "update", "Description": "d", "ClientRequestToken": token("7")})
	add("update the value", "UpdateSecret", params{"SecretId": "update", "SecretString": canary2, "ClientRequestToken": token("2")})
	add("update with the same token and data", "UpdateSecret", params{"SecretId": "update", "SecretString": canary2, "ClientRequestToken": token("2")})
	add("update with the same token and other data", "UpdateSecret", params{"SecretId": "update", "SecretString": canary3, "ClientRequestToken": token("2")})
	describe("describe after updates", "update")

	create("label")
	put("label", "2", "AWSPENDING")
	describe("describe a pending version", "label")
	move := func(what, name, stage, from, to string) {
		in := params{"SecretId": name, "VersionStage": stage}
		if from != "" {
			in["RemoveFromVersionId"] = token(from)
		}
		if to != "" {
			in["MoveToVersionId"] = token(to)
		}
		add(what, "UpdateSecretVersionStage", in)
		describe("describe after: "+what, name)
	}
	move("move AWSCURRENT", "label", "AWSCURRENT", "1", "2")
	move("move AWSCURRENT back", "label", "AWSCURRENT", "2", "1")
	move("add a label", "label", "MINE", "", "1")
	move("move a label with its version", "label", "MINE", "1", "2")
	move("remove a label", "label", "MINE", "2", "")
	move("move AWSCURRENT without its version", "label", "AWSCURRENT", "", "2")
	move("remove a label that is not there", "label", "MINE", "2", "")
	move("move a label to an unknown version", "label", "MINE", "", "9")
	create("label2")
	put("label2", "2", "MINE")
	move("move a label without its version", "label2", "MINE", "", "1")
	create("label3")
	put("label3", "2", "MINE")
	move("move a label from a version that has it not", "label3", "MINE", "1", "1")
	create("label4")
	move("remove AWSCURRENT", "label4", "AWSCURRENT", "1", "")
	create("label5")
	put("label5", "2", "AWSPENDING", "AWSCURRENT")
	put("label5", "3")
	describe("describe a put after a version that was pending too", "label5")
	create("label6")
	put("label6", "2", "AWSCURRENT", "MINE")
	put("label6", "3")
	describe("describe a put after a version with a label of our own", "label6")
	create("label7")
	put("label7", "2", "MINE")
	put("label7", "3", "MINE")
	describe("describe a label that a put moved", "label7")
	add("create empty", "CreateSecret", params{"Name": "empty", "ClientRequestToken": token("1")})
	describe("describe empty", "empty")
	add("get empty", "GetSecretValue", params{"SecretId": "empty"})
	put("empty", "2", "MINE")
	describe("describe the first version with a label of our own", "empty")

	create("deleted")
	add("delete for 6 days", "DeleteSecret", params{"SecretId": "deleted", "RecoveryWindowInDays": 6})
	add("delete for 31 days", "DeleteSecret", params{"SecretId": "deleted", "RecoveryWindowInDays": 31})
	add("force delete for 7 days", "DeleteSecret", params{"SecretId": "deleted", "RecoveryWindowInDays": 7, "ForceDeleteWithoutRecovery": true})
	add("delete", "DeleteSecret", params{"SecretId": "deleted", "RecoveryWindowInDays": 7})
	add("delete again", "DeleteSecret", params{"SecretId": "deleted"})
	describe("describe deleted", "deleted")
	add("get deleted", "GetSecretValue", params{"SecretId": "deleted"})
	add("create deleted", "CreateSecret", params{"Name": "deleted", "SecretString": canary1, "ClientRequestToken": token("8")})
	add("update deleted", "UpdateSecret", params{"SecretId": "deleted", "SecretString": canary2, "ClientRequestToken": token("3")})
	add("list versions of deleted", "ListSecretVersionIds", params{"SecretId": "deleted"})
	add("batch deleted", "BatchGetSecretValue", params{"SecretIdList": []string{"deleted", "none"}})
	add("list without deleted", "ListSecrets", params{"Filters": []params{{"Key": "name", "Values": []string{"deleted"}}}})
	add("list with deleted", "ListSecrets", params{"IncludePlannedDeletion": true, "Filters": []params{{"Key": "name", "Values": []string{"deleted"}}}})
	add("restore", "RestoreSecret", params{"SecretId": "deleted"})
	add("restore again", "RestoreSecret", params{"SecretId": "deleted"})
	for op, in := range map[string]params{
		"PutSecretValue":           {"SecretString": canary2, "ClientRequestToken": token("2")},
		"TagResource":              {"Tags": []params{{"Key": "a", "Value": "b"}}},
		"UntagResource":            {"TagKeys": []string{"a"}},
		"UpdateSecretVersionStage": {"VersionStage": "MINE", "MoveToVersionId": token("1")},
		"ReplicateSecretToRegions": {"AddReplicaRegions": []params{{"Region": "eu-west-3"}}},
	} {
		create("doomed-by-" + op)
		add("delete before "+op, "DeleteSecret", params{"SecretId": "doomed-by-" + op})
		in["SecretId"] = "doomed-by-" + op
		add("deleted: "+op, op, in)
	}
	create("forced")
	add("delete forced", "DeleteSecret", params{"SecretId": "forced"})
	add("force delete what is deleted", "DeleteSecret", params{"SecretId": "forced", "ForceDeleteWithoutRecovery": true})
	describe("describe forced", "forced")
	create("forced")

	add("create with tags", "CreateSecret", params{
		"Name": "tags", "SecretString": canary1, "ClientRequestToken": token("1"), "Tags": []params{{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}},
	})
	add("tag", "TagResource", params{"SecretId": "tags", "Tags": []params{{"Key": "a", "Value": "2"}, {"Key": "c", "Value": "3"}}})
	add("untag", "UntagResource", params{"SecretId": "tags", "TagKeys": []string{"b", "none"}})
	describe("describe tags", "tags")
	add("list by tag", "ListSecrets", params{"Filters": []params{{"Key": "tag-key", "Values": []string{"c"}}}})
	add("list by value of tag, in the wrong case", "ListSecrets", params{"Filters": []params{{"Key": "tag-key", "Values": []string{"C"}}}})
	add("list by two filters", "ListSecrets", params{"Filters": []params{
		{"Key": "tag-key", "Values": []string{"c"}}, {"Key": "tag-value", "Values": []string{"4"}},
	}})
	add("list by all", "ListSecrets", params{"Filters": []params{{"Key": "all", "Values": []string{"TAGS"}}}})
	add("list by another key", "ListSecrets", params{"Filters": []params{{"Key": "color", "Values": []string{"a"}}}})
	add("tag as AWS", "TagResource", params{"SecretId": "tags", "Tags": []params{{"Key": "aws:a", "Value": "2"}}})
	add("tag twice", "TagResource", params{"SecretId": "tags", "Tags": []params{{"Key": "d", "Value": "2"}, {"Key": "d", "Value": "3"}}})
	for _, name := range []string{"prefix/1", "prefix/2", "prefix/3"} {
		create(name)
	}
	add("list by prefix", "ListSecrets", params{"Filters": []params{{"Key": "name", "Values": []string{"prefix/"}}}})
	add("list by two prefixes", "ListSecrets", params{"Filters": []params{{"Key": "name", "Values": []string{"prefix/1", "prefix/3"}}}})
	add("list all but a prefix", "ListSecrets", params{"Filters": []params{
		{"Key": "name", "Values": []string{"prefix/"}}, {"Key": "name", "Values": []string{"!prefix/1"}},
	}})
	add("list two of three", "ListSecrets", params{"MaxResults": 2, "Filters": []params{{"Key": "name", "Values": []string{"prefix/"}}}})
	add("list with a token of nobody", "ListSecrets", params{"NextToken": "nonsense"})
	add("batch", "BatchGetSecretValue", params{"SecretIdList": []string{"prefix/1", "prefix/2"}})
	add("batch by filter", "BatchGetSecretValue", params{"Filters": []params{{"Key": "name", "Values": []string{"prefix/"}}}})
	add("batch by nothing", "BatchGetSecretValue", params{})

	add("create a name that is none", "CreateSecret", params{"Name": "a b", "SecretString": canary1, "ClientRequestToken": token("1")})
	add("create a long name", "CreateSecret", params{"Name": strings.Repeat("n", 513), "SecretString": canary1, "ClientRequestToken": token("1")})
	add("create a large value", "CreateSecret", params{"Name": "large", "SecretString": strings.Repeat("x", 65537), "ClientRequestToken": token("1")})
	add("create a binary", "CreateSecret", params{"Name": "binary", "SecretBinary": "AAEC/w==", "ClientRequestToken": token("1")})
	add("get a binary", "GetSecretValue", params{"SecretId": "binary"})
	add("get by ARN without suffix", "GetSecretValue", params{"SecretId": "arn:aws:secretsmanager:us-east-1:123456789012:secret:binary"})

	create("replicated")
	add("replicate", "ReplicateSecretToRegions", params{"SecretId": "replicated", "AddReplicaRegions": []params{{"Region": "eu-west-3"}}})
	add("replicate to its own Region", "ReplicateSecretToRegions", params{"SecretId": "replicated", "AddReplicaRegions": []params{{"Region": "us-east-1"}}})
	describe("describe replicated", "replicated")
	add("delete replicated", "DeleteSecret", params{"SecretId": "replicated"})
	add("remove a replica", "RemoveRegionsFromReplication", params{"SecretId": "replicated", "RemoveReplicaRegions": []string{"eu-west-3"}})
	describe("describe not replicated any more", "replicated")
	add("rotate", "RotateSecret", params{"SecretId": "first", "ClientRequestToken": token("9")})
	add("cancel rotation", "CancelRotateSecret", params{"SecretId": "first"})
	return all
}
