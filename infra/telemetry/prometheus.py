"""What the description says, in PromQL; and the alert rules."""

import json
import re


def span(seconds):
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def selector(name, where):
    inside = ",".join(f'{label}="{value}"' for label, value in sorted(where.items()))
    return f"{name}{{{inside}}}" if inside else name


def query(series, window, by=None):
    """One series over a window, in seconds; `by` a label that splits it."""
    name, where, kind, stat = series["metric"], series.get("where", {}), series["kind"], series["stat"]
    sum_by = f"sum by ({by})" if by else "sum"
    over = span(window)
    if kind == "counter":
        return f"{sum_by} (increase({selector(name, where)}[{over}]))"
    if kind == "gauge":
        return f"{'max' if stat == 'max' else sum_by} ({selector(name, where)})"
    if stat == "sum":
        return f"{sum_by} (increase({selector(name + '_sum', where)}[{over}]))"
    if stat == "count":
        return f"{sum_by} (increase({selector(name + '_count', where)}[{over}]))"
    if stat == "avg":
        return f"{sum_by} (rate({selector(name + '_sum', where)}[{over}])) / {sum_by} (rate({selector(name + '_count', where)}[{over}]))"
    labels = f"le, {by}" if by else "le"
    quantile = 1 if stat == "max" else int(stat[1:]) / 100
    return f"histogram_quantile({quantile:g}, sum by ({labels}) (rate({selector(name + '_bucket', where)}[{over}])))"


def of(series, window, by=None):
    """As `query`, for series of AWS what stands for them; "" if nothing does."""
    if "aws" not in series:
        return query(series, window, by)
    stands = series.get("prometheus", "")
    return query(stands, window, by) if isinstance(stands, dict) else stands


def calculated(description, expression, series, window, by=None):
    """An expression over series; without figures they count as 0."""
    asked = {one["id"]: of(one, window, by) for one in series}
    none = f"0 * {asked[series[0]['id']]}" if by else "vector(0)"

    def put(match):
        name = match.group(0)
        if name not in asked:
            return name
        return f"(({asked[name]}) or {none})" if asked[name] else "0"

    return re.sub(r"[a-z_][a-z_0-9]*", put, description.expand(expression, "prometheus"))


def rules(description, remark):
    lines = [f"# {remark}", "groups:", "  - name: eco-coder", "    rules:"]
    for alarm in description.alarms:
        if "prometheus" in alarm:
            condition = alarm["prometheus"]
        else:
            window = alarm["window"]
            asked = (
                calculated(description, alarm["expression"], alarm["series"], window)
                if "expression" in alarm
                else of(alarm["series"][0], window)
            )
            condition = f"{asked} > {alarm['above']}" if "above" in alarm else f"{asked} < {alarm['below']}"
        lines += [
            f"      - alert: {alert(alarm)}",
            f"        expr: {json.dumps(condition)}",
            *([f"        for: {span(alarm['hold'])}"] if "hold" in alarm else []),
            f"        labels: {{severity: {alarm['severity']}}}",
            "        annotations:",
            f"          summary: {json.dumps(alarm['says'])}",
            f"          runbook: {json.dumps('docs/runbook.md, ' + alarm['runbook'])}",
        ]
    return "\n".join(lines) + "\n"


def alert(alarm):
    return "EcoCoder" + "".join(word.capitalize() for word in alarm["name"].split("-"))
