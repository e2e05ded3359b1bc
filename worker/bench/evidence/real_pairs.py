#!/usr/bin/env python3
"""Real pairs of runs on this machine, compared by `eco-coder bench compare`: the same program twice, one with 10% more
work, one with twice the work. Whatever else the machine does belongs to it.

    worker/bench/evidence/real_pairs.py ECO_CODER [hyperfine] [pytest] [criterion] [traces]

ECO_CODER is the binary. Needs cc and hyperfine; pytest with pytest-benchmark; for criterion a bench binary in
$CRITERION_BENCH that does as much work as $N says. `traces` records 2,000 runs of one program in a row, and compares each
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


def pairs(tool, folder, measure):
    """One run of each side, and rounds in turn: base, head, base, head."""
    for change, work in WORK.items():
        once, rounds = [], []
        for repeat in range(REPEATS):
            at = folder / f"{tool}-{work}-{repeat}"
            for side in ("base", "head"):
                (at / side).mkdir(parents=True)
            measure(10_000, at / "base.json", 20)
            measure(work, at / "head.json", 20)
            once.append(compare(at / "base.json", at / "head.json"))
            for number in range(ROUNDS):
                measure(10_000, at / "base" / f"{number:02}.json", 2)
                measure(work, at / "head" / f"{number:02}.json", 2)
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


def criterion(folder):
    def measure(work, into, _runs):
        into = into.with_suffix("")
        quiet([os.environ["CRITERION_BENCH"], "--bench"], cwd=folder, env={"N": str(work), "CRITERION_HOME": str(into)})

    for change, work in WORK.items():
        once = []
        for repeat in range(REPEATS):
            base, head = folder / f"c-{work}-{repeat}-base", folder / f"c-{work}-{repeat}-head"
            measure(10_000, base.with_suffix(".json"), 0)
            measure(work, head.with_suffix(".json"), 0)
            once.append(compare(base, head))
        tell("criterion", "one run of 100", change, once)


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
            {"hyperfine": hyperfine, "pytest": pytest, "criterion": criterion, "traces": traces}[name](pathlib.Path(scratch))
