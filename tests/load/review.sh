#!/usr/bin/env bash
# Measures a review from webhook accepted to comment posted: 30 changed files of six languages, 1,500 changed lines,
# against a forge on loopback, write pacing 0. First one review after another, then 50 at once. The measured process is
# an `eco-coder serve` of its own with everything else as by default; the driver and its forge run beside it on the same
# machine, and their time is in the figures, their memory is not.
#
# The last line: p95_ms (of 60 reviews alone), reviews_per_s (under 50 at once), rss_mb (the process's peak over both).
set -euo pipefail
cd "$(dirname "$0")/../.."

target="${CARGO_TARGET_DIR:-target}/release"
# Built apart: a driver may ask more of a shared dependency than the product does.
cargo build --release --quiet --package eco-coder --bin eco-coder
cargo build --release --quiet --package eco-coder --example load-review
exec "$target/examples/load-review" "$target/eco-coder"
