"""Compares this package's figures with codecarbon 2.3.4, codecarbon 3.3.2 and Cloud Carbon Footprint, run for real.

    worker/carbon/evidence/parity.sh

Generates cases from a fixed seed, has each package calculate them (codecarbon_figures.py, ccf_figures.cjs), has
examples/footprints.rs calculate them, and prints the largest differences. Ends with 1 if one is above its limit.
"""

import json
import random
import subprocess
import sys
from pathlib import Path

# Relative differences: energy follows from the same constants, grams from intensities that are printed with fewer digits.
LIMITS = {"kwh": 1e-9, "grams": 1e-6, "embodied_grams": 1e-9, "embedded table": 1e-6}
DATA = Path(__file__).parent.parent / "data"
SEED = 20261126


def lines(command, cases):
    given = "".join(json.dumps(case) + "\n" for case in cases)
    ran = subprocess.run(command, input=given, capture_output=True, text=True)
    if ran.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{ran.stderr[-4000:]}")
    found = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(found) == len(cases), f"{command[0]} answered {len(found)} of {len(cases)} cases"
    return found


def places():
    """Every region and country of the data files, as codecarbon is told of it: its country's code and its state."""
    countries = json.loads((DATA / "countries.json").read_text())["countries"]
    codes = {row["name"]: code for code, row in countries.items()}
    regions = json.loads((DATA / "intensity.json").read_text())["regions"]
    for region, row in regions.items():
        state = row["state"].removeprefix("price area ").lower() if "state" in row else None
        yield {"region": region}, codes[row["country"]], state
    for code in countries:
        yield {"country": code}, code, None


def magnitude(dice, low, high):
    return 10 ** dice.uniform(low, high)


def codecarbon_cases(version, dice):
    for ours, code, state in places():
        mode = "constant" if version == "v2" else dice.choice(["constant", "process", "process"])
        cpu = magnitude(dice, -4, 5)
        yield ours, {
            "mode": mode,
            "cpu_seconds": cpu,
            "wall_seconds": cpu * magnitude(dice, -2, 2),
            "ram_bytes": int(2 ** dice.uniform(20, 42)),
            "threads": dice.choice([1, 2, 4, 8, 12, 16, 24, 48, 64, 96, 128, 192, 256]),
            "tdp_watts": round(dice.uniform(5, 400), 1) if dice.random() < 0.4 else None,
            "known_cpu": dice.randrange(100_000) if dice.random() < 0.5 else None,
            "arm": version == "v3" and dice.random() < 0.3,
            "pue": dice.choice([1.0, 1.0, 1.135, round(dice.uniform(1, 2.5), 3)]),
            "country": code,
            "state": state,
        }


def stated(case, ours, found, table):
    """The case as this package takes it."""
    known = found["tdp_watts"] is not None
    return {
        "cpu_seconds": case["cpu_seconds"],
        "wall_seconds": case["wall_seconds"],
        "ram_mb": case["ram_bytes"] / 2**20,
        "method": f"codecarbon-{case['mode']}",
        "ram_model": "v2" if table == "codecarbon2" else "v3",
        "tdp_watts": found["tdp_watts"],
        "threads": case["threads"] if known else None,
        "arm": case["arm"],
        "pue": case["pue"],
        "intensity": found["g_per_kwh"],
    }


def ccf_cases(dice):
    instances = json.loads((DATA / "instances.json").read_text())["families"]
    rows = json.loads((DATA / "intensity.json").read_text())["regions"]
    regions = [region for region, row in rows.items() if row["ccf_0_15_0"] is not None]
    types = [(f"{family}.{size}", row) for family, of in instances.items() for size, row in of["sizes"].items()]
    for at, (name, row) in enumerate(types + [(None, {"vcpus": 1})] * len(regions)):
        # A whole instance, fully used for its hours: what Cloud Carbon Footprint is for.
        hours, gib = magnitude(dice, -6, 3), magnitude(dice, -3, 3)
        yield {
            "instance_type": name,
            "vcpu_hours": row["vcpus"] * hours,
            "gib_hours": gib * hours,
            "hours": hours,
            "region": regions[at % len(regions)],
        }, {"gib": gib}


