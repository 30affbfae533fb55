# What keyrota may do below one prefix of a KV v2 mount whose keys it reads back.
# Replace `kv` by the mount and `ml` by the prefix; repeat both blocks for more.
#
# Reading back is how an account makes its own next key: of each account, one
# destination must be readable. keyrota-write-only.hcl is for the others.

path "kv/data/ml/*" {
  capabilities = ["create", "update", "patch", "read"]
}

# Marks are custom metadata: which key, which edition, whose. Listing tells what
# is there without reading one value. No delete: keyrota removes no secret.
path "kv/metadata/ml/*" {
  capabilities = ["create", "update", "patch", "read", "list"]
}

# Where the configuration names `admin_key: store:vault/kv/keyrota/org#api_key`.
# path "kv/data/keyrota/org" {
#   capabilities = ["read"]
# }
