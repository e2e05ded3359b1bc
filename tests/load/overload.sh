#!/usr/bin/env bash
# Ten times of what it can do, for a minute: are webhooks still answered, and is it itself again within a minute?
#
#   tests/load/overload.sh [SECONDS, 60]
#
# An ingress and a worker as two processes over SQLite, everything else as by default, against a forge on loopback with
# write pacing 0; driver and forge share the machine, and go before the worker (nice): a driver without a processor sends late.
# First its capacity is measured (reviews of five changed files a second, with more waiting than are done); then webhooks come
# at ten times that rate, each at its time whatever became of those before it, about as many pull requests as make 20 s of
# work: one in four is of a push, three tell of it again. Beside them, every 5 s, one pull request in a repository of its own.
#
# The last line: p99_ms of the accepted webhooks, from when each was to be sent to its answer; caught_up_s from the end of the
# storm until every pull request whose last webhook was accepted shows its head in a comment; hints_left those that are in the
# queue still then (hints of busy pull requests are hidden for a minute, and cost one read each in the end); doubled pull
# requests with more than one comment; dead letters; peak memory of both processes. `verdict=recovers` if p99 is below 1 s, it
# has caught up within a minute, nothing is doubled, and every webhook had its 202 or 503 within GitHub's 10 s; else
# `suffers`, and it exits with 1.
#
# ECO_CODER names a binary that is built already.
set -euo pipefail
cd "$(dirname "$0")/../.."

target="${CARGO_TARGET_DIR:-target}/release"
# Built apart: a driver may ask more of a shared dependency than the product does.
[ -n "${ECO_CODER:-}" ] || cargo build --release --quiet --package eco-coder --bin eco-coder
cargo build --release --quiet --package eco-coder --example load-overload
exec "$target/examples/load-overload" "${ECO_CODER:-$target/eco-coder}" "${1:-60}"
