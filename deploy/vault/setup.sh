#!/bin/sh
# Lets keyrota log in to Vault from its Kubernetes service account, with the
# policy beside this file. Run it once, as a person who may write policies:
#
#   VAULT_ADDR=… vault login && deploy/vault/setup.sh
set -eu
cd "$(dirname "$0")"

vault policy write keyrota keyrota.hcl

# The Kubernetes auth method must be enabled and configured for the cluster.
vault write auth/kubernetes/role/keyrota \
	bound_service_account_names=keyrota \
	bound_service_account_namespaces=keyrota \
	token_policies=keyrota \
	token_ttl=1h token_max_ttl=24h
