package awstest_test

import (
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers/awssm/awstest"
)

func TestASecretIsFoundByNameARNAndPartOfItsARN(t *testing.T) {
	c := from(start(t, awstest.Options{}))
	arn := c.create(t, "ml/key", canary1)["ARN"].(string)
	partial := arn[:len(arn)-7]
	if !strings.HasSuffix(partial, ":secret:ml/key") {
		t.Fatal(arn)
	}
	for _, id := range []string{"ml/key", arn, partial} {
		if c.value(t, id) != canary1 {
			t.Errorf("%s is another secret", id)
		}
	}
	for _, id := range []string{
		"ml/ke", "ml/key" + arn[len(arn)-7:], partial + "-000000", partial[:len(partial)-1],
		strings.Replace(arn, "us-east-1", "us-east-2", 1),
	} {
		c.refused(t, "ResourceNotFoundException", "GetSecretValue", params{"SecretId": id})
	}
	c.refused(t, "AccessDeniedException", "GetSecretValue", params{"SecretId": strings.Replace(arn, "123456789012", "210987654321", 1)})
	c.refused(t, "ValidationException", "GetSecretValue", params{"SecretId": "not a name"})

	// A name that ends as an ARN does is found too, where no ARN is meant.
	c.create(t, "ml/key-abcdef", canary2)
	if c.value(t, partial+"-abcdef") != canary2 || c.value(t, "ml/key-abcdef") != canary2 || c.value(t, arn) != canary1 {
		t.Error("two secrets are taken for each other")
	}
}

func TestNamesAndTagsHaveTheirForm(t *testing.T) {
	c := from(start(t, awstest.Options{}))
	for _, name := range []string{"a/_+=.@-Z9", "-", "name-abcdef", strings.Repeat("n", 512)} {
		c.create(t, name, canary1)
	}
	for _, name := range []string{"a b", "a!", "é", "a:b", "a\n"} {
		c.refused(t, "ValidationException", "CreateSecret", params{"Name": name, "ClientRequestToken": token("1")})
	}
	tag := func(key, value string) string {
		_, failure := c.try(t, "TagResource", params{"SecretId": "-", "Tags": []params{{"Key": key, "Value": value}}})
		return failure
	}
	for _, x := range []struct{ key, value, want string }{
		{"aws", "", ""}, {"a b_c.d:e/f=g+h-i@j", "é ü 日本", ""}, {"aws:a", "v", "InvalidParameterException"}, {"AWS:a", "v", "InvalidParameterException"},
		{"a;b", "v", "InvalidParameterException"}, {"a", "<v>", "InvalidParameterException"},
		{strings.Repeat("日", 128), strings.Repeat("本", 256), ""}, {strings.Repeat("日", 129), "", "ValidationException"},
		{"a", strings.Repeat("本", 257), "ValidationException"},
	} {
		if got := tag(x.key, x.value); got != x.want {
			t.Errorf("tag %q: got %q, want %q", x.key, got, x.want)
		}
	}
}

func TestASecretHasFiftyTags(t *testing.T) {
	c := from(start(t, awstest.Options{}))
	tags := func(n int) []params {
		var all []params
		for i := range n {
			all = append(all, params{"Key": strings.Repeat("k", i+1), "Value": "v"})
		}
		return all
	}
	in := params{"Name": "a", "SecretString": canary1, "ClientRequestToken": token("1"), "Tags": tags(51)}
	c.refused(t, "InvalidParameterException", "CreateSecret", in)
	in["Tags"] = tags(49)
	c.call(t, "CreateSecret", in)
	c.refused(t, "InvalidParameterException", "TagResource", params{"SecretId": "a", "Tags": tags(51)})
	c.call(t, "TagResource", params{"SecretId": "a", "Tags": tags(50)})
	c.call(t, "UntagResource", params{"SecretId": "a", "TagKeys": []string{"k", "none"}})
	if got := c.call(t, "DescribeSecret", params{"SecretId": "a"})["Tags"].([]any); len(got) != 49 {
		t.Errorf("%d tags are left", len(got))
	}
}

func TestValuesAreKeptByteForByte(t *testing.T) {
	s := start(t, awstest.Options{})
	c := from(s)
	text := "\x00\t\n \"\\ é€😀 \u2028 " + strings.Repeat("x", 60000)
	c.create(t, "text", text)
	if got := c.value(t, "text"); got != text {
		t.Error("the text is another one")
	}
	raw := make([]byte, 65536)
	for i := range raw {
		raw[i] = byte(i * 7)
	}
	c.call(t, "CreateSecret", params{"Name": "binary", "SecretBinary": raw, "ClientRequestToken": token("1")})
	answer := c.call(t, "GetSecretValue", params{"SecretId": "binary"})
	if got, _ := s.Raw("binary"); got != string(raw) || answer["SecretString"] != nil || answer["SecretBinary"] == nil {
		t.Error("the bytes are other ones")
	}
	c.refused(t, "ValidationException", "CreateSecret", params{"Name": "large", "SecretString": strings.Repeat("é", 32769), "ClientRequestToken": token("1")})
}