class Differences:
    """The largest relative difference of each kind, with its case."""

    def __init__(self):
        self.largest, self.counts = {}, {}

    def add(self, what, kind, actual, expected, case):
        if expected is None:
            return
        key = (what, kind)
        self.counts[key] = self.counts.get(key, 0) + 1
        apart = abs(actual - expected) / abs(expected) if expected else abs(actual)
        if apart >= self.largest.get(key, (-1.0,))[0]:
            self.largest[key] = (apart, actual, expected, case)

    def report(self):
        wrong = False
        print(f"{'compared with':<28}{'figure':<16}{'cases':>6}  {'largest relative difference':<28}limit")
        for (what, kind), (apart, actual, expected, case) in self.largest.items():
            print(f"{what:<28}{kind:<16}{self.counts[what, kind]:>6}  {apart:<28.3g}{LIMITS[kind]:g}")
            if not apart <= LIMITS[kind]:
                wrong = True
                print(f"  above: {actual!r} instead of {expected!r} for {json.dumps(case)}")
        return wrong


def main(home, ours):
    dice = random.Random(SEED)
    differences = Differences()
    for version, table in (("v2", "codecarbon2"), ("v3", "codecarbon3")):
        pairs = list(codecarbon_cases(version, dice))
        python = [str(home / version / "bin" / "python"), str(Path(__file__).parent / "codecarbon_figures.py")]
        theirs = lines(python, [case for _, case in pairs])
        mine = lines([ours], [stated(case, at, found, table) for (at, case), found in zip(pairs, theirs)])
        read = [{"cpu_seconds": 1, "ram_mb": 0, "method": "ccf", "table": table, **at} for at, _ in pairs]
        for (at, case), expected, actual, embedded in zip(pairs, theirs, mine, lines([ours], read)):
            what = f"codecarbon {expected['version']} {case['mode']}"
            for kind in ("kwh", "grams"):
                differences.add(what, kind, actual[kind], expected[kind], case)
            if expected["has_place"]:
                what = f"codecarbon {expected['version']}"
                differences.add(what, "embedded table", embedded["g_per_kwh"], expected["g_per_kwh"], at)
        known = sum(found["tdp_watts"] is not None for found in theirs)
        print(f"codecarbon {theirs[0]['version']}: {len(pairs)} cases, {known} with a known or stated TDP")
    pairs = list(ccf_cases(dice))
    node = ["node", "--no-deprecation", str(Path(__file__).parent / "ccf_figures.cjs"), str(home / "npm")]
    theirs = lines(node, [case for case, _ in pairs])
    mine = lines([ours], [ccf_stated(case, extra, found["g_per_kwh"]) for (case, extra), found in zip(pairs, theirs)])
    read = [{"cpu_seconds": 1, "ram_mb": 0, "method": "ccf", "table": "ccf", "region": c["region"]} for c, _ in pairs]
    for (case, _), expected, actual, embedded in zip(pairs, theirs, mine, lines([ours], read)):
        for kind in ("kwh", "grams", "embodied_grams"):
            differences.add("Cloud Carbon Footprint", kind, actual[kind], expected[kind], case)
        table = expected["table_g_per_kwh"]
        differences.add("Cloud Carbon Footprint", "embedded table", embedded["g_per_kwh"], table, case["region"])
    print(f"Cloud Carbon Footprint: {len(pairs)} cases\n")
    return differences.report()


def ccf_stated(case, extra, intensity):
    return {
        "cpu_seconds": case["vcpu_hours"] * 3600,
        "wall_seconds": case["hours"] * 3600,
        "ram_mb": extra["gib"] * 1024,
        "method": "ccf",
        "instance_type": case["instance_type"],
        "embodied": case["instance_type"] is not None,
        "intensity": intensity,
    }


if __name__ == "__main__":
    sys.exit(1 if main(Path(sys.argv[1]), sys.argv[2]) else 0)
