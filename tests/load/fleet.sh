#!/bin/sh
# A fleet against an emulator of AWS (ministack, installed into target/): 2 ingresses and 4 workers over one SQS queue and one
# DynamoDB table, pacing 0, repeated pushes to few pull requests, workers killed (-9) at moments that the work gives. The same
# test as in `cargo test`, with more of it:
#
#   tests/load/fleet.sh [webhooks, 2000] [pull requests, 300] [kills, 10]
#
# Ends with a line of figures: accepted are webhooks answered 202; lost are pull requests whose comment doesn't show the head
# that was promised, doubled those with more than one comment; sent_s until the last webhook was answered, all_s until the
# queue was empty; reviews begun by the workers that live at the end, statuses set in all (one for each review that was
# posted); calls to AWS for each of these reviews, and of the ingresses for each accepted webhook. Exits with 1 if anything is
# lost or doubled.
set -eu
cd "$(dirname "$0")/../.."
ECO_CODER_TEST_WEBHOOKS=${1:-2000}
ECO_CODER_TEST_PULLS=${2:-300}
ECO_CODER_TEST_KILLS=${3:-10}
export ECO_CODER_TEST_WEBHOOKS ECO_CODER_TEST_PULLS ECO_CODER_TEST_KILLS
out=$(mktemp)
trap 'rm -f "$out"' EXIT
if ! cargo test --quiet --package eco-coder --test e2e many_processes_over_one_queue -- --nocapture --test-threads=1 >"$out" 2>&1; then
    cat "$out"
    exit 1
fi
if ! grep -oE 'webhooks=.*' "$out"; then
    echo "the test said nothing of its load:" >&2
    cat "$out" >&2
    exit 1
fi
