"""Reads telemetry.toml, and holds it against docs/metrics.md: no metric, label or value that isn't there.

Whatever is wrong ends the program with a sentence. Standard library only.
"""

import re
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
AGENT = "eco-coder-agent"
STATS = {
    "counter": {"sum"},
    "gauge": {"sum", "max", "samples"},
    "histogram": {"sum", "count", "avg", "max", "p50", "p95", "p99"},
}


class Metric:
    """A row of docs/metrics.md."""

    def __init__(self, name, kind, unit, labels):
        self.name, self.kind, self.unit, self.labels = name, kind, unit, labels


def metrics():
    found = {}
    table = (ROOT / "docs/metrics.md").read_text().split("<!-- table -->")[1].split("<!-- end of table -->")[0]
    for name, kind, unit, labels in re.findall(r"^\| `(\w+)` \| (\w+) \| (\w+) \| ([^|]*) \|", table, re.M):
        found[name] = Metric(name, kind, unit, re.findall(r"`(\w+)`", labels))
    return found


class Description:
    """The description with everything filled in: series have `kind`, `where` with AgentName, and `set`."""

    def __init__(self):
        self.raw = tomllib.loads((HERE / "telemetry.toml").read_text())
        self.metrics = metrics()
        self.alarms = self.raw["alarm"]
        self.dashboards = self.raw["dashboard"]
        for name, sets in self.raw["dimensions"].items():
            metric = self.metric(name, "[dimensions]")
            for one in sets:
                labels = set(one["labels"]) | set(one.get("only", {}))
                wrong(labels <= set(metric.labels), f"[dimensions]: {name} has no label {labels - set(metric.labels)}")
        for alarm in self.alarms:
            where = f"the alarm {alarm['name']}"
            self.fill(alarm, where)
            wrong(("above" in alarm) != ("below" in alarm), f"{where} needs above or below")
            wrong(alarm["severity"] in ("critical", "warning"), f"{where}: its severity")
            wrong(len(alarm["series"]) == 1 or "expression" in alarm, f"{where} has several series and no expression")
        for dashboard in self.dashboards:
            for widget in dashboard["widget"]:
                if widget.get("shared"):
                    widget["series"] = [dict(s) for s in self.raw["shared"]["series"]] + widget.get("series", [])
                self.fill(widget, f"the widget {widget['title']}")
                used = widget.get("expression", "") + " ".join(part["expression"] for part in widget.get("parts", []))
                if used:
                    used = " ".join(self.expand(used, target) for target in ("cloudwatch", "prometheus"))
                    widget["series"] = [s for s in widget["series"] if re.search(rf"\b{s['id']}\b", used)]

    def metric(self, name, where):
        wrong(name in self.metrics, f"{where}: docs/metrics.md has no metric {name}")
        return self.metrics[name]

    def sets(self, metric):
        """Sets of dimensions in CloudWatch: (labels, only)."""
        given = self.raw["dimensions"].get(metric.name, [{"labels": metric.labels}])
        return [(one["labels"] or ["AgentName"], one.get("only", {})) for one in given]

    def values(self, metric, label):
        values = self.raw["values"].get(f"{metric.name}.{label}") or self.raw["values"].get(label)
        wrong(values, f"[values] has none for {label} of {metric.name}")
        return values

    def fill(self, about, where):
        ids = [series["id"] for series in about.get("series", [])]
        wrong(len(ids) == len(set(ids)), f"{where}: two series have the same id")
        for series in about.get("series", []):
            if "aws" in series:
                wrong("prometheus" in series or "prometheus" in about, f"{where}: {series['id']} says nothing for Prometheus")
                stands = series.get("prometheus")
                if isinstance(stands, dict):
                    metric = self.metric(stands["metric"], where)
                    stands.update(kind=metric.kind, where={})
                continue
            metric = self.metric(series["metric"], where)
            series["kind"] = metric.kind
            wrong(series["stat"] in STATS[metric.kind], f"{where}: {metric.name} is a {metric.kind} and has no {series['stat']}")
            # Each task tells a gauge once a minute: only over a minute is their sum the fleet's.
            wrong(series["stat"] != "sum" or metric.kind != "gauge" or about.get("window") == 60, f"{where}: the sum of a gauge needs window 60")
            given = dict(series.get("where", {}))
            for label, value in given.items():
                wrong(label in metric.labels, f"{where}: {metric.name} has no label {label}")
                wrong(value in self.values(metric, label), f"{where}: {label} of {metric.name} is never {value}")
            if "by" in series:
                wrong(series["by"] in metric.labels, f"{where}: {metric.name} has no label {series['by']}")
            if "each" in about:
                wrong(about["each"] in metric.labels, f"{where}: {metric.name} has no label {about['each']}")
            if "AgentName" in metric.labels:
                given["AgentName"] = AGENT
            series["where"] = given
            labels = set(given) | {series[k] for k in ("by",) if k in series} | ({about["each"]} if "each" in about else set())
            if not labels:
                labels = {"AgentName"}
            for names, only in self.sets(metric):
                if set(names) == labels and all(given.get(label) == value for label, value in only.items()):
                    break
            else:
                raise SystemExit(f"telemetry.toml: {where}: CloudWatch keeps {metric.name} under no set {sorted(labels)}")

    def expand(self, expression, target):
        """Macros and prices in place of their names."""
        for _ in range(5):
            for name, text in self.raw["macros"].items():
                text = text if isinstance(text, str) else text[target]
                expression = expression.replace(f"{{{name}}}", f"({text})")
            for name, price in self.raw["prices"].items():
                expression = expression.replace(f"{{{name}}}", f"{price:g}")
        wrong("{" not in expression.replace("${", ""), f"an expression knows no such name: {expression}")
        return expression


def wrong(holds, sentence):
    if not holds:
        raise SystemExit(f"telemetry.toml: {sentence}")
