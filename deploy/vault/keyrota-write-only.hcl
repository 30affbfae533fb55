# What keyrota may do below a prefix whose values it must not see: it writes
# whole secrets and their marks, and reads metadata alone.
#
# What is missing then: an account whose every destination is write-only cannot
# rotate, and a value changed by hand is seen (its version moves) but not tried.

path "kv/data/ml/*" {
  capabilities = ["create", "update", "patch"]
}

path "kv/metadata/ml/*" {
  capabilities = ["create", "update", "patch", "read", "list"]
}
