"""What the description says, in CloudWatch's words: the templates of alarms and dashboards."""

import json
import re

STATS = {"sum": "Sum", "count": "SampleCount", "samples": "SampleCount", "avg": "Average", "max": "Maximum"}
COLOURS = {"red": "#d62728", "yellow": "#dbdb8d", "green": "#2ca02c"}
UNITS = {"ms": "Milliseconds", "percent": "%", "massg": "gCO2e", "currencyUSD": "US dollars", "short": ""}
DAY = 86400


def stat(name):
    return STATS.get(name, name)


def place(series, description, extra=None):
    """(namespace, metric, dimensions) of a series, with more labels."""
    if "aws" in series:
        namespace, name = series["aws"].split()
        return namespace, name, series["dimensions"]
    where = {**series.get("where", {}), **(extra or {})} or {"AgentName": "eco-coder-agent"}
    return description.raw["namespace"], series["metric"], where


def filled(description, expression, ids):
    """Metric math: what has no figure is 0."""
    return re.sub(
        r"(?<![$\w{])[a-z_][a-z_0-9]*(?![\w}])",
        lambda m: f"FILL({ids[m.group(0)]}, 0)" if m.group(0) in ids else m.group(0),
        description.expand(expression, "cloudwatch"),
    )


# ---- alarms


def alarms(description, remark):
    out = [
        'AWSTemplateFormatVersion: "2010-09-09"',
        'Description: "Eco-Coder: the alarms. docs/runbook.md says of each what it means and what to do."',
        "",
        f"# {remark}",
        "Parameters:",
        "  Suffix: {Type: String}",
        '  ImageTag: {Type: String, Description: "Empty: there are no tasks to watch yet"}',
        "  Cluster: {Type: String}",
        "  QueueName: {Type: String}",
        "  DeadLetterName: {Type: String}",
        "  CriticalTopicArn: {Type: String}",
        "  WarningTopicArn: {Type: String}",
        '  CollectorImage: {Type: String, Description: "Empty: no metric of ours is in CloudWatch"}',
        '  Standby: {Type: String, AllowedValues: ["true", "false"]}',
        "",
        "Conditions:",
        '  HasImage: !Not [!Equals [!Ref ImageTag, ""]]',
        "  # A stand-by has no workers until it is needed.",
        '  Watched: !And [!Condition HasImage, !Equals [!Ref Standby, "false"], !Not [!Equals [!Ref CollectorImage, ""]]]',
        "",
        "Resources:",
    ]
    for alarm in description.alarms:
        topic = "CriticalTopicArn" if alarm["severity"] == "critical" else "WarningTopicArn"
        name = "".join(word.capitalize() for word in alarm["name"].split("-"))
        said = f"{alarm['says']}. docs/runbook.md, {alarm['runbook']}"
        out += [f"  {name}:", "    Type: AWS::CloudWatch::Alarm"]
        if "if" in alarm:
            out.append(f"    Condition: {alarm['if']}")
        out += [
            "    Properties:",
            f'      AlarmName: !Sub "eco-coder${{Suffix}}-{alarm["name"]}"',
            f"      AlarmDescription: {json.dumps(said)}",
        ]
        if "expression" in alarm:
            ids = {s["id"]: s["id"] for s in alarm["series"]}
            out.append("      Metrics:")
            for series in alarm["series"]:
                namespace, metric, where = place(series, description)
                out += [
                    f"        - Id: {series['id']}",
                    "          ReturnData: false",
                    "          MetricStat:",
                    f"            Stat: {stat(series['stat'])}",
                    f"            Period: {alarm['window']}",
                    f"            Metric: {{Namespace: {namespace}, MetricName: {metric}, Dimensions: {dimensions(where)}}}",
                ]
            out += [
                f"        - Id: {alarm['name'].replace('-', '_')}",
                f"          Expression: {json.dumps(filled(description, alarm['expression'], ids))}",
                f"          Label: {json.dumps(alarm['says'])}",
                "          ReturnData: true",
            ]
        else:
            (series,) = alarm["series"]
            namespace, metric, where = place(series, description)
            percentile = series["stat"].startswith("p") and series["stat"] != "samples"
            out += [
                f"      Namespace: {namespace}",
                f"      MetricName: {metric}",
                f"      Dimensions: {dimensions(where)}",
                f"      {'ExtendedStatistic' if percentile else 'Statistic'}: {stat(series['stat'])}",
                f"      Period: {alarm['window']}",
            ]
        periods = alarm.get("hold", alarm["window"]) // alarm["window"]
        out += [
            f"      EvaluationPeriods: {periods}",
            f"      Threshold: {alarm['above'] if 'above' in alarm else alarm['below']}",
            f"      ComparisonOperator: {'GreaterThanThreshold' if 'above' in alarm else 'LessThanThreshold'}",
            f"      TreatMissingData: {alarm.get('missing', 'notBreaching')}",
            f"      AlarmActions: [!Ref {topic}]",
            f"      OKActions: [!Ref {topic}]",
            "",
        ]
    return "\n".join(out[:-1]) + "\n"


