#!/usr/bin/env python3
"""Records profiles of real packages at work and reads each with another reader, too: the shares of the functions that use
most must agree within one percent of the whole.

    cargo build --release -p eco-coder-profile --example top && worker/profile/evidence/agreement.py [SECONDS] > agreement.md

Needs what it records with: python3 and pip (py-spy, markdown-it-py), node and npm (marked, @elg/speedscope, esbuild), go, perf.
Says of each that isn't there that it wasn't run.
"""

import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
READER = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/examples/top"
SECONDS = sys.argv[1] if len(sys.argv) > 1 else "5"
WITHIN, TOP = 0.01, 20


def run(*command, **more):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **more)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stderr.strip()[-300:]}")
    return done.stdout


def ours(path, *sample_type):
    """By name: share itself and in total, and what was read."""
    said = json.loads(run(READER, path, *sample_type))
    sums = collections.defaultdict(lambda: {"self": 0.0, "total": 0.0})
    for one in said["functions"]:
        name = sums[one["function"]]
        name["self"] += one["self"]
        # Exact for a name of one function; of several, no more than the most of them.
        name["total"] = max(name["total"], one["total"])
        name["several"] = name.get("several", 0) + 1
    return said, sums


def compare(what, other, said, sums, theirs, totals=True):
    """A row of the table; the largest difference among the functions that use most on either side."""
    # We cut names, which in V8 may be whole regular expressions.
    theirs = {name[:500].strip(): one for name, one in theirs.items()}
    most = lambda of: sorted(of, key=lambda name: -of[name]["self"])[:TOP]
    worst, where, compared = 0.0, "-", 0
    for name in {*most(sums), *most(theirs)}:
        none = {"self": 0.0, "total": 0.0}
        mine, its = sums.get(name, none), theirs.get(name, none)
        is_one = mine.get("several", 1) == 1 and its.get("several", 1) == 1
        keys = ["self", "total"] if totals and is_one else ["self"]
        for key in keys:
            compared += 1
            apart = abs(mine[key] - its[key])
            if apart > worst:
                worst, where = apart, f"`{name[:60]}`, {key}: {mine[key]:.2%} and {its[key]:.2%}"
    verdict = "agrees" if worst <= WITHIN and compared else "DIFFERS"
    first = most(sums)[0]
    print(f"| {what} | {other} | {said['samples']:,} | `{first}` {sums[first]['self']:.1%} | {compared} | {worst:.3%} ({where}) | {verdict} |", flush=True)
    return verdict == "agrees"


def speedscope(bundle, path):
    return json.loads(run("node", HERE / "speedscope.mjs", bundle, path))


def python(bundle):
    packages = pathlib.Path("python")
    run(sys.executable, "-m", "pip", "install", "-q", "--target", packages, "py-spy", "markdown-it-py")
    work = [os.path.realpath(sys.executable), HERE / "workloads/markdown.py", SECONDS]
    if "shims" in sys.executable:
        work[0] = run(sys.executable, "-c", "import sys; print(sys.executable)").strip()
    record = [packages / "bin/py-spy", "record", "-r", "200", "-f", "speedscope", "-o", "python.json", "--", *work]
    run(*record, env={**os.environ, "PYTHONPATH": str(packages.resolve())})
    said, sums = ours("python.json")
    return compare("py-spy, markdown-it-py", "speedscope 1.9", said, sums, speedscope(bundle, "python.json"))


def node(bundle):
    run("node", "--cpu-prof", "--cpu-prof-name", "node.cpuprofile", HERE / "workloads/markdown.js", SECONDS, env={**os.environ, "NODE_PATH": "node_modules"})
    said, sums = ours("node.cpuprofile")
    theirs = speedscope(bundle, "node.cpuprofile")
    # speedscope puts the collector's time into the totals of what ran before it.
    itself = compare("node --cpu-prof, marked", "speedscope 1.9", said, sums, theirs, totals=False)
    profile = json.load(open("node.cpuprofile"))
    by_name = {one["callFrame"]["functionName"]: one["id"] for one in profile["nodes"] if not one["callFrame"]["url"]}
    outside = {by_name.get("(garbage collector)"), by_name.get("(program)")}
    profile["nodes"].append({**profile["nodes"][0], "id": 10**6, "children": [], "callFrame": {**profile["nodes"][0]["callFrame"], "functionName": "(idle)"}})
    profile["nodes"][0]["children"].append(10**6)
    profile["samples"] = [10**6 if sample in outside else sample for sample in profile["samples"]]
    json.dump(profile, open("running.cpuprofile", "w"))
    said, sums = ours("running.cpuprofile")
    return compare("the same without the collector's time", "speedscope 1.9", said, sums, speedscope(bundle, "running.cpuprofile")) and itself


