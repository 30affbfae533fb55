#!/bin/sh
# Lets keyrota log in to Vault from its Kubernetes service account, with the
# policy beside this file. Run it once, as a person who may write policies:
#
#   VAULT_ADDR=… vault login && deploy/vault/setup.sh
set -eu
cd "$(dirname "$0")"

vault policy write keyrota keyrota.hcl

# The Kubernetes auth method must be enabled and configured for the cluster,
# with a reviewer's token of its own: the one that keyrota sends is for the
# audience `vault` alone, so that nobody can use it against the cluster.
vault write auth/kubernetes/role/keyrota \
	bound_service_account_names=keyrota \
	bound_service_account_namespaces=keyrota \
	audience=vault \
	token_policies=keyrota \
	token_ttl=1h token_max_ttl=24h
