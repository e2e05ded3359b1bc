#!/usr/bin/env bash
# Checks the unit: systemd takes each line of it, and its exposure is at most 1.5 of 10 ("OK" begins at 2).
set -euo pipefail
cd "$(dirname "$0")"
# Verify looks for the program, the user and the page; only what it says of the unit's own lines counts.
said=$(systemd-analyze verify ./eco-coder.service 2>&1 | grep 'eco-coder.service' |
    grep --invert-match --extended-regexp 'is not executable|Command /usr/local/bin/eco-coder|man page|Failed to (open|resolve)' || true)
[ -z "$said" ] || { echo "$said" >&2; exit 1; }
systemd-analyze security --offline=true --threshold=15 ./eco-coder.service | tail -n 1
