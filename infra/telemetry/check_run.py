"""Holds what is watched against what the processes really told in a run.

    infra/telemetry/check_run.py RUN

RUN is a folder: *.metrics are answers of /metrics, *.log are log lines of the same processes, which ran to their ends with
`telemetry.emf`. tests/e2e/telemetry.rs makes one. Held are: each metric, label and value that an alarm or a dashboard asks for, or
docs/metrics.md names; the lines in the embedded metric format, value by value; each query of infra/templates/logs.yaml and
docs/runbook.md, which must find something, and name no field that isn't there. Standard library only; prints what is wrong, and exits
with 1.
"""

import json
import re
import sys
from pathlib import Path

import insights
from description import AGENT, ROOT, Description

# What such a run can't have, with what else shows it.
ABSENT = {
    "CodeGuruReviewTime": "no association; tests/e2e/codeguru.rs",
    "ModelEnergy": "nothing is published of that model; worker/src/review/inspect.rs",
}
# It speaks to one service of AWS; tests/e2e/telemetry.rs holds the others against the roles.
ONE_SERVICE = "AwsCalls"
SAMPLE = re.compile(r"^(\w+?)(_bucket|_sum|_count)?(?:\{(.*)\})? (\S+)$")
UNITS = {"milliseconds": "Milliseconds", "seconds": "Seconds", "count": "None"}
wrong = []


def check(holds, sentence):
    if not holds:
        wrong.append(sentence)


def samples(text):
    for line in text.splitlines():
        match = SAMPLE.match(line)
        if match:
            name, part, labels, number = match.groups()
            yield name, part or "", dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or "")), float(number)


def told(description, scraped):
    """Every name is there, with its labels."""
    for name, metric in description.metrics.items():
        found = [labels for known, _, labels, _ in scraped if known == name]
        if name in ABSENT:
            check(not found, f"{name} is told, and check_run.py says that it can't be: {ABSENT[name]}")
            continue
        check(found, f"{name} of docs/metrics.md is not told")
        for labels in found:
            check(set(labels) - {"le"} == set(metric.labels), f"{name} has the labels {sorted(labels)}, not {metric.labels}")
    for name, _, _, _ in scraped:
        check(name in description.metrics, f"{name} is told, and docs/metrics.md doesn't know it")
    asked = [(f"the alarm {a['name']}", s) for a in description.alarms for s in a["series"]]
    asked += [(f"the widget {w['title']}", s) for d in description.dashboards for w in d["widget"] for s in w.get("series", [])]
    for where, series in asked:
        name = series.get("metric")
        if not name or name in ABSENT or name == ONE_SERVICE:
            continue
        has = [labels for known, _, labels, _ in scraped if known == name]
        wanted = series["where"]
        check(any(wanted.items() <= labels.items() for labels in has), f"{where}: {name} is never told with {wanted}")
        if "by" in series:
            values = {labels[series["by"]] for labels in has}
            known = set(description.values(description.metrics[name], series["by"]))
            check(values <= known, f"{where}: {name} has {series['by']} {values - known}, which it doesn't show")
            if description.metrics[name].kind == "counter":
                check(known <= values, f"{where}: {name} never has {series['by']} {known - values}")


def embedded(description, scraped, lines):
    """The values that the lines have are those that the histograms counted."""
    counted = {}
    for line in lines:
        metadata = line["_aws"]
        check(set(metadata) == {"Timestamp", "CloudWatchMetrics"}, f"an embedded line has {sorted(metadata)}")
        check(isinstance(metadata["Timestamp"], int) and metadata["Timestamp"] > 1_600_000_000_000, "an embedded line's time is no milliseconds")
        for directive in metadata["CloudWatchMetrics"]:
            check(set(directive) == {"Namespace", "Dimensions", "Metrics"}, f"a directive has {sorted(directive)}")
            check(directive["Namespace"] == description.raw["namespace"], directive["Namespace"])
            for one in directive["Metrics"]:
                name, values = one["Name"], line[one["Name"]]
                metric = description.metrics[name]
                check(one == {"Name": name, "Unit": UNITS[metric.unit]}, f"{one}")
                check(isinstance(values, list) and 0 < len(values) <= 100, f"{name}: {values}")
                check(all(isinstance(v, (int, float)) and abs(v) < 2**360 for v in values), f"{name}: {values}")
                sets = [sorted(labels) for labels, _ in description.sets(metric)]
                check(sorted(map(sorted, directive["Dimensions"])) == sorted(sets), f"{name} is kept under {directive['Dimensions']}, and watched under {sets}")
                for label in {label for labels in directive["Dimensions"] for label in labels}:
                    check(isinstance(line.get(label), str) and 0 < len(line[label]) <= 1024, f"{name}: its label {label}")
                check(line["AgentName"] == AGENT, f"{name}: its AgentName")
                key = (name, *sorted((label, line[label]) for label in metric.labels))
                counted.setdefault(key, []).extend(values)
    for name, part, labels, number in scraped:
        if part == "_count":
            values = counted.get((name, *sorted(labels.items())), [])
            check(len(values) >= number, f"{name} {labels} counted {number:g}, and {len(values)} values were written")
    return sum(map(len, counted.values()))


def queries():
    """Saved ones by their names, and those that the runbook shows."""
    saved = (ROOT / "infra/templates/logs.yaml").read_text()
    for name, text in re.findall(r'Name: !Sub "eco-coder\$\{Suffix\}/([^"]+)".*?QueryString: \|-\n((?:        [^\n]*\n)+)', saved, re.S):
        yield name, text
    for text in re.findall(r"```\n(\s*(?:filter|fields)[^`]*)```", (ROOT / "docs/runbook.md").read_text()):
        yield f"docs/runbook.md: {' '.join(text.split())[:60]}", text
    for text in re.findall(r"`((?:filter|fields) [^`]+)`", (ROOT / "docs/runbook.md").read_text()):
        yield f"docs/runbook.md: {text}", text


def asked(lines):
    count = 0
    # The runbook's example is a pull request that isn't in every run.
    numbers = [n for n in (insights.value(line, "parameters.pr_number") for line in lines) if n is not None]
    for name, text in queries():
        count += 1
        text = re.sub(r"= 17\b", f"= {numbers[0] if numbers else 0}", text)
        try:
            rows, names = insights.run(text, lines)
        except insights.Refused as reason:
            wrong.append(f"{name}: the interpreter doesn't know {reason}")
            continue
        check(rows, f"{name} finds nothing")
        for field in sorted(names):
            check(any(insights.value(line, field) is not None for line in lines), f"{name}: no line has {field}")
        if "stats" in text:
            check(any(v is not None for row in rows for v in row.values()), f"{name}: nothing but gaps")
    return count


def main():
    run = Path(sys.argv[1])
    description = Description()
    scraped = [sample for path in run.glob("*.metrics") for sample in samples(path.read_text())]
    lines = []
    for path in sorted(run.glob("*.log")):
        for line in path.read_text().splitlines():
            try:
                lines.append(json.loads(line))
            except ValueError:
                wrong.append(f"{path.name}: this is no JSON: {line[:200]}")
    told(description, scraped)
    written = embedded(description, scraped, [line for line in lines if "_aws" in line])
    count = asked(lines)
    print("\n".join(wrong) or f"telemetry: {len(description.metrics)} metrics, {written} values, {count} queries over {len(lines)} lines are as they are watched")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
