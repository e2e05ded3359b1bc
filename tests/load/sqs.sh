#!/usr/bin/env bash
# Measures the ingress on SQS against an emulator (ministack, installed into target/): signed webhooks over 32 connections,
# each answered when its job is in the queue. In turn, in one process: sends in batches, as the ingress makes them, and a call
# for each webhook. Emulator, ingress and senders share the machine, and the emulator is the slowest of them: compare the two,
# not with AWS.
#
# The last line: medians of three rounds each, their ratio, and calls to SQS for each webhook.
set -euo pipefail
cd "$(dirname "$0")/../.."

target="${CARGO_TARGET_DIR:-target}/release"
cargo build --release --quiet --package eco-coder --example load-sqs
exec "$target/examples/load-sqs"
