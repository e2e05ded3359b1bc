#!/usr/bin/env bash
# How fast profiles are read, and in how much memory: writes a profile of each format, 200 MB each (about a minute and 1.3 GB
# of disk in a temporary folder), reads each twice in a process of its own, and prints a row of docs/performance.md
# for each: MB/s of CPU time (of the whole process: file in, sums out; so that what else the machine does is not in it), peak
# memory, samples, different calls.
#
#     tests/load/profiles.sh [MEGABYTES]
set -euo pipefail
cd "$(dirname "$0")/../.."

cargo build --release --quiet --package eco-coder-profile --example top
exec python3 tests/load/profiles.py "${CARGO_TARGET_DIR:-target}/release/examples/top" "${1:-200}"
