#!/bin/sh
# Takes into the committed corpus of TARGET what was found and reaches code that nothing in it does, the longest files
# first because they reach most, until it has 60 files or 150 kB: tests/fuzz/shrink.sh TARGET
set -eu
cd "$(dirname "$0")/../.."
target=${1:?which target? One of: $(ls tests/fuzz/corpus | tr '\n' ' ')}
corpus=tests/fuzz/corpus/$target
new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT

cp "$corpus"/* "$new"
tests/fuzz/cargo-fuzz.sh run --fuzz-dir tests/fuzz --sanitizer none "$target" \
    "$new" "tests/fuzz/found/$target" -- -set_cover_merge=1 -use_counters=0 -timeout=10 -rss_limit_mb=1024

files=$(ls "$corpus" | wc -l)
bytes=$(cat "$corpus"/* | wc -c)
for file in $(ls -S "$new"); do
    [ -e "$corpus/$file" ] && continue
    bytes=$((bytes + $(wc -c <"$new/$file")))
    files=$((files + 1))
    [ "$files" -le 60 ] && [ "$bytes" -le 150000 ] || break
    cp "$new/$file" "$corpus/$file"
done
echo "$corpus: $(ls "$corpus" | wc -l) files, $(cat "$corpus"/* | wc -c) bytes"
