#!/usr/bin/env python3
"""Real pairs of runs on this machine, compared by `eco-coder bench compare`: the same program twice, one with 10% more
work, one with twice the work. Whatever else the machine does belongs to it.

    worker/bench/evidence/real_pairs.py ECO_CODER [hyperfine] [pytest] [go] [criterion] [traces]

ECO_CODER is the binary. Needs cc and hyperfine; pytest with pytest-benchmark (TIMER=time.process_time takes CPU time); go; for
criterion cargo, which builds a bench of it. Go and criterion report their process's CPU time, as `testing` and criterion let a
benchmark do. ROUNDS, REPEATS: how many. `traces` records 2,000 runs of one program in a row, and compares each
stretch with the next: the same program twice, hundreds of times.
"""

import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ECO_CODER = os.path.abspath(sys.argv[1])
WHAT = sys.argv[2:] or ["hyperfine", "pytest", "traces"]
WORK = {"the same": 10_000, "10% more": 11_000, "twice": 20_000}
ROUNDS = int(os.environ.get("ROUNDS", "10"))
TIMER = ["--benchmark-timer", os.environ["TIMER"]] if "TIMER" in os.environ else []  # such as time.process_time
REPEATS = int(os.environ.get("REPEATS", "5"))


def compare(base, head):
    command = [ECO_CODER, "bench", "compare", str(base), str(head), "--format", "json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def tell(tool, design, change, found):
    for metric in ("time", "cpu_time"):
        rows = [row for rows in found for row in rows if row["metric"] == metric]
        if rows:
            tell_of(tool, f"{design}, {metric.replace('_', ' ')}", change, rows)


def tell_of(tool, design, change, rows):
    verdicts = collections.Counter(row["verdict"] for row in rows)
    ratios = sorted(row["ratio"] for row in rows)
    noise = sorted(row["noise"] for row in rows)
    said = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
    print(f"| {tool} | {design} | {change} | {said} | {ratios[0]:.2f} to {ratios[-1]:.2f} "
          f"| {noise[0]:.0%} to {noise[-1]:.0%} |", flush=True)


def quiet(command, **more):
    environment = {**os.environ, **more.pop("env", {})}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, **more)


def pairs(tool, folder, measure, ending=".json"):
    """One run of each side, and rounds in turn: base, head, base, head. A side is a file with this ending; without one, a folder."""
    for change, work in WORK.items():
        once, rounds = [], []
        for repeat in range(REPEATS):
            at = folder / f"{tool}-{work}-{repeat}"
            for side in ("base", "head", "one"):
                (at / side).mkdir(parents=True)
            measure(10_000, at / "one" / f"base{ending}", 20)
            measure(work, at / "one" / f"head{ending}", 20)
            once.append(compare(at / "one" / f"base{ending}", at / "one" / f"head{ending}"))
            for number in range(ROUNDS):
                measure(10_000, at / "base" / f"{number:02}{ending}", 2)
                measure(work, at / "head" / f"{number:02}{ending}", 2)
            rounds.append(compare(at / "base", at / "head"))
        tell(tool, "one run of 20", change, once)
        tell(tool, f"{ROUNDS} rounds of 2, in turn", change, rounds)


def spin(folder):
    binary = folder / "spin"
    if not binary.exists():
        subprocess.run(["cc", "-O2", "-o", binary, HERE / "spin.c"], check=True)
    return binary


def hyperfine(folder):
    binary = spin(folder)

    def measure(work, into, runs):
        quiet(["hyperfine", "-N", "--warmup", "1", "--runs", str(runs), "--command-name", "spin",
               "--export-json", into, f"{binary} {work}"])

    pairs("hyperfine", folder, measure)


def pytest(folder):
    (folder / "test_mix.py").write_text(
        "import os\n"
        "def mix(n):\n"
        "    x = 0\n"
        "    for i in range(n):\n"
        "        x = (x ^ i) * 31 & 0xffff\n"
        "    return x\n"
        "def test_mix(benchmark):\n"
        "    benchmark.pedantic(mix, (int(os.environ['N']),), rounds=int(os.environ['RUNS']), warmup_rounds=1)\n")

    def measure(work, into, runs):
        quiet([sys.executable, "-m", "pytest", "-q", "--benchmark-json", into, "--benchmark-save-data",
               *TIMER, "test_mix.py"],
              cwd=folder, env={"N": str(work), "RUNS": str(runs)})

    pairs("pytest-benchmark", folder, measure)


GO = """package mix

import (
    "os"
    "strconv"
    "syscall"
    "testing"
)

var sink uint64

func cpu() int64 {
    var usage syscall.Rusage
    syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
    return usage.Utime.Nano() + usage.Stime.Nano()
}

func BenchmarkMix(b *testing.B) {
    n, _ := strconv.ParseUint(os.Getenv("N"), 10, 64)
    before := cpu()
    for i := 0; i < b.N; i++ {
        x := n
        for j := uint64(0); j < n*10; j++ {
            x ^= x >> 30
            x *= 0xbf58476d1ce4e5b9
            x += j
        }
        sink += x
    }
    b.ReportMetric(float64(cpu()-before)/float64(b.N), "ns/op")
}
"""


