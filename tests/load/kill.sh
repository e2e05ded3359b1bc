#!/bin/sh
# kill -9 of `eco-coder serve` at many moments drawn by lot, during a load of webhooks; the last line says whether every
# 202 ended as exactly one comment. The same test as in `cargo test`, with more kills:
#
#   tests/load/kill.sh [kills, 200] [engine, sqlite or ministack] [seed, the time]
#
# With `sqlite` queue and store are two files; with `ministack` they are SQS and DynamoDB, emulated on this machine
# (installed into target/ once; needs python3 with venv). About a second for each kill.
#
# Ends with `engine=sqlite kills=200 accepted=N comments=N lost=0 doubled=0`: accepted are pull requests with a webhook that
# was answered with 202, comments are those of them with exactly one comment in the end; lost are those without one, or with
# one that doesn't show the head whose webhook was accepted. Above it: the seed and each moment. Exits with 1 if anything is
# lost or doubled.
set -eu
cd "$(dirname "$0")/../.."
engine=${2:-sqlite}
case $engine in
    sqlite) tests=kill::on_one_machine ;;
    ministack) tests=kill::on_the_fleet ;;
    *) echo "the engine is sqlite or ministack, not $engine" >&2; exit 2 ;;
esac
ECO_CODER_TEST_KILLS=${1:-200}
export ECO_CODER_TEST_KILLS
ECO_CODER_TEST_SEED=${3:-$(date +%s)}
export ECO_CODER_TEST_SEED
out=$(mktemp)
trap 'rm -f "$out"' EXIT
if ! cargo test --quiet --package eco-coder --test e2e "$tests" -- --nocapture --test-threads=1 >"$out" 2>&1; then
    cat "$out"
    exit 1
fi
grep -E '^(seed=|killed at |[0-9]+ webhooks )' "$out"
if ! grep -E '^engine=' "$out"; then
    echo "the test said nothing of its kills:" >&2
    cat "$out" >&2
    exit 1
fi
