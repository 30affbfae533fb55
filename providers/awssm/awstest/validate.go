package awstest

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// The limits of Secrets Manager.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
const (
	maxName        = 512
	maxSecretID    = 2048
	maxDescription = 2048
	maxKMSKeyID    = 2048
	maxValue       = 65536
	maxTags        = 50
	maxTagKey      = 128
	maxTagValue    = 256
	minToken       = 32
	maxToken       = 64
	maxStage       = 256
	maxStages      = 20 // of one version
	keptVersions   = 100
)

var (
	nameForm     = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]+$`)
	idForm       = regexp.MustCompile(`^[A-Za-z0-9/_+=.@!:-]+$`) // also ARNs, and names that managed secrets have
	regionForm   = regexp.MustCompile(`^([a-z]+-)+\d+$`)
	rotationForm = regexp.MustCompile(`^[a-zA-Z0-9-]+$`)
	tagForm      = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
)

// constraint is what AWS answers when a parameter's length or value is not as
// the model of the API says.
func constraint(member, rule string) *Error {
	return fail("ValidationException", "1 validation error detected: Value at '%s' failed to satisfy constraint: Member must %s", member, rule)
}

func length(member, value string, low, high int) *Error {
	n := utf8.RuneCountInString(value)
	switch {
	case n < low:
		return constraint(member, "have length greater than or equal to "+itoa(low))
	case n > high:
		return constraint(member, "have length less than or equal to "+itoa(high))
	}
	return nil
}

func optional(member string, value *string, low, high int) *Error {
	if value == nil {
		return nil
	}
	return length(member, *value, low, high)
}

func checkSecretID(id string) *Error {
	if failure := length("secretId", id, 1, maxSecretID); failure != nil {
		return failure
	}
	if !idForm.MatchString(id) {
		return invalidName()
	}
	return nil
}

func invalidName() *Error {
	return fail("ValidationException", "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
}

func checkName(name string) *Error {
	if failure := length("name", name, 1, maxName); failure != nil {
		return failure
	}
	if !nameForm.MatchString(name) {
		return invalidName()
	}
	return nil
}

func checkToken(token *string) *Error {
	if token == nil || *token == "" {
		return invalidRequest("You must provide a ClientRequestToken value. We recommend a UUID-type value.")
	}
	if n := len(*token); n < minToken || n > maxToken {
		return invalidParameter("ClientRequestToken must be 32-64 characters long.")
	}
	return nil
}

func checkValue(text *string, binary []byte, required bool) *Error {
	switch {
	case text != nil && binary != nil:
		return invalidParameter("You can't specify both a binary secret value and a string secret value in the same secret.")
	case text == nil && binary == nil && required:
		return invalidRequest("You must provide either SecretString or SecretBinary.")
	case text != nil && *text == "":
		return constraint("secretString", "have length greater than or equal to 1")
	case text != nil && len(*text) > maxValue:
		return constraint("secretString", "have length less than or equal to 65536")
	case binary != nil && len(binary) == 0:
		return constraint("secretBinary", "have length greater than or equal to 1")
	case len(binary) > maxValue:
		return constraint("secretBinary", "have length less than or equal to 65536")
	}
	return nil
}

func checkRotationToken(token *string) *Error {
	if failure := optional("rotationToken", token, 36, 256); failure != nil {
		return failure
	}
	if token != nil && !rotationForm.MatchString(*token) {
		return constraint("rotationToken", `satisfy regular expression pattern: ^[a-zA-Z0-9\-]+$`)
	}
	return nil
}

func checkTags(tags []tag) *Error {
	seen := map[string]bool{}
	for _, t := range tags {
		if failure := length("tags.member.key", t.Key, 1, maxTagKey); failure != nil {
			return failure
		}
		if failure := length("tags.member.value", t.Value, 0, maxTagValue); failure != nil {
			return failure
		}
		switch {
		case reserved(t.Key):
			return invalidParameter("Tag keys that start with aws: are reserved for AWS use.")
		case !tagForm.MatchString(t.Key) || !tagForm.MatchString(t.Value):
			return invalidParameter("A tag contains characters that are not letters, digits, spaces or any of _.:/=+-@.")
		case seen[t.Key]:
			return invalidParameter("Tag key %s is given twice.", t.Key)
		}
		seen[t.Key] = true
	}
	return nil
}

func reserved(key string) bool { return strings.HasPrefix(strings.ToLower(key), "aws:") }