def dimensions(where):
    one = lambda value: f"!Sub {json.dumps(value)}" if "${" in value else value
    return "[" + ", ".join(f"{{Name: {name}, Value: {one(value)}}}" for name, value in sorted(where.items())) + "]"


# ---- dashboards


def dashboards(description, remark):
    out = [
        'AWSTemplateFormatVersion: "2010-09-09"',
        'Description: "Eco-Coder: the dashboards eco-coder-operations, eco-coder-performance and eco-coder-costs."',
        "",
        f"# {remark}",
        "Parameters:",
        "  Suffix: {Type: String}",
        "  Cluster: {Type: String}",
        "  QueueName: {Type: String}",
        "  DeadLetterName: {Type: String}",
        "  WorkerCpu: {Type: Number}",
        "",
        "Resources:",
    ]
    for dashboard in description.dashboards:
        body = json.dumps(
            {"start": "-PT24H", "periodOverride": "inherit", "widgets": widgets(description, dashboard)}, indent=1
        )
        out += [
            f"  {dashboard['name'].capitalize()}:",
            "    Type: AWS::CloudWatch::Dashboard",
            "    Properties:",
            # Dashboards are the account's, not a region's.
            f'      DashboardName: !Sub "eco-coder-{dashboard["name"]}${{Suffix}}"',
            "      DashboardBody: !Sub |",
            *(f"        {line}" for line in body.splitlines()),
            "",
        ]
    return "\n".join(out[:-1]) + "\n"


def widgets(description, dashboard):
    made, x, y, row = [], 0, 0, 0
    for widget in dashboard["widget"]:
        width, height = size(widget)
        if x + width > 24:
            x, y, row = 0, y + row, 0
        made.append({"x": x, "y": y, "width": width, "height": height, **one(description, widget)})
        x, row = x + width, max(row, height)
    return made


def size(widget):
    small = {"number": (6, 6), "gauge": (6, 6), "text": (6, 6)}
    return small.get(widget["kind"], (12, 6))


def one(description, widget):
    if widget["kind"] == "text":
        return {"type": "text", "properties": {"markdown": f"### {widget['title']}\n{widget['text']}"}}
    kind = widget["kind"]
    view = {"line": "timeSeries", "area": "timeSeries", "number": "singleValue", "gauge": "gauge", "pie": "pie", "bar": "bar"}[kind]
    period = widget.get("window", 300)
    properties = {
        "title": widget["title"],
        "region": "${AWS::Region}",
        "view": view,
        "stacked": kind == "area",
        "period": period,
        "metrics": [],
    }
    if kind not in ("line", "area"):
        properties["setPeriodToTimeRange"] = True
    unit = UNITS[widget["unit"]]
    if kind in ("line", "area"):
        properties["yAxis"] = {"left": {"min": 0, "label": unit, "showUnits": False}}
    if kind == "gauge":
        properties["yAxis"] = {"left": {"min": 0, "max": 100}}
        steps = widget["steps"]
        properties["annotations"] = {
            "horizontal": [
                {"color": COLOURS["red"], "label": "bad", "value": steps["yellow"], "fill": "below"},
                [
                    {"color": COLOURS["yellow"], "label": "watch", "value": steps["yellow"]},
                    {"value": steps["green"]},
                ],
                {"color": COLOURS["green"], "label": "good", "value": steps["green"], "fill": "above"},
            ]
        }
    metrics = properties["metrics"]
    for each in description.raw["values"][widget["each"]] if "each" in widget else [None]:
        ids = {}
        for series in widget["series"]:
            hidden = "expression" in widget or "parts" in widget
            splits = [None]
            if "by" in series:
                splits = description.values(description.metrics[series["metric"]], series["by"])
            for split in splits:
                extra = {widget["each"]: each} if each else {series["by"]: split} if split else {}
                namespace, metric, where = place(series, description, extra)
                said = series["id"] + (f"_{identifier(split or each)}" if split or each else "")
                ids[series["id"]] = said
                row = [namespace, metric, *(part for pair in sorted(where.items()) for part in pair)]
                options = {"id": said, "stat": stat(series["stat"])}
                if hidden:
                    options["visible"] = False
                else:
                    options["label"] = split or series.get("label", widget["title"])
                metrics.append([*row, options])
        parts = widget.get("parts") or ([{"label": each or widget["title"], "expression": widget["expression"]}] if "expression" in widget else [])
        for n, part in enumerate(parts):
            expression = filled(description, part["expression"], ids)
            said = f"part_{n}" + (f"_{identifier(each)}" if each else "")
            metrics.append([{"id": said, "expression": expression, "label": part["label"]}])
    return {"type": "metric", "properties": properties}


def identifier(text):
    return re.sub(r"\W", "_", text)