def go(_):
    run("go", "build", "-o", "orders", HERE / "workloads/orders.go")
    run("./orders", SECONDS)
    good = True
    for path, kind in [("cpu.pprof", "cpu"), ("heap.pprof", "inuse_space"), ("heap.pprof", "alloc_space")]:
        text = run("go", "tool", "pprof", "-top", "-nodecount=100000", "-nodefraction=0", "-edgefraction=0", f"-sample_index={kind}", path)
        theirs = {}
        for row in re.finditer(r"^\s*\S+\s+([\d.]+)%\s+\S+\s+\S+\s+([\d.]+)%\s+(\S.*?)(?: \((?:partial-)?inline\))?$", text, re.M):
            theirs[row[3]] = {"self": float(row[1]) / 100, "total": float(row[2]) / 100}
        said, sums = ours(path, kind)
        good &= compare(f"Go, encoding/json: {path}, {kind}", "go tool pprof -top", said, sums, theirs)
    return good


def perf(_):
    run("perf", "record", "-o", "perf.data", "-e", "cpu-clock", "-F", "999", "--call-graph", "dwarf,16384", "--", READER, "large.folded")
    with open("rust.perf", "w") as out:
        # Both by their symbols: of what was inlined, the two say different things.
        subprocess.run(["perf", "script", "--no-inline", "-i", "perf.data"], stdout=out, stderr=subprocess.DEVNULL, check=True)
    theirs = collections.defaultdict(lambda: {"self": 0.0, "total": 0.0})
    for children in ["--no-children", "--children"]:
        text = run("perf", "report", "--no-inline", "-i", "perf.data", children, "-g", "none", "--stdio", "--percent-limit", "0", "-s", "sym")
        for row in re.finditer(r"^\s*([\d.]+)%(?:\s+([\d.]+)%)?\s+\[.\]\s+(\S.*?)\s*$", text, re.M):
            name = re.sub(r"::h[0-9a-f]{16}$", "", row[3])
            if children == "--children":
                theirs[name]["total"] = max(theirs[name]["total"], float(row[1]) / 100)
            else:
                theirs[name]["self"] += float(row[1]) / 100
                theirs[name]["several"] = theirs[name].get("several", 0) + 1
    said, sums = ours("rust.perf")
    # perf report has addresses where there are no symbols, and we have the binary's name.
    named = lambda of: {name: one for name, one in of.items() if not name.startswith("0x") and name in theirs}
    return compare("perf, our reader at work (Rust)", "perf report", said, named(sums), {name: one for name, one in theirs.items() if not name.startswith("0x")})


def main():
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    try:
        versions = []
        bundle = None
        if shutil.which("npm"):
            run("npm", "init", "-y")
            run("npm", "install", "marked@12", "@elg/speedscope", "esbuild")
            pathlib.Path("both.js").write_text(
                "export * from '@elg/speedscope/dist/library/import/chrome.js'; export * from '@elg/speedscope/dist/library/lib/profile.js';"
            )
            bundle = pathlib.Path("both.cjs").resolve()
            run("npx", "esbuild", "both.js", "--bundle", "--format=cjs", "--platform=node", f"--outfile={bundle}", "--log-level=error")
        with open("large.folded", "w") as out:
            out.writelines(f"main;read;stack{n % 7919};frame{n % 997};leaf{n % 31} {n % 9 + 1}\n" for n in range(1_500_000))
        print("| profile | other reader | samples | most | figures compared | furthest apart | |\n|---|---|---|---|---|---|---|")
        good = True
        for needs, record in [(["npm"], python), (["npm"], node), (["go"], go), (["perf"], perf)]:
            missing = [tool for tool in needs if not shutil.which(tool)]
            if missing:
                print(f"| {record.__name__} | not run: there is no {missing[0]} here | | | | | |")
                continue
            good &= record(bundle)
        return 0 if good else 1
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
