"""What codecarbon itself makes of cases: a JSON object on each line in, its figures on the same line out.

Run by parity.py with the Python of an environment that has codecarbon 2.3.4 or 3.3.2. All arithmetic is codecarbon's: its
TDP, CPU and RAM classes, its tracker's measurement (with its PUE), its Emissions class. What is replaced is what it reads:
the clock, and what psutil, cpuinfo and platform say of the machine and the process.
"""

import json
import logging
import sys
from types import SimpleNamespace

import cpuinfo
import psutil


class Machine:
    """What codecarbon is told of the machine, and of the process that it measures."""

    now = 0.0
    cpu_seconds = 0.0
    ram_bytes = 0
    threads = 1
    model = ""


class Process:
    def __init__(self, pid=1):
        self.pid = pid or 1

    def children(self, recursive=False):
        return []

    def memory_info(self):
        return SimpleNamespace(rss=Machine.ram_bytes)

    def cpu_times(self):
        return SimpleNamespace(user=Machine.cpu_seconds, system=0.0)


psutil.Process = Process
psutil.cpu_count = lambda logical=True: Machine.threads
cpuinfo.get_cpu_info = lambda: {"brand_raw": Machine.model}
logging.disable(logging.CRITICAL)

import codecarbon  # noqa: E402
from codecarbon import emissions_tracker  # noqa: E402
from codecarbon.core import cpu as core_cpu  # noqa: E402
from codecarbon.core import util  # noqa: E402
from codecarbon.core.emissions import Emissions  # noqa: E402
from codecarbon.core.units import Energy, Power  # noqa: E402
from codecarbon.external import hardware  # noqa: E402
from codecarbon.external.geography import GeoMetadata  # noqa: E402
from codecarbon.input import DataSource  # noqa: E402

NEW = not codecarbon.__version__.startswith("2.")
if NEW:
    import platform

    from codecarbon.core.units import Water
    from codecarbon.external.ram import RAM
else:
    from codecarbon.external.hardware import RAM

CLOCK = SimpleNamespace(time=lambda: Machine.now, perf_counter=lambda: Machine.now)
hardware.time = CLOCK
emissions_tracker.time = CLOCK
SOURCE = DataSource()
EMISSIONS = Emissions(SOURCE)


def machine_watts(case):
    """The TDP as codecarbon knows it: stated, of its registry, or (None, or 4 W per thread) of an unknown CPU."""
    if case["tdp_watts"] is not None:
        return case["tdp_watts"], True
    if case["known_cpu"] is not None:
        table = SOURCE.get_cpu_power_data()
        names = table["Name"].tolist()
        Machine.model = names[case["known_cpu"] % len(names)]
    else:
        Machine.model = "Nobody's CPU of no name"
    if NEW:
        util.detect_cpu_model.cache_clear()
    watts = core_cpu.TDP().tdp
    known = case["known_cpu"] is not None and watts is not None
    return (None if watts is None else float(watts)), known


def cpu_of(case, watts, known):
    if case["mode"] == "constant":
        watts = watts if known else None
        return hardware.CPU.from_utils(".", "constant", "model", watts)
    return hardware.CPU.from_utils(".", hardware.MODE_CPU_LOAD, "model", watts, tracking_mode="process")


def figures(case):
    Machine.now, Machine.cpu_seconds = 0.0, 0.0
    Machine.ram_bytes, Machine.threads = case["ram_bytes"], case["threads"]
    if NEW:
        platform.machine = lambda: "aarch64" if case["arm"] else "x86_64"
    watts, known = machine_watts(case)
    parts = [RAM(tracking_mode="process"), cpu_of(case, watts, known)]
    tracker = SimpleNamespace(
        _hardware=parts,
        _pue=case["pue"],
        _wue=0,
        _last_measured_time=0.0,
        _total_energy=Energy.from_energy(0.0),
        _total_cpu_energy=Energy.from_energy(0.0),
        _total_ram_energy=Energy.from_energy(0.0),
        _cpu_power=Power.from_watts(0.0),
        _ram_power=Power.from_watts(0.0),
        _cpu_power_sum=0.0,
        _ram_power_sum=0.0,
        _power_measurement_count=0,
        _total_water=Water.from_litres(0.0) if NEW else None,
    )
    for part in parts:
        part.start()
    Machine.now, Machine.cpu_seconds = case["wall_seconds"], case["cpu_seconds"]
    emissions_tracker.BaseEmissionsTracker._do_measurements(tracker)
    geo = GeoMetadata(country_iso_code=case["country"], country_name="", region=case["state"])
    return {
        "version": codecarbon.__version__,
        "kwh": tracker._total_energy.kWh,
        "grams": EMISSIONS.get_private_infra_emissions(tracker._total_energy, geo) * 1000,
        "g_per_kwh": EMISSIONS.get_private_infra_emissions(Energy.from_energy(1.0), geo) * 1000,
        # Of a country it lacks codecarbon takes the world's average.
        "has_place": case["country"] in SOURCE.get_global_energy_mix_data(),
        "tdp_watts": watts if known else None,
    }


for line in sys.stdin:
    print(json.dumps(figures(json.loads(line))))
