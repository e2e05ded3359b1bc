#!/bin/sh
# Fuzzes one target: tests/fuzz/run.sh TARGET [SECONDS [PATH]]. PATH (a.py, A.java, ...) holds `analyze` to one language. Needs
# cargo-fuzz, and nightly or any stable Rust; see docs/testing.md.
#
# The committed corpus is only read: what is found goes to tests/fuzz/found/TARGET, and a failure to
# tests/fuzz/artifacts/TARGET.
set -eu
cd "$(dirname "$0")/../.."
target=${1:?which target? One of: $(ls tests/fuzz/corpus | tr '\n' ' ')}
seconds=${2:-300}
[ $# -lt 3 ] || export FUZZ_PATH="$3"

case $target in
    webhook) longest=8192 words=webhook ;;
    job) longest=2048 words=webhook ;;
    invocation | reading) longest=4096 words=webhook ;;
    sanitize | body) longest=2048 words=markdown ;;
    comment | marker) longest=512 words=markdown ;;
    analyze | shape) longest=2048 words=analyze ;;
    sarif) longest=16384 words=sarif ;;
    repository) longest=4096 words=repository ;;
    bench_*) longest=4096 words=bench ;;
    openai | bedrock) longest=4096 words=model ;;
    *) longest=4096 words=$target ;;
esac

mkdir -p "tests/fuzz/found/$target"
exec tests/fuzz/cargo-fuzz.sh run --fuzz-dir tests/fuzz --sanitizer none "$target" \
    "tests/fuzz/found/$target" "tests/fuzz/corpus/$target" -- \
    -max_total_time="$seconds" -max_len="$longest" -dict="tests/fuzz/dictionaries/$words.dict" \
    -timeout=10 -rss_limit_mb=1024 -print_final_stats=1
