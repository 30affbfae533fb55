# What `keyrota prune` needs beside keyrota.hcl: to delete the current version of
# a secret that left the configuration, so that it can be undeleted. The daemon
# never prunes: give this to the person who runs the command, for as long as it
# takes, and not to the daemon's role.
#
# It purges nothing: no "destroy", and no "delete" on metadata.
path "kv/delete/ml/*" {
  capabilities = ["update"]
}
