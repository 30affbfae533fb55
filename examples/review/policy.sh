#!/bin/sh
# What no review lets through. Needs jq.
#   keyrota plan --since OLD/keyrota.yaml --output json | policy.sh
set -eu
refused=$(jq -r '
  def who: (.accounts // []) | join(", ");
  .changes[]
  | if .change == "scope.organization" and (.is // "") == "" then
      "organization scope without a reason: " + who
    elif .change == "allow.lifted" then
      "allow: is gone: every team could deliver everywhere"
    elif .change == "instance.changed" or .change == "ledger.changed" then
      "this takes a migration, not a merge: " + .change
    else empty end')
if [ -n "$refused" ]; then
	printf 'refused: %s\n' "$refused" >&2
	exit 1
fi
