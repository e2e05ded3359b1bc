#!/usr/bin/env bash
# Measures the ingress: a signed pull_request webhook of 24 kB over 32 connections, wrk on one core and the server on
# another. Every accepted webhook is a job on the disk (SQLite, synchronous=FULL) before it is answered, and audited.
#
# Beside it, in turn and in the same run: the floor (ingress/examples/floor.rs: axum as it comes, verified and parsed,
# nothing stored), and Probot 14 (npm). Each round measures each of them once; a figure is the median of its rounds, a
# ratio the median of the rounds' ratios.
#
# Usage: tests/load/ingress.sh [ROUNDS] [SECONDS]. Needs two cores, wrk, openssl, node and npm (probot is installed into
# target/, once). The last line: floor_ratio, probot_ratio (requests per second against theirs), rss_mb (peak under load),
# start_ms (from the command until a webhook can be sent), p99_ms.
set -euo pipefail
cd "$(dirname "$0")/../.."

rounds=${1:-5} seconds=${2:-5}
for needed in wrk openssl node npm taskset; do
    command -v "$needed" >/dev/null || { echo "$needed is missing: install it (Debian: apt-get install wrk openssl nodejs npm util-linux)" >&2; exit 1; }
done
if [ "$(nproc)" -lt 2 ]; then
    echo "two cores are needed: one for the server, one for wrk" >&2
    exit 1
fi

target="${CARGO_TARGET_DIR:-target}/release"
cargo build --release --quiet --package eco-coder-ingress --bin eco-coder-ingress --example floor
yardstick=target/probot
mkdir -p "$yardstick"
cp tests/load/probot/package.json tests/load/probot/app.mjs "$yardstick/"
[ -d "$yardstick/node_modules/probot" ] || npm install --prefix "$yardstick" --silent --no-audit --no-fund

work=$(mktemp -d -p target)
server=
stop() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
        server=
    fi
}
trap 'stop; rm -rf "$work"' EXIT

export ECO_CODER_WEBHOOK_SECRET="a secret for measuring"
export WEBHOOK_BODY=tests/fixtures/webhooks/pull_request/14-opened.json
WEBHOOK_SIGNATURE="sha256=$(openssl dgst -sha256 -hmac "$ECO_CODER_WEBHOOK_SECRET" -r "$WEBHOOK_BODY" | cut -d' ' -f1)"
PRIVATE_KEY=$(openssl genrsa 2048 2>/dev/null)
export WEBHOOK_SIGNATURE PRIVATE_KEY
port=18480
url="http://127.0.0.1:$port/webhooks/github"

now_us() { date +%s%6N; }

# Starts the server $1 on core 0 and waits until it takes connections. Sets started_ms.
start() {
    local before
    # A new directory each time: removing the last one's files here would be measured, too.
    data=$(mktemp -d -p "$work")
    before=$(now_us)
    case $1 in
        floor) taskset -c 0 "$target/examples/floor" "127.0.0.1:$port" "$ECO_CODER_WEBHOOK_SECRET" & ;;
        probot) NODE_ENV=production taskset -c 0 node "$yardstick/app.mjs" "$port" >"$work/probot.log" 2>&1 & ;;
        ingress)
            ECO_CODER_INGRESS_LISTEN="127.0.0.1:$port" ECO_CODER_INGRESS_OPERATOR_LISTEN=127.0.0.1:0 \
                ECO_CODER_QUEUE_PATH="$data/queue.db" ECO_CODER_POLICY_REPOSITORIES='*/*' \
                taskset -c 0 "$target/eco-coder-ingress" 2>"$work/ingress.log" &
            ;;
    esac
    server=$!
    until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
        kill -0 "$server" 2>/dev/null || { echo "$1 did not start:" >&2; tail -5 "$work/$1.log" >&2; exit 1; }
        [ $(($(now_us) - before)) -lt 20000000 ] || { echo "$1 takes no connections" >&2; exit 1; }
    done
    started_ms=$(($(now_us) - before))
    started_ms=$(awk "BEGIN { print $started_ms / 1000 }")
}

# Loads the server for $1 seconds; sets rate, p50_ms and p99_ms, and fails if any answer was not a 2xx.
load() {
    local result
    result=$(taskset -c 1 wrk -t1 -c32 -d"$1s" --latency -s tests/load/webhook.lua "$url" | grep '^RESULT')
    case $result in
        *" failed=0 "*) ;;
        *) echo "some webhooks were not accepted: $result" >&2; exit 1 ;;
    esac
    read -r rate p50_ms p99_ms < <(awk '{
        for (i = 2; i <= NF; i++) { split($i, f, "="); v[f[1]] = f[2] }
        printf "%.0f %.2f %.2f\n", v["requests"] / v["us"] * 1e6, v["p50_us"] / 1e3, v["p99_us"] / 1e3
    }' <<<"$result")
}

printf '%-8s %10s %8s %8s %8s %9s\n' server req/s p50_ms p99_ms rss_mb start_ms
for _ in $(seq "$rounds"); do
    for name in floor ingress probot; do
        start "$name"
        load 1
        load "$seconds"
        rss_mb=$(awk '/VmHWM/ { printf "%.1f", $2 / 1024 }' "/proc/$server/status")
        stop
        if [ "$name" = ingress ]; then
            # What was answered 202 is there: the last audit line's job and all others.
            accepted=$(grep -c '"result":"accepted"' "$work/ingress.log")
            [ "$accepted" -gt 0 ] || { echo "the ingress accepted nothing" >&2; exit 1; }
            stored=$(python3 - "$data/queue.db" <<'PY'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
print(sum(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("arrivals", "messages")))
PY
            )
            [ "$stored" -ge "$accepted" ] || { echo "$accepted webhooks were accepted, $stored jobs are stored" >&2; exit 1; }
        fi
        printf '%-8s %10s %8s %8s %8s %9s\n' "$name" "$rate" "$p50_ms" "$p99_ms" "$rss_mb" "$started_ms" | tee -a "$work/figures"
    done
done

awk '
    function median(name, field,    n, i, j, t, a) {
        n = 0
        for (i = 1; i <= count[name]; i++) a[++n] = value[name, field, i]
        for (i = 2; i <= n; i++) for (j = i; j > 1 && a[j] < a[j - 1]; j--) { t = a[j]; a[j] = a[j - 1]; a[j - 1] = t }
        return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
    }
    { n = ++count[$1]; for (i = 2; i <= 6; i++) value[$1, i, n] = $i }
    END {
        for (i = 1; i <= count["ingress"]; i++) {
            value["ratio", 1, i] = value["ingress", 2, i] / value["floor", 2, i]
            value["ratio", 2, i] = value["ingress", 2, i] / value["probot", 2, i]
        }
        count["ratio"] = count["ingress"]
        printf "p99 of the floor: %.2f ms, %.1f times\n", median("floor", 4), median("ingress", 4) / median("floor", 4)
        printf "floor_ratio=%.2f probot_ratio=%.1f rss_mb=%.1f start_ms=%.0f p99_ms=%.2f\n",
            median("ratio", 1), median("ratio", 2), median("ingress", 5), median("ingress", 6), median("ingress", 4)
    }' "$work/figures"
