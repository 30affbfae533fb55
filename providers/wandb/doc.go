// Package wandb is the issuer: it lists, creates, verifies and deletes the API
// keys of W&B's service accounts, over the GraphQL API that W&B's open-source
// SDK uses. It knows the contract of package providers and nothing else of
// keyrota.
//
//	issuer, err := wandb.New(wandb.Config{AdminKey: read}, wandb.Options{})
//
// W&B lets an account create only its own keys: Issue is called with a live
// key of the account. What needs an administrator's key is listing accounts,
// deleting keys without one of the account, creating team-scoped accounts and
// fetching their first key; Abilities says what of it there is.
//
// What use shows (runs, members, what a credential may do with a project) is
// asked with a key of the account or an administrator's; the audit log with a
// key of an organization admin or an organization-scoped service account, and
// in the form that the server has; an account is taken out of its team with an
// administrator's. JWTs are exchanged without a key.
//
// There are two kinds of server (W&B docs, API keys). Servers that hash keys
// list the first part of each; older ones list whole keys. Either is reduced
// to a fingerprint while decoding, which is enough to recognise a key that we
// hold.
//
// # Errors
//
// Every error is a *providers.Error. The words of W&B's own errors are not
// public, so an error that is not recognised counts as Transient: its effect
// is not known. Answers are never quoted as they came: keys, and whatever
// looks like one, are taken out of the server's words.
package wandb
