#!/usr/bin/env bash
# Half of what it can do, for long: does anything grow?
#
#   tests/load/soak.sh [MINUTES, 30]
#
# An ingress and a worker as two processes over SQLite, everything else as by default, against a forge on loopback with
# write pacing 0, which is the driver's, as the sending of webhooks is; their time is in the figures, their memory is not. The
# worker stands behind them (nice).
# First its capacity is measured (reviews of five changed files a second, with more waiting than are done), then pushes come
# at half of it, steadily, one every 40 s to each pull request. Every 5 s memory, open files and threads of both processes
# are looked at; a line each minute says them and the queue's depth.
#
# The last line: rss_growth_mb is the slope of the memory (resident, the process's own: RssAnon) over the second half of the
# time, by least squares, times that half's length, both processes together; fd_growth how many more files are open in the
# last third than in the first, on average, the first minute left out; errors are warnings and errors in the logs, webhooks
# answered with anything but 202, dead letters, and 1 if comments are missing at the end. `verdict=flat` if memory grew by 6 MB
# at most (what the allocator and caches move by), files by 4 at most, and there was no error; else `grows`, and it exits with 1.
#
# ECO_CODER names a binary that is built already.
set -euo pipefail
cd "$(dirname "$0")/../.."

target="${CARGO_TARGET_DIR:-target}/release"
# Built apart: a driver may ask more of a shared dependency than the product does.
[ -n "${ECO_CODER:-}" ] || cargo build --release --quiet --package eco-coder --bin eco-coder
cargo build --release --quiet --package eco-coder --example load-soak
exec "$target/examples/load-soak" "${ECO_CODER:-$target/eco-coder}" "${1:-30}"
