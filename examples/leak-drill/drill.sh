#!/bin/sh
# A leaked key, rehearsed and timed: from a line in a log to the proof that the
# key is dead and its readers have another. It needs the binary alone, keyrota
# on the PATH or named by KEYROTA; everything it makes is in a directory of its
# own, or in the one that its argument names, and nothing leaves the machine.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
keyrota=${KEYROTA:-keyrota}
dir=${1:-$(mktemp -d)}
umask 077
mkdir -p "$dir"
cd "$dir"
sandbox=
trap '[ -z "$sandbox" ] || kill "$sandbox"' EXIT

fail() { echo "the drill failed: $*" >&2; exit 1; }
now() { date +%s.%N | sed 's/N$/0/'; } # whole seconds where date knows no finer
hash() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -c1-64; }

# A W&B with an admin, whose key keyrota gets as a file; one account with a key.
cp "$here/keyrota.yaml" .
od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >admin.key
sed "s/generate.*/sha256:$(hash <admin.key)]/" "$here/sandbox.yaml" >sandbox.yaml
"$keyrota" sandbox --listen 127.0.0.1:0 --seed sandbox.yaml >sandbox.log 2>&1 &
sandbox=$!
tries=0
until grep -q '^listening on ' sandbox.log; do
	tries=$((tries + 1))
	[ "$tries" -lt 100 ] || fail "the sandbox does not start: $(cat sandbox.log)"
	sleep 0.1
done
SANDBOX=$(sed -n 's|^listening on http://||p' sandbox.log)
export SANDBOX
"$keyrota" sync >sync.log 2>&1 || fail "$(cat sync.log)"

# A job logs its environment.
{ echo "step 1200 loss 0.031"; cat secrets/notebook.env; } >job.log

echo "A key stands in $dir/job.log. Whose is it?"
echo
echo '$ keyrota whose --key-file -'
started=$(now)
grep -oE '[A-Za-z0-9_-]{40,}' job.log >found.key
"$keyrota" whose --key-file - <found.key
named=$(now)

echo
echo '$ keyrota rotate --leaked ml/nightly-eval --now --yes'
"$keyrota" rotate --leaked ml/nightly-eval --now --yes --reason 'drill: in job.log' 2>&1
contained=$(now)

"$keyrota" whose --key-file found.key --output json | grep -q '"result": "dead"' || fail "the key still works"
for reader in nightly-eval notebook.env; do
	grep -oE '[A-Za-z0-9_-]{40,}' "secrets/$reader" | "$keyrota" whose --key-file - --output json |
		grep -q '"result": "current"' || fail "secrets/$reader has no key that works"
done
proven=$(now)

took() { echo "$1 $2" | awk '{ printf "%7.2f s", $2 - $1 }'; }
echo
echo "The key from the log is refused by the platform, and both readers have the new one."
echo
echo "$(took "$started" "$named")  to know whose it is and who reads it"
echo "$(took "$named" "$contained")  to make another, deliver it, and delete every other key"
echo "$(took "$contained" "$proven")  to prove it"
echo "$(took "$started" "$proven")  in all"
