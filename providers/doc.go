// Package providers says what keyrota needs of the two kinds of service it
// works with: an Issuer, which creates and deletes API keys, and SecretStores,
// which readers fetch them from. It also holds the Secret type, which no log,
// error or encoder prints, and the kinds of error that callers act on.
//
// A provider is a package below this one. It imports this package, package
// rotation for the nouns, and its SDK; nothing else of keyrota, and never
// another provider. It decodes its own block of the configuration with a type
// of its own. Its tests run the conformance suite of providers/providertest.
//
// Providers neither retry nor log: they return an *Error with its Kind, and
// the caller decides. They are safe for concurrent use.
package providers
