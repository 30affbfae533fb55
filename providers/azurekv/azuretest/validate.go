package azuretest

import (
	"fmt"
	"net/http"
	"regexp"
	"unicode/utf8"

	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
)

// Bounds of a secret.
// https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates
// https://learn.microsoft.com/azure/key-vault/secrets/about-secrets
const (
	nameMax        = 127
	valueMax       = 25 * 1024
	tagsMax        = 15
	tagKeyMax      = 512
	tagValueMax    = 512
	contentTypeMax = 255
)

func validate(name string, asked azsecrets.SetSecretParameters) *Error {
	// A name outside of the alphabet does not even reach an operation.
	if !regexp.MustCompile(`^[0-9A-Za-z-]+$`).MatchString(name) || len(name) > nameMax {
		return badParameter("The request URI contains an invalid name")
	}
	switch {
	case asked.Value == nil:
		return badParameter("The value is missing")
	case len(*asked.Value) > valueMax:
		return badParameter("Secret value is too large")
	}
	return validateProperties(asked.ContentType, asked.Tags)
}

func validateProperties(contentType *string, tags map[string]*string) *Error {
	if contentType != nil && utf8.RuneCountInString(*contentType) > contentTypeMax {
		return badParameter("contentType is too long")
	}
	if len(tags) > tagsMax {
		return badParameter(fmt.Sprintf("there are more than %d tags", tagsMax))
	}
	for key, value := range tags {
		if key == "" || utf8.RuneCountInString(key) > tagKeyMax || value != nil && utf8.RuneCountInString(*value) > tagValueMax {
			return badParameter("a tag's name or value is too long")
		}
	}
	return nil
}

func badParameter(message string) *Error {
	return &Error{Status: http.StatusBadRequest, Code: "BadParameter", Message: message}
}

func notFound(name string) *Error {
	return &Error{
		Status: http.StatusNotFound, Code: "SecretNotFound",
		Message: "A secret with (name/id) " + name + " was not found in this key vault.",
	}
}

// conflictOf tells of a name that cannot be used for now.
func conflictOf(e *entry) *Error {
	if e.recovering > 0 {
		e.recovering--
		return &Error{Status: http.StatusConflict, Code: "Conflict", Inner: "ObjectIsBeingRecovered", Message: "Secret " + e.key + " is currently being recovered."}
	}
	return &Error{
		Status: http.StatusConflict, Code: "Conflict", Inner: "ObjectIsDeletedButRecoverable",
		Message: "Secret " + e.key + " is currently in a deleted but recoverable state, and its name cannot be reused.",
	}
}
