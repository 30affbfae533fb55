// Package providertest holds the conformance suites that every provider of
// keyrota passes, those of third parties included, and the providers in memory
// that the suites and the engine are tested with. It is for tests.
//
// A store's test gives TestStore a StoreHarness: how to get an empty service
// with a store before it, and how a person works on that service by hand. Each
// case is a subtest whose name and first line tell its story. An issuer's
// test gives TestIssuer an IssuerHarness in the same way.
//
// Memory is a secret store and Platform an issuer, both in memory: they fail,
// pause and lose answers as a test tells them to, and count their calls.
package providertest
