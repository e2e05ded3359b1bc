#!/usr/bin/env bash
# How fast the embedded analyser is beside its peers, in one run: `eco-coder scan` with every rule it has, ruff with its
# PERF rules, ast-grep and semgrep with ten rules each (tests/load/analyser/), bandit as it comes. All with two threads
# where they have them.
#
#   tests/load/analyser.sh [ROUNDS]
#
# What is looked at: Django 5.2.19 with its tests, and the standard library of a Python 3 without its test package (32 MB,
# 3,800 files with Python 3.11's; PYTHON names another); Django's package alone; ten files of it; and, by us alone, 30 files
# of it of 4 to 12 kB, whole, as for a change of 50 lines in each. Each round runs each tool once, in turn, so that what
# else the machine does falls on all; a figure is the median of its rounds, a ratio that of two medians. Semgrep and
# bandit look at all of Django in the first round only.
#
# Installs the peers and Django's sources into target/ with pip, once. Needs python3 with venv. ECO_CODER
# names a binary that is built already.
#
# The last line: ruff_ratio is our time for the ten files over ruff's, process start and all; astgrep_ratio our time for the
# 32 MB over ast-grep's; semgrep_ratio semgrep's time for the ten files over ours; rss_mb our peak on the 32 MB.
set -euo pipefail
cd "$(dirname "$0")/../.."

rounds=${1:-5}
python=${PYTHON:-python3}
command -v "$python" >/dev/null || { echo "$python is missing: install Python 3, or name one with PYTHON" >&2; exit 1; }

target=${CARGO_TARGET_DIR:-target}
if [ -z "${ECO_CODER:-}" ]; then
    cargo build --release --quiet --bin eco-coder
    ECO_CODER=$target/release/eco-coder
fi
eco_coder=$(realpath "$ECO_CODER")
rules=$(realpath tests/load/analyser)

peers=$(realpath -m "$target/analyser-peers")
if [ ! -e "$peers/ready" ]; then
    mkdir -p "$peers"
    "$python" -m venv "$peers/venv"
    "$peers/venv/bin/pip" install --quiet --disable-pip-version-check ruff==0.17.6 ast-grep-cli==0.51.1 semgrep==1.185.0 bandit==1.9.4
    "$peers/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --no-binary :all: --dest "$peers" django==5.2.19
    touch "$peers/ready"
fi
bin=$peers/venv/bin

work=$(mktemp -d -p "$target")
work=$(realpath "$work")
trap 'rm -rf "$work"' EXIT
mkdir "$work/sources" "$work/all" "$work/ten"
tar -xzf "$peers"/[Dd]jango-5.2.19.tar.gz -C "$work/sources"
# Python files alone: the peers' rules are for these.
copy() { (cd "$1" && find . -name '*.py' "${@:3}" -print0 | tar -cf - --null -T -) | tar -xf - -C "$2"; }
copy "$work/sources" "$work/all"
mkdir "$work/all/lib"
copy "$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["stdlib"])')" "$work/all/lib" \
    -not -path './site-packages/*' -not -path './dist-packages/*' -not -path './test/*'
django=$work/all/django-5.2.19/django
ten=(contrib/admin/filters.py core/handlers/base.py core/paginator.py db/models/aggregates.py db/models/indexes.py
    http/request.py middleware/csrf.py template/base.py utils/html.py views/debug.py)
