"""Holds infra/templates/dashboards.yaml against the documented form of CloudWatch's dashboards ("Dashboard body structure and syntax").

    infra/telemetry/check_cloudwatch.py

Needs PyYAML. Prints what is wrong, and exits with 1.
"""

import json
import re
import sys
from pathlib import Path

import yaml

TEMPLATE = Path(__file__).resolve().parents[1] / "templates/dashboards.yaml"
VIEWS = {"timeSeries", "singleValue", "gauge", "bar", "pie", "table"}
PROPERTIES = {
    "accountId", "annotations", "labels", "legend", "liveData", "metrics", "period", "region", "setPeriodToTimeRange",
    "singleValueFullPrecision", "sparkline", "stacked", "stat", "table", "timezone", "title", "trend", "view", "yAxis", "start", "end",
}
OPTIONS = {"accountId", "color", "expression", "id", "label", "period", "region", "stat", "visible", "yAxis"}
STAT = re.compile(r"^(SampleCount|Average|Sum|Minimum|Maximum|p\d{1,2}(\.\d+)?|p100|IQM|(tm|wm|tc|ts|pr)\d.*)$")
wrong = []


def check(holds, sentence):
    if not holds:
        wrong.append(sentence)


class Loader(yaml.SafeLoader):
    """CloudFormation's tags as their plain values."""


Loader.add_multi_constructor("!", lambda loader, suffix, node: loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else loader.construct_sequence(node))


def body(name, text, parameters):
    for word in re.findall(r"\$\{([^}]*)\}", text):
        check(word in parameters or word.startswith("AWS::"), f"{name}: {word} is no parameter of the template")
    for word, value in (("WorkerCpu", "512"), ("AWS::Region", "us-east-1"), (r"\w+", "x")):
        text = re.sub(rf"\$\{{{word}\}}", value, text)
    read = json.loads(text)
    check(set(read) <= {"start", "end", "periodOverride", "variables", "widgets"}, f"{name}: {set(read)}")
    check(re.fullmatch(r"-P(T?\d+[A-Z])+", read["start"]), f"{name}: its start")
    check(read["periodOverride"] in ("auto", "inherit"), f"{name}: periodOverride")
    check(0 < len(read["widgets"]) <= 500, f"{name}: its widgets")
    taken = set()
    for widget in read["widgets"]:
        title = widget["properties"].get("title", "a text")
        where = f"{name}, {title}"
        check(set(widget) == {"type", "x", "y", "width", "height", "properties"}, f"{where}: {set(widget)}")
        check(widget["x"] >= 0 and 1 <= widget["width"] and widget["x"] + widget["width"] <= 24, f"{where}: beyond the 24 columns")
        check(1 <= widget["height"] <= 1000, f"{where}: its height")
        cells = {(x, y) for x in range(widget["x"], widget["x"] + widget["width"]) for y in range(widget["y"], widget["y"] + widget["height"])}
        check(not cells & taken, f"{where}: lies on another widget")
        taken |= cells
        if widget["type"] == "text":
            check(set(widget["properties"]) <= {"markdown", "background"} and widget["properties"]["markdown"], f"{where}: a text's properties")
        else:
            check(widget["type"] == "metric", f"{where}: the type {widget['type']}")
            metric(where, widget["properties"])
    return len(read["widgets"])


def metric(where, properties):
    check(set(properties) <= PROPERTIES, f"{where}: {set(properties) - PROPERTIES}")
    check(properties["view"] in VIEWS, f"{where}: the view {properties['view']}")
    check(properties["region"] and properties["period"] % 60 == 0, f"{where}: region and period")
    check(not properties.get("stacked") or properties["view"] == "timeSeries", f"{where}: only time series are stacked")
    axes = properties.get("yAxis", {})
    check(set(axes) <= {"left", "right"}, f"{where}: axes")
    for axis in axes.values():
        check(set(axis) <= {"label", "min", "max", "showUnits"}, f"{where}: an axis")
    if properties["view"] == "gauge":
        check({"min", "max"} <= set(axes.get("left", {})), f"{where}: a gauge needs both ends of its axis")
    for mark in properties.get("annotations", {}).get("horizontal", []):
        for one in mark if isinstance(mark, list) else [mark]:
            check(set(one) <= {"color", "fill", "label", "value", "visible", "yAxis"} and "value" in one, f"{where}: an annotation")
            check(re.fullmatch(r"#[0-9a-f]{6}", one.get("color", "#000000")), f"{where}: a colour")
            check(one.get("fill", "none") in ("above", "below", "none"), f"{where}: a filling")
    check(0 < len(properties["metrics"]) <= 500, f"{where}: its metrics")
    ids, expressions, shown = set(), [], 0
    for row in properties["metrics"]:
        *place, options = row
        check(isinstance(options, dict) and set(options) <= OPTIONS, f"{where}: {options}")
        check(re.fullmatch(r"[a-z][a-zA-Z0-9_]*", options["id"]) and options["id"] not in ids, f"{where}: the id {options['id']}")
        ids.add(options["id"])
        shown += options.get("visible", True)
        if place:
            check(len(place) % 2 == 0 and 2 <= len(place) <= 62, f"{where}: {place}")
            check(all(isinstance(word, str) and 0 < len(word) <= 1024 for word in place), f"{where}: {place}")
            check(STAT.match(options.get("stat", "Average")), f"{where}: the statistic {options.get('stat')}")
        else:
            expressions.append(options["expression"])
    check(shown, f"{where}: shows nothing")
    if properties["view"] in ("singleValue", "gauge"):
        check(shown == 1, f"{where}: one number, not {shown}")
    for expression in expressions:
        words = set(re.findall(r"[A-Za-z_]\w*", expression))
        check(words <= ids | {"FILL"}, f"{where}: {words - ids - {'FILL'}} in {expression}")
        check(expression.count("(") == expression.count(")") and re.fullmatch(r"[\w\s.,+*/()-]+", expression), f"{where}: {expression}")


def main():
    template = yaml.load(TEMPLATE.read_text(), Loader)
    count = 0
    for name, resource in template["Resources"].items():
        check(resource["Type"] == "AWS::CloudWatch::Dashboard", f"{name} is a {resource['Type']}")
        count += body(name, resource["Properties"]["DashboardBody"], set(template["Parameters"]))
    print("\n".join(wrong) or f"cloudwatch: {count} widgets of {len(template['Resources'])} dashboards are of the documented form")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
