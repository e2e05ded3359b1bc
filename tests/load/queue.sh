#!/usr/bin/env bash
# How fast the SQLite queue is with 1,000, 10,000, 100,000 and 1,000,000 jobs waiting, and how much slower it gets.
#
#   tests/load/queue.sh [DIRECTORY]
#
# Builds tests/load/queue.rs in release mode (the shared package alone) and runs it for each size, once with the jobs of
# 1,000 repositories mixed and once with all jobs in one. Files are made below DIRECTORY, on a real disk (target/ if none
# is named; 1 GB free), and removed at the end. Takes about 5 minutes on two cores. The last line is for comparing:
# growth is the time a job takes at the largest size over that at the smallest, the worse of the two mixes; file size and
# opening (with the first receive) are the largest's. SIZES="1000 10000" measures less.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cargo build --release --quiet -p eco-coder-shared --example queue_load

parent=${1:-${CARGO_TARGET_DIR:-target}}
mkdir -p "$parent"
work=$(mktemp -d "$parent/queue-load.XXXXXX")
trap 'rm -rf "$work"' EXIT
read -r -a sizes <<<"${SIZES:-1000 10000 100000 1000000}"

for repositories in 1000 1; do
    for size in "${sizes[@]}"; do
        mkdir "$work/run"
        "${CARGO_TARGET_DIR:-target}/release/examples/queue_load" "$work/run" "$repositories" "$size" | tee -a "$work/lines"
        rm -r "$work/run"
    done
done

awk '
    {
        for (i = 1; i <= NF; i++) { split($i, pair, "="); value[pair[1]] = pair[2] }
        mix = value["repositories"]
        for (what in value) {
            if (!((mix, what) in first)) first[mix, what] = value[what]
            last[mix, what] = value[what]
        }
        mixes[mix] = 1
    }
    function growth(what,    mix, worst, ratio) {
        worst = 0
        for (mix in mixes) {
            ratio = last[mix, what] / first[mix, what]
            if (ratio > worst) worst = ratio
        }
        return worst
    }
    function largest(what,    mix, most) {
        most = 0
        for (mix in mixes) if (last[mix, what] + 0 > most) most = last[mix, what] + 0
        return most
    }
    END {
        printf "send_growth=%.2f receive_growth=%.2f redrive_growth=%.2f file_mb=%.0f open_ms=%.1f\n",
            growth("send_us"), growth("receive_us"), growth("redrive_us"), largest("file_mb"), largest("open_ms")
    }
' "$work/lines"
