// Package vault delivers to HashiCorp Vault and to OpenBao: secrets of KV
// version 2 engines, whole or one field of them.
//
// A destination's path begins with the engine's mount, as `vault kv get` takes
// it: "secret/ci/wandb", not "secret/data/ci/wandb". A whole secret is written
// from a JSON object; a single value needs a field. Of a secret with several
// fields only the destination's field changes: Vault itself merges it (PATCH),
// or, where the policy does not allow that, the current version is read and
// written back with the others as they were.
//
// Marks are custom metadata of the secret: key "keyrota" for a whole secret,
// "keyrota.FIELD" for a field. Custom metadata belongs to the secret and not
// to a version, and is not written together with the data. So a mark names the
// version it speaks of, by number and creation time, and is written after that
// version; a mark without a version, written before the first data, only says
// whose the secret is. What the mark does not name is not believed. Tags and
// the description ("description") go the same way.
//
// The policy of keyrota's own token, for everything below secret/ci/:
//
//	path "secret/data/ci/*"     { capabilities = ["create", "update", "patch", "read"] }
//	path "secret/metadata/ci/*" { capabilities = ["create", "update", "patch", "read"] }
//	path "secret/subkeys/ci/*"  { capabilities = ["read"] }
//
// "read" on data is needed where a key must be read back, "subkeys" only saves
// reading the values of other fields. Vault's default policy adds what a token
// may do with itself: look itself up, renew itself, ask for its capabilities.
// Listing what there is (`keyrota discover`) needs one more:
//
//	path "secret/metadata/ci/*" { capabilities = ["list", "read"] }
//
// Removing what left the configuration (`keyrota prune`, never the daemon) deletes
// the current version so that it can be undeleted, and needs another one:
//
//	path "secret/delete/ci/*" { capabilities = ["update"] }
//
// OpenBao answers the same calls; its detailed listing, which would save calls
// when observing, is not used.
package vault
