#!/usr/bin/env bash
# Measures 1,000 reviews that wait for a slow model at the same time, in one process: its peak of resident memory and its
# threads. Everything is real but the model: signed webhooks, the SQLite queue and store, a forge on loopback, analysis
# of 10 files of six languages each, publishing with pacing 0. The model answers each review 5 s after the last of the
# 1,000 has asked, so that all of them wait at once. The driver and its forge are another process.
#
# The last line: reviews, rss_mb (peak), threads (most at once), seconds (first webhook sent to last comment posted).
set -euo pipefail
cd "$(dirname "$0")/../.."

target="${CARGO_TARGET_DIR:-target}/release"
cargo build --release --quiet --package eco-coder --example load-waiting
exec "$target/examples/load-waiting"