for file in "${ten[@]}"; do cp "$django/$file" "$work/ten/$(tr / _ <<<"$file")"; done
mkdir "$work/change"
find "$django" -name '*.py' -not -path '*/locale/*' -size +7 -size -24 | sort | awk 'NR % 6 == 0' | head -30 |
    while read -r file; do cp "$file" "$work/change/$(tr / _ <<<"${file#"$django/"}")"; done
describe() { printf '%s: %s files, %s kB\n' "$1" "$(find "$2" -type f | wc -l)" "$(find "$2" -type f -print0 | xargs -0 cat | wc -c | awk '{ printf "%.0f", $1 / 1e3 }')"; }
describe "all" "$work/all"
describe "Django" "$django"
describe "ten files" "$work/ten"
describe "change" "$work/change"

# Runs a command and appends "name place seconds peak_kB" to the figures. Findings may make it exit with 1.
measure() {
    local name=$1 place=$2
    shift 2
    "$python" - "$name" "$place" "$work/figures" "$@" <<'PY'
import resource, subprocess, sys, time
name, place, figures, *command = sys.argv[1:]
before = time.perf_counter()
code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
seconds = time.perf_counter() - before
if code.returncode not in (0, 1):
    sys.exit(f"{' '.join(command)} ended with {code.returncode}: {code.stderr.decode()[-500:]}")
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(figures, "a") as file:
    print(name, place, f"{seconds:.4f}", usage.ru_maxrss, f"{usage.ru_utime + usage.ru_stime:.3f}", file=file)
PY
}
ours() { measure eco-coder "$1" "$eco_coder" scan --jobs 2 --format json "$2"; }
ruff() { RAYON_NUM_THREADS=2 measure ruff "$1" "$bin/ruff" check --isolated --no-cache --select PERF --quiet "$2"; }
ast_grep() { measure ast-grep "$1" "$bin/ast-grep" scan --rule "$rules/ast-grep.yml" --threads 2 --json=compact "$2"; }
semgrep() {
    PATH="$bin:$PATH" SEMGREP_ENABLE_VERSION_CHECK=0 measure semgrep "$1" "$bin/semgrep" scan --config "$rules/semgrep.yml" --jobs 2 --metrics off \
        --disable-version-check --no-git-ignore --quiet --json "$2"
}
bandit() { measure bandit "$1" "$bin/bandit" --recursive --quiet --format json "$2"; }

# What is in the page cache is the same for all.
find "$work/all" "$work/ten" "$work/change" -type f -print0 | xargs -0 cat >/dev/null
for round in $(seq "$rounds"); do
    ours change "$work/change"
    for place in all django ten; do
        case $place in
            all) directory=$work/all ;;
            django) directory=$django ;;
            ten) directory=$work/ten ;;
        esac
        ours "$place" "$directory"
        ruff "$place" "$directory"
        ast_grep "$place" "$directory"
        if [ "$place" = ten ] || { [ "$place" = django ] && [ "$round" = 1 ]; }; then
            semgrep "$place" "$directory"
            bandit "$place" "$directory"
        fi
    done
done

awk '
    function median(name, place, field,    key, n, i, j, t, a) {
        key = name SUBSEP place
        n = count[key]
        for (i = 1; i <= n; i++) a[i] = value[key, field, i]
        for (i = 2; i <= n; i++) for (j = i; j > 1 && a[j] < a[j - 1]; j--) { t = a[j]; a[j] = a[j - 1]; a[j - 1] = t }
        return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
    }
    { key = $1 SUBSEP $2; n = ++count[key]; value[key, 3, n] = $3; value[key, 4, n] = $4; value[key, 5, n] = $5 }
    END {
        tools = split("eco-coder ruff ast-grep semgrep bandit", tool, " ")
        places = split("all django ten change", place, " ")
        printf "%-10s %-7s %10s %10s %8s\n", "tool", "what", "ms", "CPU ms", "peak MB"
        for (p = 1; p <= places; p++) for (t = 1; t <= tools; t++) if ((tool[t] SUBSEP place[p]) in count)
            printf "%-10s %-7s %10.0f %10.0f %8.0f\n", tool[t], place[p], median(tool[t], place[p], 3) * 1e3, \
                median(tool[t], place[p], 5) * 1e3, median(tool[t], place[p], 4) / 1024
        printf "semgrep on Django takes %.1f times as long\n", median("semgrep", "django", 3) / median("eco-coder", "django", 3)
        printf "ruff_ratio=%.2f astgrep_ratio=%.2f semgrep_ratio=%.1f rss_mb=%.0f\n",
            median("eco-coder", "ten", 3) / median("ruff", "ten", 3), median("eco-coder", "all", 3) / median("ast-grep", "all", 3),
            median("semgrep", "ten", 3) / median("eco-coder", "ten", 3), median("eco-coder", "all", 4) / 1024
    }' "$work/figures"
