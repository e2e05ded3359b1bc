#!/usr/bin/env python3
"""Replays arrivals of jobs against the worker's scaling policies, second by second as AWS and the worker behave.

    infra/scaling/simulate.py                 a table of policies and one of traffic, as docs/scaling.md has them
    infra/scaling/simulate.py --write         writes them, and the plot, into docs/
    infra/scaling/simulate.py --compare       docs/ are what this makes, or exit code 1

The policy under test is the one of infra/parameters/prod.json; others stand beside it. Standard library only; seeded, so
that two runs say the same. What is modelled, and what is assumed:

- SQS counts and RunningTaskCount are one figure a minute, and known a minute later. An alarm of target tracking looks once a
  minute: 3 of 3 figures above the target for more tasks, 15 of 15 below nine tenths of it for fewer; then the capacity is
  multiplied by what the last figure is over the target. A step policy looks at one figure.
- A Fargate task takes 30 to 60 seconds until it works (ARM, an image of less than 100 MB): assumed.
- A worker holds `worker.jobs` reviews at once, and is protected from scale-in while it has one, and for 20 idle seconds
  (worker/src/ecs.rs). Messages go to any task with room.
- A hint of a busy pull request is hidden for worker.hide_seconds to a quarter more, without a place among the reviews; a
  pull request rests worker.cooldown_seconds between two (worker/src/consumer.rs, worker/src/claim.rs).
- A review with a model takes 30 to 120 seconds, a log-normal around 55: assumed from Bedrock turns of 10 to 40 seconds. One
  without takes 1 to 15 seconds around 2: measured are 44 to 66 ms of CPU time (docs/performance.md), the rest is GitHub's
  answers and the second between two writes, assumed.
"""

import argparse
import heapq
import json
import math
import random
import re
import statistics
import sys
from collections import deque
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DAY = 86_400
# US dollars an hour in us-east-1, Fargate on ARM, read on 2026-11-22.
VCPU_HOUR, GB_HOUR = 0.03238, 0.00356
HIDE, COOLDOWN, IDLE = 60.0, 10.0, 20.0
METRIC_LAG = 60.0
LOOK = 0.4  # A hint whose work is done: one conditional read and, at most, one question to GitHub.


@dataclass(frozen=True)
class Policy:
    """What the template says."""

    name: str
    jobs: int = 32
    minimum: int = 1
    maximum: int = 40
    # What counts as backlog: messages that wait, or those and the ones under way.
    in_flight: bool = True
    target: float = 20.0
    cooldown_out: float = 60.0
    cooldown_in: float = 300.0
    # The burst policy: above so many messages that wait in one minute, so many tasks more; the largest first.
    burst_steps: tuple = ()
    burst_cooldown: float = 180.0
    # Working hours: minimum by (hour from, hour to, tasks).
    hours: tuple = ()
    vcpu: float = 1.0
    gb: float = 2.0

    def least(self, now):
        hour = (now % DAY) / 3600
        return max([self.minimum] + [n for start, end, n in self.hours if start <= hour < end])


@dataclass
class Task:
    works_from: float
    busy: int = 0
    idle_since: float = 0.0
    started: float = 0.0


@dataclass
class Outcome:
    waits: list = field(default_factory=list)
    reviews: int = 0
    task_seconds: float = 0.0
    most_tasks: int = 0
    changes: int = 0
    killed: int = 0
    line: list = field(default_factory=list)
    drained_at: float = 0.0

    def percentile(self, q):
        waits = sorted(self.waits)
        return waits[min(len(waits) - 1, int(q * len(waits)))] if waits else 0.0

    def dollars(self, policy):
        return self.task_seconds / 3600 * (policy.vcpu * VCPU_HOUR + policy.gb * GB_HOUR)


def review_time(rng, with_model):
    if with_model:
        return min(120.0, max(30.0, rng.lognormvariate(math.log(55), 0.35)))
    return min(15.0, max(1.0, rng.lognormvariate(math.log(2), 0.5)))