def go(folder):
    (folder / "mix_test.go").write_text(GO)
    (folder / "go.mod").write_text("module mix\n\ngo 1.19\n")
    binary = folder / "mix.test"
    quiet(["go", "test", "-c", "-o", binary, "."], cwd=folder, env={"GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"})

    def measure(work, into, runs):
        with open(into.with_suffix(".txt"), "w") as out:
            subprocess.run([binary, "-test.run", "^$", "-test.bench", ".", "-test.benchtime", "50x", "-test.count", str(runs)],
                           check=True, stdout=out, env={**os.environ, "N": str(work), "GOMAXPROCS": "1"})

    pairs("Go", folder, measure, ".txt")


CRATE = """[package]
name = "mix"
version = "0.1.0"
edition = "2021"
[dependencies]
criterion = { version = "0.8", default-features = false, features = ["cargo_bench_support"] }
libc = "0.2"
[[bench]]
name = "mix"
harness = false
[workspace]
"""

BENCH = """use std::{hint::black_box, time::Duration};
use criterion::{criterion_group, criterion_main, Criterion};

fn cpu() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn mix(n: u64) -> u64 {
    (0..n * 10).fold(n, |x, i| ((x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9)).wrapping_add(black_box(i)))
}

fn bench(c: &mut Criterion) {
    let n: u64 = std::env::var("N").unwrap().parse().unwrap();
    c.bench_function("mix", |b| b.iter_custom(|times| {
        let before = cpu();
        for _ in 0..times { black_box(mix(black_box(n))); }
        cpu() - before
    }));
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_millis(500));
    targets = bench
}
criterion_main!(benches);
"""


def criterion(folder):
    (folder / "src").mkdir(exist_ok=True)
    (folder / "benches").mkdir(exist_ok=True)
    (folder / "src/lib.rs").write_text("")
    (folder / "Cargo.toml").write_text(CRATE)
    (folder / "benches/mix.rs").write_text(BENCH)
    target = os.environ.get("CRITERION_TARGET", str(folder / "target"))
    built = subprocess.run(["cargo", "bench", "--no-run", "--message-format", "json", "--target-dir", target], cwd=folder,
                           check=True, capture_output=True, text=True).stdout
    artifacts = [json.loads(line) for line in built.splitlines()]
    binary = next(one["executable"] for one in artifacts
                  if one.get("target", {}).get("name") == "mix" and one.get("target", {}).get("kind") == ["bench"])

    def measure(work, into, _runs):
        quiet([binary, "--bench"], cwd=folder, env={"N": str(work), "CRITERION_HOME": str(into.with_suffix(""))})

    pairs("criterion", folder, measure, "")


def traces(folder):
    """Each stretch of a long record against the next one; and its even against its odd runs, as rounds in turn are."""
    trace = os.environ.get("TRACE")
    if not trace:
        trace = folder / "trace.json"
        quiet(["hyperfine", "-N", "--warmup", "3", "--runs", "2000", "--command-name", "spin", "--export-json", trace,
               f"{spin(folder)} 10000"])
    times = json.loads(pathlib.Path(trace).read_text())["results"][0]["times"]

    def write(name, stretches):
        files = [folder / name] if len(stretches) == 1 else [folder / name / f"{i:02}.json" for i in range(len(stretches))]
        for file, stretch in zip(files, stretches):
            file.parent.mkdir(exist_ok=True)
            file.write_text(json.dumps({"results": [{"command": "spin", "times": stretch}]}))
        return folder / name

    for n in (5, 10, 20, 30):
        once, turns = [], []
        for number, start in enumerate(range(0, len(times) - 2 * n + 1, 2 * n)):
            both = times[start:start + 2 * n]
            base, head = write(f"b{n}-{number}", [both[:n]]), write(f"h{n}-{number}", [both[n:]])
            once += compare(base, head)
            base = write(f"bt{n}-{number}", [[time] for time in both[::2]])
            turns += compare(base, write(f"ht{n}-{number}", [[time] for time in both[1::2]]))
        for design, rows in (("one run", once), ("rounds in turn", turns)):
            wrong = sum(row["verdict"] in ("slower", "faster") for row in rows)
            print(f"| trace | {design} of {n} | the same | {wrong} of {len(rows)} called changed: "
                  f"{wrong / len(rows):.1%} |", flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        for name in WHAT:
            {"hyperfine": hyperfine, "pytest": pytest, "go": go, "criterion": criterion, "traces": traces}[name](pathlib.Path(scratch))
