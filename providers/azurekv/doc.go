// Package azurekv delivers to Azure Key Vault: secrets, whole or one field of a
// secret that is the text of a JSON object.
//
// A destination's path becomes the secret's name: "/", "_" and "." become "-",
// other characters than letters, digits and "-" are refused, and names are the
// same in any case of letters. So "ci/wandb_key" and "CI/wandb-key" are one
// secret; two such destinations are refused when a configuration is loaded.
//
// Marks are tags of a version, written together with its value: "keyrota" for a
// whole secret, "keyrota.FIELD" for a field. A version bears its mark or does
// not, whatever is cut short. A version that a person adds, by the portal or the
// CLI, has no tags, and is seen as edited while an earlier version bears our
// mark. Besides the mark, a tag holds when it was written and a random number, by
// which a listing of secrets, which names no versions, tells one version from the
// next. Whoever sets a value and takes our tags along is found out by Look, which
// sees all versions, and by Observe where the mark is ten minutes older than the
// version that it stands on.
//
// Key Vault cannot write on condition. Each Put looks again right before its
// one write and compares; a writer in between is overwritten, though not lost:
// versions stay. So one field among others needs the promise that nobody else
// writes the secret (Payload.Exclusive). Versions cannot be deleted, only
// disabled, which Disable does to those whose keys are gone. A deleted secret can
// only be written after it is recovered: for that moment readers find in it what
// was deleted.
//
// Rights, as Azure RBAC: the role Key Vault Secrets Officer, or a role of one's
// own with these data actions of Microsoft.KeyVault/vaults/secrets:
//
//	readMetadata  look and observe
//	setSecret     put
//	getSecret     read a key back, fields, and versions made within seconds
//	update        disable old versions, bring tags up to date
//	recover       put to a secret that was deleted
//
// Who signs in comes from Azure's own chain (see Config.Auth). The calls keep to
// what Azure publishes for a vault: 300 creations and 4,000 others in 10 seconds.
// https://learn.microsoft.com/azure/key-vault/general/service-limits
package azurekv