def simulate(arrivals, policy, with_model=True, seed=7, until=DAY):
    """`arrivals`: (second, pull request), sorted. Ends when all is done, or a quarter of a day after `until`."""
    rng = random.Random(seed)
    result = Outcome()
    # As the night before would have left it: room for what comes in the first hour.
    first_hour = sum(1 for at, _ in arrivals if at < 3600) / 3600 * (58 if with_model else 2.3)
    warm = min(policy.maximum, math.ceil(first_hour / (0.7 * policy.jobs)))
    tasks = [Task(works_from=0.0) for _ in range(max(warm, policy.least(0.0)))]
    desired = len(tasks)
    waiting = deque()  # (arrived, pull request)
    events = []  # (second, order, kind, ...)
    order = 0
    hidden = working = 0
    busy_pulls, rest_until, open_hints = set(), {}, {}
    served = {}  # pull request: what arrived before this second is reviewed
    backlog_figures, visible_figures = [], []  # one a minute
    out_until = in_until = burst_until = -1.0
    room = []  # tasks with room, lazily

    def push(at, kind, *rest):
        nonlocal order
        order += 1
        heapq.heappush(events, (at, order, kind, rest))

    def hand_out(now):
        nonlocal hidden, working
        if not waiting:
            return
        able = [t for t in tasks if t.works_from <= now and t.busy < policy.jobs]
        while waiting and able:
            arrived, pull = waiting.popleft()
            task = able[rng.randrange(len(able))]
            if served.get(pull, -1.0) >= arrived:
                work, kind = LOOK, "looked"
            elif pull in busy_pulls or rest_until.get(pull, 0.0) > now:
                # Received, found busy, hidden: in flight, and in nobody's way.
                hidden += 1
                until_free = max(HIDE, rest_until.get(pull, 0.0) - now)
                push(now + rng.uniform(until_free, until_free * 1.25), "back", arrived, pull)
                continue
            else:
                work, kind = review_time(rng, with_model), "reviewed"
                busy_pulls.add(pull)
                # What came before is this review's; the wait of a hint that was hidden is the review that it waited for.
                result.waits.append(now - max(arrived, rest_until.get(pull, 0.0)))
                served[pull] = now
            task.busy += 1
            working += 1
            push(now + work, kind, task, pull)
            if task.busy >= policy.jobs:
                able.remove(task)

    def resize(now, wanted):
        nonlocal desired
        wanted = max(policy.least(now), min(policy.maximum, wanted))
        if wanted == desired:
            return False
        result.changes += 1
        desired = wanted
        for _ in range(max(0, desired - len(tasks))):
            works = now + rng.uniform(30, 60)
            tasks.append(Task(works_from=works, started=now, idle_since=works))
            push(works, "up")
        return True

    def shrink(now):
        surplus = len(tasks) - desired
        if surplus <= 0:
            return
        free = [t for t in tasks if t.busy == 0 and (t.works_from > now or now - t.idle_since >= IDLE)]
        for task in free[:surplus]:
            tasks.remove(task)
            result.task_seconds += now - task.started

    def look(now):
        """Once a minute: alarms see what was counted a minute ago."""
        nonlocal out_until, in_until, burst_until
        running = sum(1 for t in tasks if t.works_from <= now)
        backlog = len(waiting) + (working + hidden if policy.in_flight else 0)
        backlog_figures.append(backlog / max(1, running))
        visible_figures.append(len(waiting))
        known = len(backlog_figures) - int(METRIC_LAG // 60)
        figures, visible = backlog_figures[:known], visible_figures[:known]
        if now >= 60 and policy.least(now) > desired:
            resize(now, policy.least(now))
        target = policy.target
        much = len(figures) >= 3 and all(f > target for f in figures[-3:])
        step = next((more for above, more in policy.burst_steps if visible and visible[-1] > above), 0)
        if much and now >= out_until:
            if resize(now, math.ceil(desired * figures[-1] / target)):
                out_until = now + policy.cooldown_out
        if step and now >= burst_until:
            if resize(now, desired + step):
                burst_until = now + policy.burst_cooldown
        if not much and not step and len(figures) >= 15 and all(f < target * 0.9 for f in figures[-15:]):
            if now >= out_until and now >= in_until:
                if resize(now, max(1, math.ceil(desired * figures[-1] / target))):
                    in_until = now + policy.cooldown_in
        result.most_tasks = max(result.most_tasks, len(tasks))
        result.line.append((now, len(tasks), len(waiting), working))

    for at, pull in arrivals:
        push(at, "hint", pull)
    minute = 0.0
    push(minute, "minute")
    left = len(arrivals)
    now = 0.0
    while events:
        now, _, kind, rest = heapq.heappop(events)
        if kind == "hint":
            waiting.append((now, rest[0]))
        elif kind == "back":
            hidden -= 1
            waiting.append((rest[0], rest[1]))
        elif kind in ("reviewed", "looked"):
            task, pull = rest
            task.busy -= 1
            working -= 1
            if task.busy == 0:
                task.idle_since = now
            if kind == "reviewed":
                busy_pulls.discard(pull)
                rest_until[pull] = now + COOLDOWN
                result.reviews += 1
            left = len(waiting) + hidden + working
        elif kind == "minute":
            look(now)
            shrink(now)
            if now < until or (now < until * 1.25 and (waiting or hidden or working)):
                push(now + 60, "minute")
            else:
                break
        hand_out(now)
        if kind != "minute":
            continue
    result.drained_at = now
    result.task_seconds += sum(now - t.started for t in tasks)
    return result


# --- arrivals -----------------------------------------------------------------------------------------------------------

def poisson(rng, rate, seconds=DAY, pulls=None):
    """`rate(second)` a second, thinned from its most."""
    most = max(rate(t) for t in range(0, seconds, 60)) * 1.001
    at, found = 0.0, []
    while True:
        at += rng.expovariate(most)
        if at >= seconds:
            return found
        if rng.random() * most <= rate(at):
            found.append(at)


def working_day(second):
    """Share of the day's mean: nights a tenth, two hills with a lunch between."""
    hour = (second % DAY) / 3600
    hill = math.exp(-((hour - 10.5) ** 2) / 3.4) + 0.95 * math.exp(-((hour - 15.2) ** 2) / 4.5)
    return 0.12 + 3.0 * hill


WORKING_DAY_MEAN = statistics.fmean(working_day(t) for t in range(0, DAY, 300))


def trace(name, per_day, seed=11):
    rng = random.Random(f"{name} {per_day} {seed}")
    mean = per_day / DAY
    if name == "steady":
        times = poisson(rng, lambda _: mean)
    elif name == "daily":
        times = poisson(rng, lambda t: mean * working_day(t) / WORKING_DAY_MEAN)
    elif name == "burst":
        # Fifty times the mean for five minutes, in a day that is otherwise steady.
        times = poisson(rng, lambda t: mean * (50 if 10 * 3600 <= t < 10 * 3600 + 300 else 1))
    elif name == "storm":
        times = poisson(rng, lambda _: mean)
    else:
        raise SystemExit(f"there is no trace {name}")
    arrivals = [(t, f"p{n}") for n, t in enumerate(times)]
    if name == "storm":
        # Every hour ten pull requests get fifty pushes within a minute.
        for hour in range(24):
            for pull in range(10):
                start = hour * 3600 + 1800
                arrivals += [(start + rng.uniform(0, 60), f"storm{hour}-{pull}") for _ in range(50)]
    return sorted(arrivals)


TRACES = ["steady", "daily", "burst", "storm"]


# --- what is compared ---------------------------------------------------------------------------------------------------

def chosen():
    """The policy of infra/parameters/prod.json."""
    given = json.loads((ROOT / "infra/parameters/prod.json").read_text())["Parameters"]
    template = (ROOT / "infra/templates/worker.yaml").read_text()
    above = int(re.search(r"AlarmDescription: Many messages.*?Threshold: (\d+)", template, re.S)[1])
    steps = re.findall(r"MetricIntervalLowerBound: (\d+).*?ScalingAdjustment: (\d+)", template)
    hours = ()
    if int(given["WorkingHoursTasks"]) > int(given["WorkerMinTasks"]):
        hours = ((int(given["WorkingHoursFrom"]), int(given["WorkingHoursTo"]), int(given["WorkingHoursTasks"])),)
    return Policy(
        name="chosen",
        jobs=int(given["WorkerJobs"]),
        minimum=int(given["WorkerMinTasks"]),
        maximum=int(given["WorkerMaxTasks"]),
        target=float(given["BacklogPerTask"]),
        cooldown_out=float(given["ScaleOutCooldown"]),
        cooldown_in=float(given["ScaleInCooldown"]),
        burst_steps=tuple((above + int(low), int(more)) for low, more in reversed(steps)),
        burst_cooldown=float(re.search(r"Cooldown: (\d+)\n +# From the alarm", template)[1]),
        hours=hours,
        vcpu=int(given["WorkerCpu"]) / 1024,
    )


def policies():
    best = chosen()
    return [
        replace(best, name="as many tasks as the mean needs, no scaling", minimum=2, maximum=2, burst_steps=(), hours=()),
        replace(best, name="target tracking, of what waits alone", in_flight=False, target=best.jobs * 10 / 58, burst_steps=()),
        replace(best, name="target tracking, of what waits and is under way", burst_steps=()),
        replace(best, name="**chosen**: the last, and the burst step"),
        replace(best, name="chosen, target half of a task's places", target=best.jobs * 0.5),
        replace(best, name="chosen, target nine tenths", target=best.jobs * 0.9),
        replace(best, name="chosen, 8 places a task", jobs=8, target=best.target * 8 / best.jobs, maximum=best.maximum * 8),
        replace(best, name="chosen, 32 places a task", jobs=32, target=best.target * 32 / best.jobs, maximum=best.maximum * 2),
        replace(best, name="chosen, 128 places a task", jobs=128, target=best.target * 128 / best.jobs, maximum=best.maximum // 2),
        replace(best, name="chosen, twice the tasks at most", maximum=best.maximum * 2),
    ]


def seconds(value):
    return f"{value:.0f} s" if value < 120 else f"{value / 60:.1f} min"


def row(cells):
    return "| " + " | ".join(cells) + " |"


def table_of_policies(per_day):
    compared = ["daily", "burst", "storm"]
    lines = [
        row(["policy", *(f"{name}: wait p95, most; task-hours" for name in compared), "changes a day"]),
        row(["---"] * (len(compared) + 2)),
    ]
    arrivals = {name: trace(name, per_day) for name in compared}
    for policy in policies():
        cells, changes = [policy.name], 0
        for name in compared:
            o = simulate(arrivals[name], policy)
            cells.append(f"{seconds(o.percentile(0.95))}, {seconds(max(o.waits))}; {o.task_seconds / 3600:.0f}")
            changes += o.changes
        lines.append(row([*cells, f"{changes / len(compared):.0f}"]))
    return lines


def table_of_traffic():
    lines = [
        row(["reviews a day", "trace", "wait p50", "p95", "most", "tasks, most", "task-hours", "dollars a day", "dollars for 1,000 reviews"]),
        row(["---:", "---", "---:", "---:", "---:", "---:", "---:", "---:", "---:"]),
    ]
    outcomes = {}
    for per_day in (1_000, 10_000, 100_000):
        for name in TRACES:
            policy = chosen()
            o = outcomes[per_day, name] = simulate(trace(name, per_day), policy)
            lines.append(row([
                f"{per_day:,}", name, seconds(o.percentile(0.5)), seconds(o.percentile(0.95)), seconds(max(o.waits)),
                str(o.most_tasks), f"{o.task_seconds / 3600:.1f}", f"{o.dollars(policy):.2f}",
                f"{o.dollars(policy) / o.reviews * 1000:.3f}",
            ]))
    o = simulate(trace("daily", 100_000), chosen(), with_model=False)
    lines.append(row([
        "100,000", "daily, no model", seconds(o.percentile(0.5)), seconds(o.percentile(0.95)), seconds(max(o.waits)),
        str(o.most_tasks), f"{o.task_seconds / 3600:.1f}", f"{o.dollars(chosen()):.2f}",
        f"{o.dollars(chosen()) / o.reviews * 1000:.3f}",
    ]))
    return lines, outcomes


# --- the plot -----------------------------------------------------------------------------------------------------------

def plot(outcomes, per_day=100_000):
    """Four panels, one a trace: messages that wait (area), places for reviews (line), reviews under way (thin line)."""
    width, height, left, top, gap = 440, 190, 56, 54, 64
    policy = chosen()
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * width + 3 * left - 40} {2 * height + top + 2 * gap + 10}" '
        'font-family="system-ui, sans-serif" font-size="12" role="img" '
        f'aria-label="Tasks and waiting messages over a day of {per_day:,} reviews, for four kinds of traffic">',
        "<style>text{fill:#444}.t{font-weight:600;font-size:13px}.w{fill:#e07b39;fill-opacity:.55}.p{fill:none;stroke:#1f6f4a;"
        "stroke-width:1.8}.r{fill:none;stroke:#6b8fb3;stroke-width:1}.a{stroke:#bbb;stroke-width:1}"
        "@media (prefers-color-scheme:dark){text{fill:#ccc}.a{stroke:#555}}</style>",
        f'<text class="t" x="{left}" y="20">A day of {per_day:,} reviews with a model, under the chosen policy</text>',
        f'<rect class="w" x="{left}" y="30" width="12" height="10"/><text x="{left + 17}" y="39">messages that wait</text>',
        f'<path class="p" d="M{left + 150} 35h18"/><text x="{left + 173}" y="39">places for reviews '
        f"({policy.jobs} a task)</text>",
        f'<path class="r" d="M{left + 360} 35h18"/><text x="{left + 383}" y="39">reviews under way</text>',
    ]
    titles = {"steady": "Steady", "daily": "Working day", "burst": "Fifty times the mean for five minutes at 10:00", "storm": "Push storms: 10 times 50 pushes each hour"}
    for n, name in enumerate(TRACES):
        o = outcomes[per_day, name]
        # Every fourth minute of a day is as much as can be seen; of the burst, all around it.
        line = [point for n, point in enumerate(o.line) if n % 4 == 0 and point[0] <= DAY]
        if name == "burst":
            line = [point for point in o.line if 9.5 * 3600 <= point[0] <= 12.5 * 3600]
        x0 = left + (n % 2) * (width + left)
        y0 = top + (n // 2) * (height + gap) + 24
        first, last = line[0][0], line[-1][0]
        most = max(max(w, t * policy.jobs, r) for _, t, w, r in line) or 1
        def x(t):
            return x0 + (t - first) / (last - first) * width
        def y(v):
            return y0 + height - v / most * height
        area = " ".join(f"{x(t):.1f},{y(w):.1f}" for t, _, w, _ in line)
        places = f"M{x(first):.1f} {y(line[0][1] * policy.jobs):.1f}"
        for t, tasks, _, _ in line[1:]:
            places += f"H{x(t):.1f}V{y(tasks * policy.jobs):.1f}"
        under = "M" + " ".join(f"{x(t):.1f} {y(r):.1f}" for t, _, _, r in line)
        parts += [
            f'<text class="t" x="{x0}" y="{y0 - 8}">{titles[name]}</text>',
            f'<polygon class="w" points="{x(first):.1f},{y(0):.1f} {area} {x(last):.1f},{y(0):.1f}"/>',
            f'<path class="r" d="{under}"/>',
            f'<path class="p" d="{places}"/>',
            f'<path class="a" fill="none" d="M{x0} {y0}V{y0 + height}H{x0 + width}"/>',
            f'<text x="{x0 - 6}" y="{y0 + 5}" text-anchor="end">{most:,}</text>',
            f'<text x="{x0 - 6}" y="{y0 + height}" text-anchor="end">0</text>',
            f'<text x="{x0}" y="{y0 + height + 15}">{first / 3600:.4g} h</text>',
            f'<text x="{x0 + width}" y="{y0 + height + 15}" text-anchor="end">{last / 3600:.4g} h</text>',
            f'<text x="{x0 + width / 2}" y="{y0 + height + 15}" text-anchor="middle">wait p50 {seconds(o.percentile(0.5))}, '
            f"p95 {seconds(o.percentile(0.95))}; {o.task_seconds / 3600:.0f} task-hours, ${o.dollars(policy):.2f}</text>",
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"


def documents():
    traffic, outcomes = table_of_traffic()
    tables = "\n".join([*table_of_policies(100_000), "", *traffic])
    return tables, plot(outcomes)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--write", action="store_true", help="write the tables and the plot into docs/")
    arguments.add_argument("--compare", action="store_true", help="exit with 1 if docs/ hold something else")
    options = arguments.parse_args()
    tables, svg = documents()
    page, picture = ROOT / "docs/scaling.md", ROOT / "docs/scaling.svg"
    if not (options.write or options.compare):
        print(tables)
        return 0
    text = page.read_text()
    before, rest = text.split("<!-- simulation -->\n", 1)
    after = rest.split("<!-- end of simulation -->", 1)[1]
    made = f"{before}<!-- simulation -->\n{tables}\n<!-- end of simulation -->{after}"
    if options.write:
        page.write_text(made)
        picture.write_text(svg)
        return 0
    if made != text or svg != picture.read_text():
        print("docs/scaling.md or docs/scaling.svg is not what the simulation says: run infra/scaling/simulate.py --write", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
